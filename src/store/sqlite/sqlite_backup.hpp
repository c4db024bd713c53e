// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "store/sqlite/sqlite_db.hpp"

struct sqlite3_backup;

namespace toxasync::store {

/// A copy of an open database in one file, made a slice at a time. Between the slices the database may be
/// written to: the copy has its contents at the end. Until it is complete it has another name.
class SqliteBackup {
 public:
  enum class State : std::uint8_t { copying, done, failed };

  /// `source` must outlive it. `finish` is executed in the copy when it is complete.
  SqliteBackup(SqliteDb& source, SqliteSettings settings, std::filesystem::path to, const char* finish);
  /// Deletes an incomplete copy.
  ~SqliteBackup();
  SqliteBackup(const SqliteBackup&) = delete;
  SqliteBackup& operator=(const SqliteBackup&) = delete;

  /// The next slice, of SqliteSettings::backup_slice_pages; it is on the disk before the next one. Outside of
  /// any transaction of the source.
  State step();

 private:
  struct Finish {
    void operator()(sqlite3_backup* handle) const noexcept;
  };
  bool open();
  bool complete();

  SqliteDb& source_;
  SqliteSettings settings_;
  std::filesystem::path to_;
  std::filesystem::path unfinished_;
  const char* finish_;
  bool made_ = false;  // We created unfinished_.
  std::unique_ptr<sqlite3, SqliteDb::Close> copy_;
  std::unique_ptr<sqlite3_backup, Finish> backup_;  // After the copy: it is destroyed first.
};

}  // namespace toxasync::store
