// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_engine.hpp"

#include <exception>
#include <string>
#include <utility>

namespace toxasync::store {

SqliteEngine::SqliteEngine(std::filesystem::path path, SqliteSettings settings, const Telemetry& telemetry,
                           Counter failures)
    // Absolute, because the database may be opened again after the program has changed its directory.
    : path_(path.empty() ? std::move(path) : std::filesystem::absolute(path)),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      failures_(failures) {}

std::optional<OpenError> SqliteEngine::open() {
  return open(true);
}

std::optional<OpenError> SqliteEngine::open(bool verify) {
  close();
  auto opened = SqliteDb::open(path_, settings_, verify);
  if (!opened) {
    return opened.error();
  }
  db_.emplace(std::move(*opened));
  const auto error = attach(*db_);
  if (error) {
    close();
  }
  return error;
}

void SqliteEngine::close() noexcept {
  if (backup_) {
    end_backup(false);
  }
  if (db_) {
    detach();
    db_.reset();
  }
}

DbStatus SqliteEngine::begin() {
  if (!db_) {
    // The pages are not checked again: a damaged one fails only the operations that use it.
    if (const auto error = open(false)) {
      telemetry_.log(LogLevel::error, "store", describe(*error));
      return *error == OpenError::no_space ? DbStatus::full : DbStatus::failed;
    }
  }
  changes_before_ = db_->total_changes();
  began();
  return db_->execute("BEGIN IMMEDIATE");
}

DbStatus SqliteEngine::commit() {
  if (db_->total_changes() != changes_before_) {
    if (const DbStatus status = before_commit(); status != DbStatus::ok) {
      return status;
    }
  }
  const DbStatus status = db_->execute("COMMIT");
  if (status == DbStatus::ok) {
    committed();
  }
  return status;
}

void SqliteEngine::rollback(DbStatus reason) noexcept {
  if (db_ && db_->in_transaction() && db_->execute("ROLLBACK") != DbStatus::ok) {
    reason = DbStatus::failed;
  }
  rolled_back();
  if (reason == DbStatus::ok || reason == DbStatus::full) {
    return;
  }
  telemetry_.count(failures_);
  telemetry_.log(
      LogLevel::error, "store",
      reason == DbStatus::damaged
          ? "a page of the database is damaged: requests that need it fail; check the disk for errors, and "
            "restore a backup"
          : "input/output error: the transaction was rolled back; check the system log for disk errors");
  if (db_) {
    db_->execute("UPDATE meta SET voided=voided+1");  // Over what the failed COMMIT may have left in the WAL.
  }
  close();
  try {
    if (const auto error = open(false)) {
      telemetry_.log(LogLevel::error, "store", describe(*error));
    }
  } catch (const std::exception&) {
    close();  // Out of memory; begin() tries again.
  }
}

void SqliteEngine::after_group(bool /*idle*/) noexcept {}

bool SqliteEngine::request_backup(std::filesystem::path to) {
  const std::lock_guard lock(backup_mutex_);
  if (backup_to_) {
    return false;
  }
  backup_to_ = std::move(to);
  return true;
}

bool SqliteEngine::step_backup() noexcept {
  try {
    if (!backup_ && db_) {
      const std::lock_guard lock(backup_mutex_);
      if (!backup_to_) {
        return false;  // An error closed the database, which has ended it already.
      }
      backup_.emplace(*db_, settings_, *backup_to_, finish_of_backup());
    }
    const auto state = backup_ ? backup_->step() : SqliteBackup::State::failed;
    if (state == SqliteBackup::State::copying) {
      return true;
    }
    end_backup(state == SqliteBackup::State::done);
  } catch (const std::exception&) {
    end_backup(false);  // Out of memory.
  }
  return false;
}

void SqliteEngine::end_backup(bool done) noexcept {
  backup_.reset();
  const std::lock_guard lock(backup_mutex_);
  backup_to_.reset();
  backup_outcome_ = done;
}

std::optional<bool> SqliteEngine::collect_backup_outcome() {
  const std::lock_guard lock(backup_mutex_);
  return std::exchange(backup_outcome_, std::nullopt);
}

}  // namespace toxasync::store
