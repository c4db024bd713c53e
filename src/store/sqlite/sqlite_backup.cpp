// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_backup.hpp"

#include <unistd.h>

#include <utility>

#include "base/file.hpp"
#include "store/sqlite/sqlite_api.hpp"

namespace toxasync::store {

void SqliteBackup::Finish::operator()(sqlite3_backup* handle) const noexcept {
  sqlite().backup_finish(handle);
}

SqliteBackup::SqliteBackup(SqliteDb& source, SqliteSettings settings, std::filesystem::path to,
                           const char* finish)
    : source_(source), settings_(std::move(settings)), to_(std::move(to)), unfinished_(to_), finish_(finish) {
  unfinished_ += ".new";
}

SqliteBackup::~SqliteBackup() {
  backup_.reset();
  copy_.reset();
  if (made_) {
    (void)::unlink(unfinished_.c_str());
  }
}

SqliteBackup::State SqliteBackup::step() {
  if (!backup_ && !open()) {
    return State::failed;
  }
  const int code = sqlite().backup_step(backup_.get(), settings_.backup_slice_pages);
  if (code == SQLITE_DONE) {
    return complete() ? State::done : State::failed;
  }
  const bool goes_on = code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED;
  // Now, and not all at the end, which would block the store for long.
  return goes_on && !sync_file(unfinished_) ? State::copying : State::failed;
}

bool SqliteBackup::open() {
  (void)::unlink(unfinished_.c_str());  // Left by a crash.
  if (create_file(unfinished_)) {
    return false;
  }
  made_ = true;
  sqlite3* raw = nullptr;
  const int code = sqlite().open_v2(unfinished_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                    settings_.vfs.empty() ? nullptr : settings_.vfs.c_str());
  copy_.reset(raw);
  // Without a journal: an incomplete copy is useless.
  constexpr const char* settings =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF";
  if (code != SQLITE_OK || sqlite().exec(raw, settings, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return false;
  }
  backup_.reset(sqlite().backup_init(raw, "main", source_.handle_.get(), "main"));
  return backup_ != nullptr;
}

bool SqliteBackup::complete() {
  if (sqlite().backup_finish(backup_.release()) != SQLITE_OK) {
    return false;
  }
  copy_.reset();
  {
    auto copy = SqliteDb::open(unfinished_, settings_, false);
    if (!copy || copy->execute(finish_) != DbStatus::ok || copy->checkpoint_truncate() != DbStatus::ok) {
      return false;
    }
  }
  if (put_in_place(unfinished_, to_)) {
    return false;
  }
  made_ = false;
  return true;
}

}  // namespace toxasync::store
