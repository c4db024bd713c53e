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

/// The mailboxes, boxes and records that a group of operations is about, as they were read and locked in its
/// transaction, and how the operations change them. Sorted by mailbox.
class RecordSet {
 public:
  struct MailboxRow {
    std::int64_t next = 0;  ///< Sequence of the next record.
    bool changed = false;
    bool maybe_empty = false;  ///< Made by this transaction, or the last record of a box was dropped.
  };
  struct BoxRow {
    std::int64_t messages = 0;  ///< Live ones.
    std::int64_t bytes = 0;     ///< Their values.
    std::int64_t tombstones = 0;
    std::int64_t given = 0;  ///< The highest sequence that was listed for the owner.
    bool changed = false;

    [[nodiscard]] bool empty() const noexcept { return messages == 0 && tombstones == 0; }
  };
  struct Record {
    std::int64_t sequence = 0;
    BoxKey box{};
    UnixTime expires_at{};
    RecordKind kind = RecordKind::removed;
    Bytes value;
    ByteArray<16> sum{};
    bool sound = false;    ///< The checksum is right.
    bool present = false;  ///< False: there is none, or it was dropped.
    bool changed = false;
  };
  using RecordKey = std::pair<Mailbox, RecordId>;

  RecordSet(const StoreLimits& limits, const ByteArray<32>& sum_key) noexcept
      : limits_(limits), sum_key_(sum_key) {}

  void load_totals(const RecordTotals& totals) noexcept { totals_ = totals; }
  void load(const Mailbox& key, const MailboxRow& mailbox) { mailboxes_[key] = mailbox; }
  void load(const Box& key, const BoxRow& box) { boxes_[key] = box; }
  /// A record of a mailbox that was not locked is skipped. False: it is damaged.
  bool load(const RecordKey& key, Record record);

  /// False: the mailbox is not there. Each sets the operation's result.
  bool apply(PutOperation& put);
  void apply(RemoveOperation& remove);
  void apply(CancelOperation& cancel);
  /// Imports a record or tombstone from another store, whatever the quotas: it was acknowledged there. What
  /// is here already stays, with the later expiry; a tombstone overrides a record. `given`: it was listed
  /// there. False as with a put.
  bool import(const Box& box, const RecordId& id, RecordKind kind, UnixTime expires_at, bool given,
              ByteView value);
  /// A record that was not loaded here was dropped: `bytes` of value.
  void count_dropped(const Box& box, bool live, std::int64_t bytes);

  [[nodiscard]] const std::map<Mailbox, MailboxRow>& mailboxes() const noexcept { return mailboxes_; }
  [[nodiscard]] const std::map<Box, BoxRow>& boxes() const noexcept { return boxes_; }
  [[nodiscard]] const std::map<RecordKey, Record>& records() const noexcept { return records_; }
  /// By how much the totals have changed.
  [[nodiscard]] const RecordTotals& change() const noexcept { return change_; }

 private:
  void insert(MailboxRow& mailbox, const Box& box, const RecordId& id, Record& record, RecordKind kind,
              UnixTime expires_at, ByteView value);
  void drop(const Mailbox& mailbox, Record& record);
  void bury(const RecordKey& key, Record& record, RecordKind by);
  void count(const Box& box, std::int64_t messages, std::int64_t bytes, std::int64_t tombstones);
  [[nodiscard]] ByteArray<16> sum(const RecordKey& key, const Record& record) const noexcept {
    return record_checksum(sum_key_, key.first, record.box, key.second, record.expires_at, record.kind,
                           record.value);
  }

  const StoreLimits limits_;
  const ByteArray<32>& sum_key_;
  RecordTotals totals_;
  RecordTotals change_;
  std::map<Mailbox, MailboxRow> mailboxes_;
  std::map<Box, BoxRow> boxes_;  // One that is not there is empty.
  std::map<RecordKey, Record> records_;
};

}  // namespace toxasync::store
