// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "store/open_error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace toxasync::store {

/// What a statement came to, as far as a caller acts on it.
enum class DbStatus : std::uint8_t {
  ok,
  full,     ///< No space on the disk, or max_pages reached: rolled back, the connection goes on.
  damaged,  ///< A page does not hold together: what touches that page fails.
  failed,   ///< An input/output error: the connection is to be closed and opened again.
};

/// A prepared statement. Query executes it.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}

 private:
  friend class Query;
  struct Finalise {
    void operator()(sqlite3_stmt* handle) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Finalise> handle_;
};

/// One execution of a statement, which is reset when the Query goes. Bound bytes must live as long as the
/// Query.
class Query {
 public:
  explicit Query(const Statement& statement) noexcept : handle_(statement.handle_.get()) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the next parameter. Unsigned 64-bit values are stored with their bits as they are.
  template <std::integral T>
  Query& bind(T value) noexcept {
    return bind_integer(static_cast<std::int64_t>(value));
  }
  Query& bind(ByteView value) noexcept;  ///< An empty view is an empty blob, not NULL.

  /// Goes to the next row. False: the end, or an error; status() tells which.
  [[nodiscard]] bool next() noexcept;
  /// Executes a statement that gives no rows.
  [[nodiscard]] DbStatus run() noexcept;
  [[nodiscard]] DbStatus status() const noexcept { return status_; }

  /// Of the current row; columns count from 0. A blob is valid until the next call of next().
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] ByteView blob(int column) const noexcept;
  [[nodiscard]] bool is_null(int column) const noexcept;

 private:
  Query& bind_integer(std::int64_t value) noexcept;

  sqlite3_stmt* handle_;
  int bound_ = 0;
  DbStatus status_ = DbStatus::ok;
};

struct SqliteSettings {
  std::int32_t application_id = 0;  ///< Of the database's header: tells our kinds of database apart.
  std::int32_t schema_version = 0;  ///< The newest that this program reads; at least 1.
  int cache_kib = 1024;
  int wal_autocheckpoint_pages = 500;
  bool secure_delete = false;           ///< Overwrite with zeros what is deleted.
  std::uint64_t quick_check_bytes = 0;  ///< Files up to this size are checked through when opened.
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

  /// In the transaction that made the schema: stamps the header with settings' application_id and
  /// schema_version, then commits.
  DbStatus finish_schema();

  /// Executes statements without parameters, dropping rows.
  DbStatus execute(const char* sql) noexcept;
  /// A statement that could not be prepared fails when it is executed; `status` then tells why.
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
