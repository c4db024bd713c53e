// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

#include "base/random.hpp"
#include "store/disk_room.hpp"
#include "store/record_checksum.hpp"
#include "store/sqlite/record_check.hpp"
#include "store/sqlite/sqlite_engine.hpp"
#include "store/store_operations.hpp"

namespace toxasync::store {

/// The storage node's tables: the operations of Store, each within an open transaction.
///
/// A record is found by a keyed 64-bit hash of mailbox and id, and listed by one of mailbox and tag, and then
/// compared in full. It carries a keyed checksum, so that what a failing disk or another program changed is
/// detected and not served. Quotas and totals are kept beside the records, in the same transactions. A put
/// costs O(log n), a list that for each box that it names and each record. What is removed goes to a table of
/// tombstones, where it takes no more than what is counted for it.
class RecordTable final : public SqliteEngine {
 public:
  /// Most rows that one ExpireOperation drops.
  static constexpr std::size_t expire_slice = 512;

  /// `room` has the capacity, instead of `limits`. `random` is for the keys of a new database.
  RecordTable(std::filesystem::path path, SqliteSettings settings, const StoreLimits& limits,
              std::unique_ptr<DiskRoom> room, const Telemetry& telemetry, Random& random);
  ~RecordTable() override { close(); }

  // Each sets the operation's result.
  DbStatus apply(PutOperation& put);
  DbStatus apply(ListOperation& list);
  DbStatus apply(RemoveOperation& remove);
  DbStatus apply(CancelOperation& cancel);
  DbStatus apply(ExpireOperation& expire);

  /// Reads and checks everything, which takes long; outside of a transaction. Changes nothing.
  RecordCheck check();
  /// A record or tombstone, for an import into another store.
  struct Row {
    Box box;
    RecordId id{};
    UnixTime expires_at{};
    RecordKind kind = RecordKind::removed;
    bool given = false;  ///< Of a record: it was listed, so it cannot be cancelled.
    Bytes value;
  };
  /// Those after `after`, which is 0 at the start and advanced: records by their sequence, then tombstones.
  /// `max_rows` are read, and damaged ones are counted and skipped. False: there are no more.
  DbStatus read(std::int64_t& after, std::size_t max_rows, std::vector<Row>& rows, bool& more);
  /// Identifies this database.
  [[nodiscard]] ByteArray<16> identity() const noexcept;

  /// From any thread.
  void set_capacity(std::uint64_t bytes) noexcept { room_->set_most_bytes(bytes); }
  /// As of the last commit; from any thread.
  [[nodiscard]] StoreStats stats() const;

 private:
  struct Totals {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    std::int64_t tombstones = 0;
  };
  /// What a box has and may not exceed, and the highest sequence that was listed.
  struct BoxRow {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    std::int64_t tombstones = 0;
    std::int64_t given = 0;
  };
  using Kind = RecordKind;
  struct Found {
    std::int64_t sequence = 0;  // Of a tombstone: its row in the table of those.
    UnixTime expires_at{};
    Kind kind = Kind::removed;
    bool sound = false;  // The checksum is right.
    Bytes box;
    Bytes value;

    [[nodiscard]] bool live() const noexcept { return kind == Kind::live; }
  };
  /// The next record of a box that is being listed.
  struct Head {
    std::int64_t sequence = 0;
    std::int64_t list_key = 0;
    BoxTag tag{};

    bool operator>(const Head& other) const noexcept { return sequence > other.sequence; }
  };
  using Heads = std::priority_queue<Head, std::vector<Head>, std::greater<>>;

  std::optional<OpenError> attach(SqliteDb& db) override;
  void detach() noexcept override { statements_ = {}; }
  DbStatus before_commit() override;
  void began() noexcept override;
  void committed() noexcept override;
  void rolled_back() noexcept override;
  [[nodiscard]] const char* finish_of_backup() const noexcept override;

  std::optional<OpenError> create(SqliteDb& db) const;
  std::optional<OpenError> read_meta(SqliteDb& db);
  [[nodiscard]] std::int64_t record_key(const Mailbox& mailbox, const RecordId& id) const noexcept;
  [[nodiscard]] std::int64_t box_key(ByteView box) const noexcept;
  /// The keys of one mailbox follow one another.
  [[nodiscard]] std::int64_t list_key(const Mailbox& mailbox, ByteView tag) const noexcept;
  static Kind kind_of_tombstone(std::int64_t cancelled) noexcept {
    return cancelled != 0 ? Kind::cancelled : Kind::removed;
  }
  [[nodiscard]] ByteArray<16> checksum(ByteView mailbox, ByteView box, ByteView id, UnixTime expires_at,
                                       Kind kind, ByteView value) const noexcept;
  DbStatus find(const Mailbox& mailbox, const RecordId& id, std::optional<Found>& found);
  DbStatus find(const Statement& in, bool live, const Mailbox& mailbox, const RecordId& id,
                std::optional<Found>& found);
  DbStatus insert(const PutOperation& put);
  DbStatus drop(ByteView box, std::int64_t sequence, bool live, std::int64_t size);
  /// `by`: removed or cancelled.
  DbStatus bury(const Mailbox& mailbox, const RecordId& id, const Found& found, Kind by);
  DbStatus read_box(ByteView box, BoxRow& row);
  DbStatus change_box(ByteView box, std::int64_t messages, std::int64_t bytes, std::int64_t tombstones);
  DbStatus find_heads(const ListOperation& list, Heads& heads);
  DbStatus push_head(Heads& heads, Head head, std::int64_t after);
  DbStatus add_listed(const ListOperation& list, const Head& head, ListFiller& filler, bool& room);
  DbStatus vacuum();
  void check_pages(RecordCheck& result, DbStatus& status);
  void check_records(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted, DbStatus& status);
  void check_tombstones(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted, DbStatus& status);
  void check_boxes(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted, DbStatus& status);
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;
  void look_at_disk(UnixTime now);
  void set_backstop(SqliteDb& db) noexcept;
  void count_damaged() noexcept;

  struct Statements {
    Statement find, find_tombstone, insert, extend, bury, drop, drop_tombstone, expired;
    Statement next_box, next_in_box, record, mark_given;
    Statement read_box, write_box, drop_box, write_meta;
  };

  const StoreLimits limits_;
  const std::unique_ptr<DiskRoom> room_;
  std::uint64_t backstop_for_bytes_ = 0;  // The capacity that the file's backstop was made for.
  ByteArray<16> hash_key_;
  ByteArray<32> sum_key_;
  Statements statements_;
  Totals totals_, totals_before_;
  std::int64_t given_ = 0;  // Everything up to it counts as listed: it is of a copy that was restored.
  bool attached_before_ = false;
  std::uint64_t expired_ = 0;  // In the open transaction.

  std::atomic<std::uint64_t> damaged_{0};
  mutable std::mutex published_mutex_;
  Totals published_;
};

}  // namespace toxasync::store
