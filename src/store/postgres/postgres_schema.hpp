// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "store/postgres/postgres_link.hpp"

// The tables and statements of a node's store in PostgreSQL: docs/postgres.md.

namespace toxasync::store {

inline constexpr std::int64_t postgres_schema_version = 1;

/// Names of the prepared statements; their parameters are in postgres_schema.cpp.
namespace statement {
inline constexpr const char* add_mailboxes = "add_mailboxes";
inline constexpr const char* lock_mailboxes = "lock_mailboxes";
inline constexpr const char* write_mailboxes = "write_mailboxes";
inline constexpr const char* drop_mailboxes = "drop_mailboxes";
inline constexpr const char* lock_boxes = "lock_boxes";
inline constexpr const char* write_boxes = "write_boxes";
inline constexpr const char* drop_boxes = "drop_boxes";
inline constexpr const char* lock_given = "lock_given";
inline constexpr const char* mark_given = "mark_given";
inline constexpr const char* find_records = "find_records";
inline constexpr const char* find_given = "find_given";
inline constexpr const char* still_live = "still_live";
inline constexpr const char* write_records = "write_records";
inline constexpr const char* drop_records = "drop_records";
inline constexpr const char* list_records = "list_records";
inline constexpr const char* due_records = "due_records";
inline constexpr const char* drop_due = "drop_due";
inline constexpr const char* add_totals = "add_totals";
inline constexpr const char* totals = "totals";
inline constexpr const char* note_progress = "note_progress";
inline constexpr const char* progress = "progress";
/// Of one of them, for tests.
const char* text_of(const char* name) noexcept;
}  // namespace statement

/// Properties of a database.
struct PostgresDatabase {
  ByteArray<32> sum_key{};  ///< Of its records' checksums.
  bool syncs = true;        ///< False: the server runs with fsync=off and may lose what it has confirmed.
};

/// Makes a new connection ready: settings, the tables unless they exist (any number of daemons may try at
/// once), statements. `new_sum_key` is for new tables. Nothing: `why` is for the operator.
std::optional<PostgresDatabase> attach(PostgresLink& link, const ByteArray<32>& new_sum_key,
                                       std::chrono::milliseconds timeout, std::string& why);

}  // namespace toxasync::store
