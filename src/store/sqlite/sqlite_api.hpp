// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sqlite3.h>

namespace toxasync::store {

/// The functions of SQLite that we call, without their prefix.
#define TOXASYNC_SQLITE(DO) \
  DO(backup_finish)         \
  DO(backup_init)           \
  DO(backup_step)           \
  DO(bind_blob64)           \
  DO(bind_int64)            \
  DO(bind_zeroblob)         \
  DO(busy_timeout)          \
  DO(clear_bindings)        \
  DO(close_v2)              \
  DO(column_blob)           \
  DO(column_bytes)          \
  DO(column_int64)          \
  DO(column_text)           \
  DO(column_type)           \
  DO(db_config)             \
  DO(db_filename)           \
  DO(db_readonly)           \
  DO(exec)                  \
  DO(finalize)              \
  DO(get_autocommit)        \
  DO(open_v2)               \
  DO(prepare_v2)            \
  DO(prepare_v3)            \
  DO(reset)                 \
  DO(step)                  \
  DO(system_errno)          \
  DO(total_changes64)       \
  DO(wal_checkpoint_v2)

struct SqliteApi {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot be in parentheses.
#define TOXASYNC_MEMBER(name) decltype(&::sqlite3_##name) name = nullptr;
  TOXASYNC_SQLITE(TOXASYNC_MEMBER)
#undef TOXASYNC_MEMBER
};

/// Those of libsqlite3, which is loaded the first time. We are a library in other people's programs, and
/// if linked, its functions could be replaced by others of the same name: SQLCipher exports them all, and
/// reads only files of its own. Null: the library is not there.
const SqliteApi* sqlite_api() noexcept;
/// The same, for when a database is open and so the library is loaded.
inline const SqliteApi& sqlite() noexcept {
  return *sqlite_api();
}

}  // namespace toxasync::store
