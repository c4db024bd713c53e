// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "node/lru_table.hpp"
#include "node/source.hpp"
#include "store/store.hpp"
#include "wire/limits.hpp"

namespace toxasync::node {

/// How full a store is, in bytes.
struct Fill {
  std::uint64_t used = 0;
  std::uint64_t capacity = 0;

  [[nodiscard]] double level() const noexcept;  ///< 0 to 1
  [[nodiscard]] std::uint64_t free() const noexcept { return used >= capacity ? 0 : capacity - used; }
};

/// How long mail is kept at most: the longest time while the store is at most half full, falling in a
/// straight line to a day when it is 90 % full.
seconds longest_ttl(const Fill& fill) noexcept;

/// Divides the free space of a store that fills up among the networks that mail comes from
/// (docs/admission.md).
///
/// For each network an account of what its mail uses: bytes times the seconds that they will still be kept.
/// While the store is at most half full, accounts refuse nothing. Past that, mail is accepted only if none of
/// its source's three networks would come to hold more than its part of what is *free*, for a day: an eighth,
/// a quarter, a half. So there is always space left for those who have used none yet, however many come, and
/// whoever wants mail kept for long gets less of it (Choudhury and Hahne, "Dynamic queue lengths in an
/// ATM shared-memory switch", 1996, for packets). In memory only.
class StorageQuota {
 public:
  static constexpr double unshared_level = 0.5;
  /// Bounds of what wait() returns: the mail of others comes and goes meanwhile.
  static constexpr seconds least_wait = 1min;
  static constexpr seconds longest_wait = 1h;

  /// Past so many networks (about 570 bytes each), and deposits (about 200), the one untouched for longest is
  /// forgotten.
  StorageQuota(std::size_t networks, std::size_t deposits, const ByteArray<16>& hash_key)
      : accounts_(networks, hash_key), deposits_(deposits, hash_key) {}

  struct Admission {
    seconds wait = 0s;  ///< Before the source should ask again; 0: it is charged.
    seconds ttl = 0s;   ///< What is granted.
  };
  /// Charges the source for what is to be kept for `asked`, at most for as long as a store that full keeps
  /// mail; unless it has used up its share.
  [[nodiscard]] Admission admit(const Source& source, std::size_t bytes, seconds asked, const Fill& fill,
                                UnixTime now);

  /// How long the source should wait before it asks again to have `bytes` kept until then; 0: not at all.
  [[nodiscard]] seconds wait(const Source& source, std::size_t bytes, UnixTime expires_at, const Fill& fill,
                             UnixTime now) noexcept;

  void charge(const Source& source, std::size_t bytes, UnixTime expires_at, UnixTime now);
  /// Takes back a charge, or what is left of it.
  void refund(const Source& source, std::size_t bytes, UnixTime expires_at, UnixTime now) noexcept;

  /// Remembers the source of a record, so that it is no longer charged when the owner fetches it early.
  void remember(const Source& source, const store::Mailbox& mailbox, const store::RecordId& id,
                std::size_t value_bytes, UnixTime expires_at);
  /// A record is kept for longer: charged to the source that is remembered for it, if any.
  void extend(const Source& source, const store::RecordId& id, UnixTime expires_at) noexcept;
  /// The owner of the mailbox deleted these: their values are refunded, their tombstones are not.
  void fetched(const store::Mailbox& mailbox, std::span<const store::RecordId> ids, UnixTime now) noexcept;

  /// What the source, its smallest network, is charged at present, in byte-seconds.
  [[nodiscard]] std::uint64_t charged(const Source& source, UnixTime now) noexcept;

 private:
  /// Times of expiry are rounded up to quarters of a day: so a network costs 57 numbers, and what was charged
  /// can be refunded exactly.
  using Slots = std::chrono::duration<std::int64_t, std::ratio<21600>>;
  using SlotTime = std::chrono::sys_time<Slots>;
  static constexpr std::size_t slots = limits::largest_time_to_live / Slots{1} + 1;
  static SlotTime slot_of(UnixTime time) noexcept { return std::chrono::ceil<Slots>(time); }
  struct Account {
    /// 4 TiB, four times the largest store: so that byte-seconds fit in 64 bits, whatever is charged.
    static constexpr std::uint64_t most_in_slot = 1ULL << 42U;

    SlotTime first_slot{};                     ///< The one that ends next.
    std::array<std::uint64_t, slots> bytes{};  ///< That expire in each, from the first.

    void advance(UnixTime now) noexcept;
    /// The place of what expires then.
    [[nodiscard]] std::uint64_t& at(UnixTime expires_at) noexcept;
    [[nodiscard]] std::uint64_t byte_seconds(UnixTime now) const noexcept;
    [[nodiscard]] std::uint64_t total() const noexcept;
  };
  struct Deposit {
    Source source;
    std::uint16_t bytes = 0;
    store::Mailbox mailbox{};
    UnixTime expires_at{};
  };

  [[nodiscard]] Account* find(const SourcePrefix& network, UnixTime now) noexcept;

  LruTable<SourcePrefix, Account> accounts_;
  LruTable<store::RecordId, Deposit> deposits_;
};

}  // namespace toxasync::node
