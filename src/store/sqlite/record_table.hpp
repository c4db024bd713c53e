// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/random.hpp"
#include "store/disk_room.hpp"
#include "store/record_checksum.hpp"
#include "store/sqlite/record_check.hpp"
#include "store/sqlite/sqlite_engine.hpp"
#include "store/store.hpp"

namespace toxasync::store {

/// The storage node's tables: the operations of Store, each within an open transaction.
///
/// A record is found by keyed 64-bit hashes of mailbox and id and then compared in full. It carries a keyed
/// checksum, so that what a failing disk or another program changed is detected and not served. Quotas and
/// totals are kept beside the records, in the same transactions; a put costs O(log n).
class RecordTable final : public SqliteEngine {
 public:
  /// Most rows that one call of expire() drops.
  static constexpr std::size_t expire_slice = 512;

  /// `room` has the capacity, instead of `limits`. `random` is for the keys of a new database.
  RecordTable(std::filesystem::path path, SqliteSettings settings, const StoreLimits& limits,
              std::unique_ptr<DiskRoom> room, const Telemetry& telemetry, Random& random);
  ~RecordTable() override { close(); }

  DbStatus put(const MailboxKey& mailbox, const RecordId& id, ByteView value, UnixTime expires_at,
               UnixTime now, PutResult& result);
  DbStatus list(const MailboxKey& mailbox, std::uint64_t after, const ListLimits& limits, UnixTime now,
                ListResult& result);
  DbStatus remove(const MailboxKey& mailbox, std::span<const RecordId> ids, std::size_t& removed);
  DbStatus cancel(const MailboxKey& mailbox, const RecordId& id, const Commitment& commitment,
                  CancelStatus& result);
  DbStatus expire(UnixTime now, std::size_t max_rows);

  /// Reads and checks everything, which takes long; outside of a transaction. Changes nothing.
  RecordCheck check();
  /// A record or tombstone, for an import into another store.
  struct Row {
    std::int64_t sequence = 0;
    MailboxKey mailbox{};
    RecordId id{};
    UnixTime expires_at{};
    RecordKind kind = RecordKind::removed;
    Bytes value;
  };
  /// Those after the sequence `after`, which is advanced, in their order; `max_rows` are read, and damaged
  /// ones are counted and skipped. False: there are no more.
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
  struct Quota {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
  };
  using Kind = RecordKind;
  struct Found {
    std::int64_t sequence = 0;
    UnixTime expires_at{};
    Kind kind = Kind::removed;
    bool sound = false;  // The checksum is right.
    Bytes value;

    [[nodiscard]] bool live() const noexcept { return kind == Kind::live; }
  };

  std::optional<OpenError> attach(SqliteDb& db) override;
  void detach() noexcept override { statements_ = {}; }
  DbStatus before_commit() override;
  void began() noexcept override;
  void committed() noexcept override;
  void rolled_back() noexcept override;
  [[nodiscard]] const char* finish_of_backup() const noexcept override;

  std::optional<OpenError> create(SqliteDb& db) const;
  static std::optional<OpenError> upgrade(SqliteDb& db);
  std::optional<OpenError> read_meta(SqliteDb& db);
  [[nodiscard]] std::int64_t mailbox_hash(const MailboxKey& mailbox) const noexcept;
  [[nodiscard]] std::int64_t id_hash(const RecordId& id) const noexcept;
  /// Of the columns value and cancelled.
  static Kind kind_of(bool has_value, std::int64_t cancelled) noexcept;
  [[nodiscard]] ByteArray<16> checksum(ByteView mailbox, ByteView id, UnixTime expires_at, Kind kind,
                                       ByteView value) const noexcept;
  DbStatus find(const MailboxKey& mailbox, const RecordId& id, std::optional<Found>& found);
  DbStatus insert(const MailboxKey& mailbox, const RecordId& id, ByteView value, UnixTime expires_at);
  DbStatus drop(std::int64_t mailbox_hash, std::int64_t sequence, bool live, std::int64_t size);
  /// `by`: removed or cancelled.
  DbStatus bury(const MailboxKey& mailbox, const RecordId& id, const Found& found, Kind by);
  DbStatus read_quota(std::int64_t mailbox_hash, Quota& quota);
  DbStatus change_quota(std::int64_t mailbox_hash, std::int64_t messages, std::int64_t bytes);
  DbStatus vacuum();
  void check_pages(RecordCheck& result, DbStatus& status);
  void check_records(RecordCheck& result, std::map<std::int64_t, Quota>& counted, DbStatus& status);
  void check_quotas(RecordCheck& result, std::map<std::int64_t, Quota>& counted, DbStatus& status);
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;
  void look_at_disk(UnixTime now);
  void set_backstop(SqliteDb& db) noexcept;
  void count_damaged() noexcept;

  struct Statements {
    Statement find, insert, extend, bury, drop, keys_of_mailbox, record, expired;
    Statement read_quota, write_quota, drop_quota, write_meta;
  };

  const StoreLimits limits_;
  const std::unique_ptr<DiskRoom> room_;
  std::uint64_t backstop_for_bytes_ = 0;  // The capacity that the file's backstop was made for.
  ByteArray<16> hash_key_;
  ByteArray<32> sum_key_;
  Statements statements_;
  Totals totals_, totals_before_;
  bool attached_before_ = false;
  std::uint64_t expired_ = 0;  // In the open transaction.

  std::atomic<std::uint64_t> damaged_{0};
  mutable std::mutex published_mutex_;
  Totals published_;
};

}  // namespace toxasync::store
