// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "store/record_checksum.hpp"
#include "store/store_operations.hpp"

namespace toxasync::store {

/// The sums over all mailboxes.
struct RecordTotals {
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  std::int64_t tombstones = 0;
};

/// The mailboxes and records that a group of operations is about, as they were read and locked in its
/// transaction, and how the operations change them. Sorted by mailbox.
class RecordSet {
 public:
  struct Mailbox {
    std::int64_t next = 0;      ///< Sequence of the next record.
    std::int64_t messages = 0;  ///< Live ones.
    std::int64_t bytes = 0;     ///< Their values.
    std::int64_t given = 0;     ///< Records with a smaller sequence were listed for the owner.
    bool changed = false;
    bool maybe_empty = false;  ///< Made by this transaction, or a record was dropped.
  };
  struct Record {
    std::int64_t sequence = 0;
    UnixTime expires_at{};
    RecordKind kind = RecordKind::removed;
    Bytes value;
    ByteArray<16> sum{};
    bool sound = false;    ///< The checksum is right.
    bool present = false;  ///< False: there is none, or it was dropped.
    bool changed = false;
  };
  using RecordKey = std::pair<MailboxKey, RecordId>;

  /// `lists_bind`: what was listed cannot be cancelled.
  RecordSet(const StoreLimits& limits, const ByteArray<32>& sum_key, bool lists_bind) noexcept
      : limits_(limits), sum_key_(sum_key), lists_bind_(lists_bind) {}

  void load_totals(const RecordTotals& totals) noexcept { totals_ = totals; }
  void load(const MailboxKey& key, const Mailbox& mailbox) { mailboxes_[key] = mailbox; }
  /// A record of a mailbox that was not locked is skipped. False: it is damaged.
  bool load(const RecordKey& key, Record record);

  /// False: the mailbox is not there. Each sets the operation's result.
  bool apply(PutOperation& put);
  void apply(RemoveOperation& remove);
  void apply(CancelOperation& cancel);
  /// Imports a record or tombstone from another store, whatever the quotas: it was acknowledged there. What
  /// is here already stays, with the later expiry; a tombstone overrides a record. False as with a put.
  bool import(const RecordKey& key, RecordKind kind, UnixTime expires_at, ByteView value);
  /// A record that was not loaded here was dropped: `bytes` of value.
  void count_dropped(const MailboxKey& key, bool live, std::int64_t bytes) noexcept;

  [[nodiscard]] const std::map<MailboxKey, Mailbox>& mailboxes() const noexcept { return mailboxes_; }
  [[nodiscard]] const std::map<RecordKey, Record>& records() const noexcept { return records_; }
  /// By how much the totals have changed.
  [[nodiscard]] const RecordTotals& change() const noexcept { return change_; }

 private:
  void insert(Mailbox& mailbox, const RecordKey& key, Record& record, RecordKind kind, UnixTime expires_at,
              ByteView value);
  void drop(Mailbox& mailbox, Record& record) noexcept;
  void bury(Mailbox& mailbox, const RecordKey& key, Record& record, RecordKind by) noexcept;
  void count(Mailbox& mailbox, std::int64_t messages, std::int64_t bytes, std::int64_t tombstones) noexcept;
  [[nodiscard]] ByteArray<16> sum(const RecordKey& key, const Record& record) const noexcept {
    return record_checksum(sum_key_, key.first, key.second, record.expires_at, record.kind, record.value);
  }

  const StoreLimits limits_;
  const ByteArray<32>& sum_key_;
  bool lists_bind_;
  RecordTotals totals_;
  RecordTotals change_;
  std::map<MailboxKey, Mailbox> mailboxes_;
  std::map<RecordKey, Record> records_;
};

}  // namespace toxasync::store
