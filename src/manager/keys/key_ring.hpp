// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "manager/core/part.hpp"
#include "manager/core/services.hpp"

namespace toxasync::manager {

/// First 8 bytes of a root's M: names the root in our own state.
using RootId = Id<struct RootIdTag, 8>;

/// A root of ours. The latest is given to friends; the others are still polled.
struct Root {
  explicit Root(crypto::KeyPair keys, UnixTime created = {}, UnixTime replace_at = {}, UnixTime retired = {});

  crypto::KeyPair pair;
  crypto::KeyPair
      cover;  ///< Root of the mailboxes of its time that are cover (docs/protocol.md, section 10).
  UnixTime created{};
  UnixTime replace_at{};  ///< Its time as the latest is over then.
  UnixTime retired{};     ///< Since when it is not the latest; {}: it is.

  [[nodiscard]] RootId id() const noexcept { return id_from<RootId>(pair.public_key); }
};

/// A pre-key of ours whose private half we still have.
struct PreKey {
  crypto::KeyPair pair;
  UnixTime use_until{};
  FriendKey given_to{};       ///< One-time keys: the only friend who may use it.
  std::uint64_t version = 0;  ///< One-time keys: the bundle that brought it to them.
  bool one_time = false;
};

/// Our installation's own keys (docs/protocol.md, sections 3 and 5).
class KeyRing final : public Part {
 public:
  static constexpr seconds last_resort_replaced_after = days(7);
  static constexpr seconds use_for = days(28);
  /// Private halves outlive the time of their use by the longest time that mail may be under way.
  static constexpr seconds kept_longer = days(15);
  /// A bundle's time of use is that of its last-resort key, which may be a week shorter than that of its
  /// one-time keys: a day before that they no longer count.
  static constexpr seconds stale_before_end = last_resort_replaced_after + 24h;

  static constexpr seconds root_replaced_after = days(30);
  /// After a friend was removed, so that several who are removed together cost one new root; the second,
  /// while more than so many roots are held.
  static constexpr seconds root_replaced_after_removal = 1min;
  static constexpr seconds root_replaced_after_removals = 24h;
  static constexpr std::size_t roots_replaced_soon = 6;
  /// A replaced root is polled so long: bundles are used for 28 days, and mail lives for 15 at most.
  static constexpr seconds root_kept = days(45);
  /// Roots held; past that the next one waits until the oldest has had its time: mail may be on its way
  /// there.
  static constexpr std::size_t roots_held = 12;

  explicit KeyRing(const Services& services) : services_(services) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::root, Table::last_resort, Table::one_time};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// Makes what is missing: a root and a last-resort key that are fresh enough. Drops what is over, and
  /// clamps what a wrong clock has dated. True: the roots changed.
  bool renew(const CertainDate& date, store::StateBatch& batch);
  /// Somebody who knows the latest root is no friend any longer: it will be replaced soon.
  void replace_root_soon(const CertainDate& date, store::StateBatch& batch);
  /// When the next root is made: not before there is room for it.
  [[nodiscard]] UnixTime root_replaced_at() const noexcept;

  [[nodiscard]] const Root& root() const noexcept { return roots_.back(); }
  [[nodiscard]] const std::vector<Root>& roots() const noexcept { return roots_; }
  [[nodiscard]] const PreKey& last_resort() const noexcept { return keys_.at(last_resort_); }

  /// Makes one-time keys for a friend's bundle.
  void make_one_time(const FriendKey& to, std::uint64_t version, std::size_t count, const CertainDate& date,
                     store::StateBatch& batch);
  /// Drops one-time keys of a friend until no more than `most` are left: the earliest first, but those of the
  /// versions `last` after all others. What is sealed for one that is gone is sealed anew.
  void drop_one_time(const FriendKey& to, std::size_t most, std::span<const std::uint64_t> last,
                     store::StateBatch& batch);
  /// Public halves that a version brought; the unused ones.
  [[nodiscard]] std::vector<crypto::Point> one_time_keys(const FriendKey& to, std::uint64_t version) const;
  /// All unused ones, and those of them that they can still use for a while.
  [[nodiscard]] std::size_t held_one_time(const FriendKey& to) const noexcept;
  [[nodiscard]] std::size_t fresh_one_time(const FriendKey& to, const CertainDate& date) const noexcept;

  [[nodiscard]] const PreKey* find(const crypto::PreKeyId& id) const noexcept;
  /// The write that ends a key; drop() then follows when it is durable.
  static store::StateWrite erasure(const crypto::PreKeyId& id);
  void drop(const crypto::PreKeyId& id) noexcept;
  void drop_all_of(const FriendKey& friend_key, store::StateBatch& batch);

 private:
  bool renew_roots(const CertainDate& date, store::StateBatch& batch);
  void clamp(const CertainDate& date, store::StateBatch& batch);
  void drop_oldest_root(store::StateBatch& batch);
  void insert(const crypto::PreKeyId& id, PreKey key);
  void make_last_resort(const CertainDate& date, store::StateBatch& batch);

  const Services& services_;
  std::vector<Root> roots_;
  std::map<crypto::PreKeyId, PreKey> keys_;
  std::map<FriendKey, std::vector<crypto::PreKeyId>> by_friend_;
  crypto::PreKeyId last_resort_{};
};

}  // namespace toxasync::manager
