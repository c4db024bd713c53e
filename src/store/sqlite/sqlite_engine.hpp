// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>

#include "base/metrics.hpp"
#include "store/open_error.hpp"
#include "store/sqlite/sqlite_backup.hpp"
#include "store/sqlite/sqlite_db.hpp"

namespace toxasync::store {

/// A database with its schema and its transactions, without threads: what a SqliteWorker uses.
///
/// A COMMIT whose sync fails may leave the whole transaction in the WAL, where opening the database again
/// would find it after it was reported as failed. So an empty transaction is written over it first. What
/// remains: a disk that stops accepting writes just then.
class SqliteEngine {
 public:
  SqliteEngine(std::filesystem::path path, SqliteSettings settings, const Telemetry& telemetry,
               Counter failures);
  virtual ~SqliteEngine() = default;
  SqliteEngine(const SqliteEngine&) = delete;
  SqliteEngine& operator=(const SqliteEngine&) = delete;

  /// Opens the database for the first time, checking its pages as the settings say. Nothing: it is open.
  std::optional<OpenError> open();

  /// Opens a transaction; opens the database first when an error closed it.
  DbStatus begin();
  /// After ok the transaction is durable; after anything else rollback() must follow.
  DbStatus commit();
  /// Rolls back the transaction; after `failed` and `damaged` the database is closed and opened again.
  void rollback(DbStatus reason) noexcept;

  /// After a group of transactions, outside of any: time for housekeeping. `idle`: nothing else waits.
  virtual void after_group(bool idle) noexcept;

  /// From any thread: starts a copy of the database at `to`, which step_backup() continues. False: another
  /// one is under way.
  bool request_backup(std::filesystem::path to);
  /// On the worker's thread, outside of any transaction: copies a piece. True: there is more.
  bool step_backup() noexcept;
  /// From any thread: how the backup ended, once.
  std::optional<bool> collect_backup_outcome();

 protected:
  /// Creates the schema in an empty database, reads what is kept in memory and prepares the statements. There
  /// must be a table `meta` of one row with a column `voided`. Nothing: done.
  virtual std::optional<OpenError> attach(SqliteDb& db) = 0;
  /// Drops the statements: the database is about to be closed.
  virtual void detach() noexcept = 0;
  /// In the transaction, before its COMMIT, when it changed something.
  virtual DbStatus before_commit() { return DbStatus::ok; }
  virtual void began() noexcept {}
  virtual void committed() noexcept {}
  virtual void rolled_back() noexcept {}
  /// SQL that is executed in a copy before it gets its name.
  [[nodiscard]] virtual const char* finish_of_backup() const noexcept { return ""; }

  /// Valid between attach() and detach().
  [[nodiscard]] SqliteDb& db() noexcept { return *db_; }
  [[nodiscard]] bool is_open() const noexcept { return db_.has_value(); }
  [[nodiscard]] const Telemetry& telemetry() const noexcept { return telemetry_; }
  /// To be called by the destructor of the class that detach() belongs to.
  void close() noexcept;

 private:
  std::optional<OpenError> open(bool verify);
  void end_backup(bool done) noexcept;

  std::filesystem::path path_;
  SqliteSettings settings_;
  Telemetry telemetry_;
  Counter failures_;
  std::optional<SqliteDb> db_;
  std::int64_t changes_before_ = 0;
  std::optional<SqliteBackup> backup_;

  std::mutex backup_mutex_;  // Guards what follows.
  std::optional<std::filesystem::path> backup_to_;
  std::optional<bool> backup_outcome_;
};

}  // namespace toxasync::store
