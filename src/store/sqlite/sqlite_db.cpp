// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_db.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "store/sqlite/sqlite_api.hpp"

namespace toxasync::store {
namespace {

constexpr int primary(int code) noexcept {
  return code & 0xff;
}

OpenError error_of_errno(int error, const std::filesystem::path& path) {
  std::error_code ignored;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      // Some file systems (/proc) report this when a file cannot be created in a directory that exists.
      return std::filesystem::is_directory(path.parent_path(), ignored) ? OpenError::not_writable
                                                                        : OpenError::directory_missing;
    case EACCES:
    case EPERM:
    case EROFS:
      return OpenError::not_writable;
    case ENOSPC:
    case EDQUOT:
      return OpenError::no_space;
    default:
      return OpenError::io;
  }
}

OpenError error_of_code(int code, int system_error, const std::filesystem::path& path) {
  std::error_code ignored;
  switch (primary(code)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return OpenError::locked;
    case SQLITE_NOTADB:
      return OpenError::not_a_database;
    case SQLITE_CORRUPT:
      return OpenError::damaged;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return OpenError::not_writable;
    case SQLITE_FULL:
      return OpenError::no_space;
    case SQLITE_CANTOPEN:
      return std::filesystem::is_directory(path, ignored) ? OpenError::not_a_database
                                                          : error_of_errno(system_error, path);
    default:
      return system_error == ENOSPC || system_error == EDQUOT ? OpenError::no_space : OpenError::io;
  }
}

// Creates the file with mode 0600 if there is none (SQLite gives the WAL the same mode). An existing file is
// not opened here: closing it would drop the locks that this process may hold on it.
std::optional<OpenError> create_private(const std::filesystem::path& path) {
  const auto failed = create_file(path);
  return !failed || failed == std::errc::file_exists ? std::nullopt
                                                     : std::optional(error_of_errno(failed.value(), path));
}

}  // namespace

void SqliteDb::Close::operator()(sqlite3* handle) const noexcept {
  sqlite().close_v2(handle);
}

Result<SqliteDb, OpenError> SqliteDb::open(const std::filesystem::path& path, const SqliteSettings& settings,
                                           bool verify) {
  if (sqlite_api() == nullptr) {
    return OpenError::io;
  }
  if (const auto error = create_private(path)) {
    return *error;
  }
  sqlite3* handle = nullptr;
  const int code = sqlite().open_v2(path.c_str(), &handle,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                    settings.vfs.empty() ? nullptr : settings.vfs.c_str());
  SqliteDb db(handle);
  if (handle == nullptr) {
    return OpenError::io;
  }
  if (code != SQLITE_OK) {
    return error_of_code(code, sqlite().system_errno(handle), path);
  }
  if (sqlite().db_readonly(handle, "main") != 0) {
    return OpenError::not_writable;
  }
  if (const auto error = db.configure(settings, verify)) {
    return *error;
  }
  return db;
}

std::optional<OpenError> SqliteDb::pragma(const std::string& sql, std::string_view expected) {
  sqlite3_stmt* raw = nullptr;
  int code = sqlite().prepare_v2(handle_.get(), sql.c_str(), -1, &raw, nullptr);
  const Statement statement(raw);
  bool matches = expected.empty();
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite().step(raw);
    if (code == SQLITE_ROW && !expected.empty()) {
      const auto* text = reinterpret_cast<const char*>(sqlite().column_text(raw, 0));
      matches = text != nullptr && expected == text;
    }
  }
  if (code != SQLITE_DONE) {
    const char* name = sqlite().db_filename(handle_.get(), "main");
    return error_of_code(code, sqlite().system_errno(handle_.get()), name ? name : "");
  }
  return matches ? std::nullopt : std::optional(OpenError::io);
}

std::optional<OpenError> SqliteDb::configure(const SqliteSettings& settings, bool verify) {
  application_id_ = settings.application_id;
  schema_version_ = settings.schema_version;
  sqlite().busy_timeout(handle_.get(), 0);
  sqlite().db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // The exclusive lock comes before the file is first read: then the WAL's index lives in memory, and no
  // second process gets in. auto_vacuum works only in a file without pages (and would write to any other at
  // each opening), so it comes before WAL, which writes one.
  const std::pair<std::string, std::string_view> pragmas[] = {
      {"PRAGMA locking_mode=EXCLUSIVE", "exclusive"},
      {"PRAGMA trusted_schema=OFF", {}},
      {"PRAGMA cell_size_check=ON", {}},
      {"PRAGMA temp_store=MEMORY", {}},
      {"PRAGMA mmap_size=0", {}},
      {"PRAGMA cache_size=-" + std::to_string(settings.cache_kib), {}},
      {"PRAGMA page_count", {}},
      {"PRAGMA auto_vacuum=INCREMENTAL", {}},
      {"PRAGMA journal_mode=WAL", "wal"},
      {"PRAGMA synchronous=FULL", {}},
      {settings.secure_delete ? "PRAGMA secure_delete=ON" : "PRAGMA secure_delete=OFF",
       settings.secure_delete ? "1" : "0"},
      {"PRAGMA wal_autocheckpoint=" + std::to_string(settings.wal_autocheckpoint_pages), {}},
      // Takes the write lock once, to find out now whether the file can be written by us, and by us only.
      {"BEGIN IMMEDIATE", {}},
      {"COMMIT", {}},
  };
  for (const auto& [sql, expected] : pragmas) {
    if (sql.starts_with("PRAGMA auto_vacuum") && integer("PRAGMA page_count") != 0) {
      continue;
    }
    if (const auto error = pragma(sql, expected)) {
      return error;
    }
  }
  if (const auto error = check_header(settings)) {
    return error;
  }
  const auto pages = integer("PRAGMA page_count");
  const auto page_size = integer("PRAGMA page_size");
  if (!pages || !page_size) {
    return OpenError::damaged;
  }
  if (verify && static_cast<std::uint64_t>(*pages * *page_size) <= settings.quick_check_bytes) {
    const auto error = pragma("PRAGMA quick_check(1)", "ok");
    if (error) {  // Finding something is `io` to pragma(), an expectation not met.
      return *error == OpenError::io ? OpenError::damaged : *error;
    }
  }
  return std::nullopt;
}

std::optional<OpenError> SqliteDb::check_header(const SqliteSettings& settings) {
  if (const auto error = pragma("SELECT count(*) FROM sqlite_schema")) {
    return error;
  }
  const auto tables = integer("SELECT count(*) FROM sqlite_schema");
  const auto application = integer("PRAGMA application_id");
  const auto version = integer("PRAGMA user_version");
  if (!tables || !application || !version) {
    return OpenError::damaged;
  }
  if (*tables == 0 && *application == 0 && *version == 0) {
    return std::nullopt;
  }
  if (*application != settings.application_id) {
    return OpenError::not_a_database;
  }
  if (*version > settings.schema_version) {
    return OpenError::newer_version;
  }
  if (*version < 1) {
    return OpenError::damaged;
  }
  version_ = static_cast<std::int32_t>(*version);
  return std::nullopt;
}

DbStatus SqliteDb::finish_schema() {
  const std::string sql = "PRAGMA application_id=" + std::to_string(application_id_) +
                          "; PRAGMA user_version=" + std::to_string(schema_version_) + "; COMMIT";
  const DbStatus status = execute(sql.c_str());
  if (status == DbStatus::ok) {
    version_ = schema_version_;
  }
  return status;
}

DbStatus SqliteDb::execute(const char* sql) noexcept {
  return status_of(sqlite().exec(handle_.get(), sql, nullptr, nullptr, nullptr));
}

Statement SqliteDb::prepare(const char* sql, DbStatus& status) noexcept {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite().prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) {
    status = status_of(code);
  }
  return Statement(raw);
}

std::optional<std::int64_t> SqliteDb::integer(const char* sql) noexcept {
  DbStatus status = DbStatus::ok;
  const Statement statement = prepare(sql, status);
  Query query(statement);
  if (!query.next()) {
    return std::nullopt;
  }
  return query.integer(0);
}

bool SqliteDb::in_transaction() const noexcept {
  return sqlite().get_autocommit(handle_.get()) == 0;
}

std::int64_t SqliteDb::total_changes() const noexcept {
  return sqlite().total_changes64(handle_.get());
}

DbStatus SqliteDb::checkpoint_truncate() noexcept {
  return status_of(
      sqlite().wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr));
}

}  // namespace toxasync::store
