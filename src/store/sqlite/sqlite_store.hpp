// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/disk_room.hpp"
#include "store/open_error.hpp"
#include "store/sqlite/record_table.hpp"
#include "store/sqlite/sqlite_worker.hpp"
#include "store/store.hpp"

namespace toxasync::store {

/// The defaults suit a chat client's process; in brackets the values of a dedicated node.
struct SqliteStoreOptions {
  int cache_kib = 1024;                            ///< SQLite's page cache [16384].
  int wal_autocheckpoint_pages = 500;              ///< Pages in the WAL before a checkpoint [4000].
  std::uint64_t quick_check_bytes = 256ULL << 20;  ///< Files up to this size are checked when opened.
  int backup_slice_pages = 256;                    ///< Copied at a time between two groups.
  std::string vfs;                                 ///< SQLite's virtual file system; for tests.
  std::optional<DiskRule> disk;                    ///< Limits the capacity to what the disk has.
  DiskRoom::FreeBytes free_bytes;                  ///< Null: asks the system. For tests.

  [[nodiscard]] static SqliteStoreOptions for_daemon() {
    SqliteStoreOptions options;
    options.cache_kib = 16384;
    options.wal_autocheckpoint_pages = 4000;
    options.disk.emplace();
    return options;
  }
};

/// The embedded engine: one SQLite file, one worker thread, group commit with synchronous=FULL. Why and how
/// fast: docs/state.md, "A node's files".
///
/// A record whose checksum is wrong is counted (store.record_damaged) and not served; a put of the same
/// id replaces it. After an input/output error the operations of the group fail (counted once, store.failed)
/// and the database is opened again. The file is never deleted. `telemetry` is also used from the worker's
/// thread.
class SqliteStore final : public Store {
 public:
  /// Most rows that one call of expire() drops.
  static constexpr std::size_t max_expire_rows = 16 * RecordTable::expire_slice;

  /// Opens `path`, or creates it (mode 0600) in an existing directory. Blocks. `random` is used during the
  /// call only.
  static Result<std::unique_ptr<SqliteStore>, OpenError> open(const std::filesystem::path& path,
                                                              const StoreLimits& limits,
                                                              const SqliteStoreOptions& options,
                                                              const Telemetry& telemetry, Random& random);
  /// Opens a database that is not in use, as open() does, checks every record, and closes it. Blocks for
  /// long.
  static Result<RecordCheck, OpenError> check(const std::filesystem::path& path,
                                              const SqliteStoreOptions& options, const Telemetry& telemetry,
                                              Random& random);
  /// The tables alone, for work on a database that is not in use.
  static Result<std::unique_ptr<RecordTable>, OpenError> open_table(const std::filesystem::path& path,
                                                                    const StoreLimits& limits,
                                                                    const SqliteStoreOptions& options,
                                                                    const Telemetry& telemetry,
                                                                    Random& random);
  /// Writes what is queued, which may take as long as the disk takes, and closes.
  ~SqliteStore() override = default;

  /// A value larger than StoreLimits::queue_bytes is always overloaded.
  void put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
           UnixTime now) override;
  void list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes, std::uint64_t after,
            const ListLimits& limits, UnixTime now) override;
  void remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) override;
  void cancel(Token token, const Mailbox& mailbox, const RecordId& id, const Commitment& commitment) override;
  void expire(UnixTime now, std::size_t max_rows) override;
  void set_capacity(std::uint64_t bytes) override { table_->set_capacity(bytes); }
  [[nodiscard]] StoreStats stats() const override { return table_->stats(); }
  void submit() override { worker_->submit(); }
  std::size_t poll(StoreListener& listener) override;

  /// Copies the database to the file `to`, mode 0600, while the store stays in use: a MiB at a time between
  /// the groups. An older file is replaced when the copy is complete. poll() calls `done`, unless the store
  /// is destroyed first. False: a backup is under way already.
  bool backup(std::filesystem::path to, std::function<void(bool good)> done);
  [[nodiscard]] int wake_fd() const noexcept override { return worker_->wake_fd(); }

 private:
  SqliteStore(std::unique_ptr<RecordTable> table, std::unique_ptr<SqliteWorker> worker,
              const StoreLimits& limits) noexcept;

  StoreLimits limits_;
  std::unique_ptr<RecordTable> table_;
  std::function<void(bool)> backup_done_;
  std::unique_ptr<SqliteWorker> worker_;  // After the table: it is destroyed first.
};

}  // namespace toxasync::store
