// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/state_table.hpp"

#include <algorithm>
#include <utility>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

// docs/state.md. meta has one row: `box` is sealed under the key of the Tox
// identity, and `sum` is its checksum, which distinguishes a wrong key from a damaged box.
constexpr const char* schema = R"(
CREATE TABLE state(k BLOB PRIMARY KEY, v BLOB NOT NULL);
CREATE TABLE meta(voided INT, salt BLOB, box BLOB, sum BLOB);
)";

constexpr unsigned scrub_at_least_every_groups = 64;

ByteArray<16> checksum(ByteView salt, ByteView box) noexcept {
  return crypto::h128({}, {salt, box});
}

}  // namespace

StateTable::StateTable(std::filesystem::path path, SqliteSettings settings, const Telemetry& telemetry,
                       const ByteArray<32>& key, Random& random)
    : SqliteEngine(std::move(path), std::move(settings), telemetry, Counter::state_failed),
      key_(key),
      random_(random) {}

StateTable::~StateTable() {
  close();
  crypto::wipe(key_);
}

std::optional<OpenError> StateTable::attach(SqliteDb& db) {
  if (db.version() == 0) {
    if (const auto error = create(db)) {
      return error;
    }
  }
  if (const auto error = read_meta(db)) {
    return error;
  }
  DbStatus status = DbStatus::ok;
  statements_.write = db.prepare("INSERT OR REPLACE INTO state(k, v) VALUES(?, ?)", status);
  statements_.erase = db.prepare("DELETE FROM state WHERE k=?", status);
  statements_.read_all = db.prepare("SELECT k, v FROM state", status);
  // A crash may have come between a removal and its scrub. A failure here is found again by the next scrub.
  scrub_due_ = db.checkpoint_truncate() != DbStatus::ok;
  return status == DbStatus::ok ? std::nullopt : std::optional(OpenError::damaged);
}

std::optional<OpenError> StateTable::create(SqliteDb& db) {
  if (sealer_) {
    return OpenError::damaged;  // There was a database at the start.
  }
  const auto salt = random_.array<16>();
  const Bytes box = StateSealer(key_, salt).seal({}, {}, random_).box;
  const auto sum = checksum(salt, box);
  DbStatus status = db.execute("BEGIN IMMEDIATE");
  if (status == DbStatus::ok) {
    status = db.execute(schema);
  }
  if (status == DbStatus::ok) {
    const Statement statement = db.prepare("INSERT INTO meta VALUES(0, ?, ?, ?)", status);
    status = Query(statement).bind(ByteView(salt)).bind(box).bind(ByteView(sum)).run();
  }
  if (status == DbStatus::ok) {
    status = db.finish_schema();
  }
  if (status == DbStatus::ok) {
    return std::nullopt;
  }
  return status == DbStatus::full ? OpenError::no_space : OpenError::io;
}

std::optional<OpenError> StateTable::read_meta(SqliteDb& db) {
  DbStatus status = DbStatus::ok;
  const Statement statement = db.prepare("SELECT salt, box, sum FROM meta", status);
  Query query(statement);
  if (!query.next()) {
    return query.status() == DbStatus::failed && status == DbStatus::ok ? OpenError::io : OpenError::damaged;
  }
  const ByteView salt = query.blob(0);
  const ByteView box = query.blob(1);
  if (salt.size() != salt_.size() || !std::ranges::equal(query.blob(2), checksum(salt, box))) {
    return OpenError::damaged;
  }
  if (sealer_) {
    return std::ranges::equal(salt, salt_) ? std::nullopt : std::optional(OpenError::damaged);
  }
  salt_ = to_array<16>(salt);
  sealer_.emplace(key_, salt_);
  if (!sealer_->open({sealer_->row_key({}), Bytes(box.begin(), box.end())})) {
    return OpenError::wrong_key;
  }
  crypto::wipe(key_);
  return std::nullopt;
}

DbStatus StateTable::write(const SealedRow& row) {
  return Query(statements_.write).bind(ByteView(row.key)).bind(row.box).run();
}

DbStatus StateTable::erase(const ByteArray<16>& row_key) {
  erased_ = true;
  return Query(statements_.erase).bind(ByteView(row_key)).run();
}

DbStatus StateTable::read_all(std::vector<SealedRow>& rows) {
  rows.clear();
  Query query(statements_.read_all);
  while (query.next()) {
    const ByteView key = query.blob(0);
    const ByteView box = query.blob(1);
    SealedRow row;
    if (key.size() == row.key.size()) {
      row.key = to_array<16>(key);
      row.box.assign(box.begin(), box.end());
    }
    rows.push_back(std::move(row));  // A key of the wrong size leaves an empty row, which does not open.
  }
  return query.status();
}

void StateTable::after_group(bool idle) noexcept {
  if (!scrub_due_ || !is_open() || (!idle && ++groups_unscrubbed_ < scrub_at_least_every_groups)) {
    return;
  }
  scrub_due_ = db().checkpoint_truncate() != DbStatus::ok;
  groups_unscrubbed_ = 0;
}

}  // namespace toxasync::store
