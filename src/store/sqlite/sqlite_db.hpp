// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/open_error.hpp"
#include "store/sqlite/sqlite_statement.hpp"

struct sqlite3;

namespace toxasync::store {

struct SqliteSettings {
  std::int32_t application_id = 0;  ///< In the database's header: distinguishes our kinds of database.
  std::int32_t schema_version = 0;  ///< The newest that this program reads; at least 1.
  int cache_kib = 1024;
  int wal_autocheckpoint_pages = 500;
  bool secure_delete = false;           ///< Overwrite with zeros what is deleted.
  std::uint64_t quick_check_bytes = 0;  ///< Files up to this size are checked when opened.
  int backup_slice_pages = 256;         ///< Copied at a time: 1 MiB.
  std::string vfs;                      ///< SQLite's virtual file system; empty: the default. For tests.
};

/// The one connection to a database: WAL, synchronous=FULL, exclusive lock. Used by one thread at a time.
class SqliteDb {
 public:
  /// Opens or creates (mode 0600) the database. `verify` runs quick_check as the settings say. The schema is
  /// the caller's: version() is 0 in a new database.
  static Result<SqliteDb, OpenError> open(const std::filesystem::path& path, const SqliteSettings& settings,
                                          bool verify);

  /// The schema's version; 0: the database is empty.
  [[nodiscard]] std::int32_t version() const noexcept { return version_; }

  /// In the transaction that created the schema: stamps the header with settings' application_id and
  /// schema_version, then commits.
  DbStatus finish_schema();

  /// Executes statements without parameters, dropping rows.
  DbStatus execute(const char* sql) noexcept;
  /// A statement that could not be prepared fails when it is executed; `status` then has the reason.
  Statement prepare(const char* sql, DbStatus& status) noexcept;
  /// The first column of the first row.
  std::optional<std::int64_t> integer(const char* sql) noexcept;

  [[nodiscard]] bool in_transaction() const noexcept;
  /// Rows changed by this connection since it was opened.
  [[nodiscard]] std::int64_t total_changes() const noexcept;
  /// Moves the whole WAL into the database, durably, and truncates it to no bytes.
  DbStatus checkpoint_truncate() noexcept;

 private:
  friend class SqliteBackup;
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  explicit SqliteDb(sqlite3* handle) noexcept : handle_(handle) {}
  std::optional<OpenError> configure(const SqliteSettings& settings, bool verify);
  std::optional<OpenError> check_header(const SqliteSettings& settings);
  std::optional<OpenError> pragma(const std::string& sql, std::string_view expected = {});

  std::unique_ptr<sqlite3, Close> handle_;
  std::int32_t version_ = 0;
  std::int32_t application_id_ = 0;
  std::int32_t schema_version_ = 0;
};

}  // namespace toxasync::store
