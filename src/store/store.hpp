// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "crypto/mailbox.hpp"

namespace toxasync::store {

using crypto::BoxKey;
using crypto::BoxTag;
using crypto::Commitment;
using Mailbox = crypto::Point;        ///< P: whoever owns it lists and removes.
using RecordId = crypto::EnvelopeId;  ///< A record is an envelope.

/// What one writer leaves in one mailbox.
struct Box {
  Mailbox mailbox{};
  BoxKey key{};  ///< Of one mailbox only.

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const Box&) const = default;
};
inline Box box_of(const crypto::MailboxAddress& address) noexcept {
  return {address.p, crypto::box_key(address)};
}

/// Chosen by the caller, returned with the completion.
using Token = std::uint64_t;

enum class PutStatus : std::uint8_t {
  stored,        ///< New, and past the durability point.
  duplicate,     ///< Already held; its expiry is now the larger of the two. Durable.
  gone,          ///< A tombstone: removed by the owner or cancelled, and not stored again. Durable.
  mailbox_full,  ///< The box's quota of messages, bytes or tombstones is reached.
  store_full,    ///< The store's capacity, or the disk, is full.
  overloaded,    ///< The queue for the disk is full: try later.
  failed,        ///< An input/output error: nothing is promised.
};

struct PutResult {
  PutStatus status = PutStatus::failed;
  UnixTime expires_at{};  ///< For stored and duplicate.
  UnixTime held_until{};  ///< Of a duplicate: its expiry before; {}: not known.
};

struct Record {
  std::uint64_t sequence = 0;  ///< Rising in the order of arrival; the list cursor.
  RecordId id{};
  UnixTime expires_at{};
  BoxKey box{};
  Bytes value;
};

enum class OpStatus : std::uint8_t { ok, overloaded, failed };

struct ListResult {
  OpStatus status = OpStatus::failed;
  std::vector<Record> records;
  bool more = false;         ///< There may be records after `cursor`.
  std::uint64_t cursor = 0;  ///< The last sequence that was read, whether its record is returned or not.
};

struct RemoveResult {
  OpStatus status = OpStatus::failed;
  std::size_t removed = 0;  ///< How many of the ids were live.
};

enum class CancelStatus : std::uint8_t {
  cancelled,    ///< The record is a tombstone now, or an earlier cancel made it one.
  removed,      ///< By the owner, or a list gave it to them: they have it, or may have it.
  unknown,      ///< No such record.
  wrong_proof,  ///< The record is live, and its commitment is different.
  overloaded,
  failed,
};

/// `max_bytes` counts values; at least one record is returned when there is one.
struct ListLimits {
  std::size_t max_records = 0;
  std::size_t max_bytes = 0;
};

struct StoreLimits {
  std::uint64_t capacity_bytes = 64ULL << 20;  ///< Sum of live values plus record_overhead_bytes each.
  std::uint64_t box_bytes = 1ULL << 20;        ///< Sum of live values of one box.
  std::uint32_t box_messages = 1000;           ///< Live records of one box.
  std::uint32_t box_records = 4000;            ///< Live records and tombstones of one box.
  std::size_t queue_bytes = 8ULL << 20;        ///< Waiting for the disk; past it, `overloaded`.

  /// What one record costs beside its value, live or tombstone.
  static constexpr std::uint64_t record_overhead_bytes = 160;
};

struct StoreStats {
  std::uint64_t messages = 0;    ///< Live records.
  std::uint64_t bytes = 0;       ///< Their values.
  std::uint64_t tombstones = 0;  ///< Removed or cancelled, kept until they would have expired.
  std::uint64_t damaged = 0;     ///< Records that failed their checksum since the start.
  /// The present limit of `used_bytes`; 0: the engine has no limit of its own.
  std::uint64_t capacity_bytes = 0;

  /// As StoreLimits::capacity_bytes counts.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept {
    return bytes + (messages + tombstones) * StoreLimits::record_overhead_bytes;
  }
};

/// Gets the completions, from Store::poll only.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  virtual void on_put(Token token, const PutResult& result) noexcept = 0;
  virtual void on_list(Token token, ListResult&& result) noexcept = 0;
  virtual void on_remove(Token token, const RemoveResult& result) noexcept = 0;
  virtual void on_cancel(Token token, CancelStatus status) noexcept = 0;
  /// Of Store::expire. `more`: it dropped as many as it may, so there may be more that are due.
  virtual void on_expired(bool /*more*/) noexcept {}
};

/// Where a storage node keeps its envelopes. Calls return at once; completions come by poll(), and those that
/// promise something (stored, duplicate, gone, removed, cancelled) only after the durability point.
/// Operations take effect, and complete, in the order of the calls. One thread calls; an engine may own a
/// worker thread.
class Store {
 public:
  virtual ~Store() = default;

  /// Stores `value` in the box, under (mailbox, id), unless the mailbox has that id already. The commitment
  /// to cancel it is bytes 1..16 of the value (docs/protocol.md, "Envelope"); a value of fewer than 17 bytes
  /// cannot be cancelled.
  virtual void put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
                   UnixTime now) = 0;

  /// Live, unexpired records of those boxes of a mailbox, with sequence > `after`, oldest first. Costs a
  /// look-up in an index for each box that is named and each record; what lies in others costs nothing. Past
  /// `boxes_per_list` boxes the rest is ignored. After `skipped_per_list` records that have expired, or are
  /// damaged, a list ends with `more`, whatever it has found. What is returned cannot be cancelled any more,
  /// by any node that uses the database: each box has a durable mark up to which it was listed.
  virtual void list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes, std::uint64_t after,
                    const ListLimits& limits, UnixTime now) = 0;
  static constexpr std::size_t boxes_per_list = 256;
  static constexpr std::size_t skipped_per_list = 256;

  /// Replaces the values by tombstones that stay until the records' expiry. Unknown ids are ignored.
  virtual void remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) = 0;

  /// As remove for one record, if its commitment is `commitment` and no list has returned it. A tombstone
  /// remembers which of the two created it.
  virtual void cancel(Token token, const Mailbox& mailbox, const RecordId& id,
                      const Commitment& commitment) = 0;

  /// Drops up to `max_rows` records and tombstones whose expiry is <= now. It is counted, and its
  /// completions, one for each slice of an engine, are StoreListener::on_expired.
  virtual void expire(UnixTime now, std::size_t max_rows) = 0;

  /// Changes StoreLimits::capacity_bytes. What is stored stays, even where it is more.
  virtual void set_capacity(std::uint64_t bytes) = 0;

  /// As of the last completed operation.
  [[nodiscard]] virtual StoreStats stats() const = 0;

  /// End of the caller's tick: commits the group of operations that were called since the last one.
  virtual void submit() = 0;

  /// Runs the completions that are ready, on the calling thread. Returns how many, without those of expire().
  virtual std::size_t poll(StoreListener& listener) = 0;

  /// A file descriptor that is readable while completions wait (poll() clears it); -1: call poll() by a
  /// timer.
  [[nodiscard]] virtual int wake_fd() const noexcept = 0;
};

}  // namespace toxasync::store
