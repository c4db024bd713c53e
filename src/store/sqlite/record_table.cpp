// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/record_table.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "crypto/symmetric.hpp"
#include "store/store_operations.hpp"

namespace toxasync::store {
namespace {

// docs/state.md, "A node's files". mk, ik: SipHash of mailbox and id under hash_key. A tombstone has
// no value; cancelled is 1 when a cancel made it. quota counts the live records of one mk; meta has one row.
constexpr const char* schema = R"(
CREATE TABLE rec(seq INTEGER PRIMARY KEY AUTOINCREMENT, mk INT, ik INT, exp INT, mailbox BLOB, id BLOB, value BLOB,
                 sum BLOB, cancelled INT NOT NULL DEFAULT 0);
CREATE INDEX rec_key ON rec(mk, ik);
CREATE INDEX rec_exp ON rec(exp);
CREATE TABLE quota(mk INTEGER PRIMARY KEY, n INT, bytes INT);
CREATE TABLE meta(n INT, bytes INT, tombstones INT, voided INT, hash_key BLOB, sum_key BLOB);
)";

// From version 1, whose tombstones did not record it. They count as made by the owner: "gone" promises the
// sender nothing.
constexpr const char* from_version_1 = "ALTER TABLE rec ADD COLUMN cancelled INT NOT NULL DEFAULT 0";

OpenError error_of(DbStatus status) noexcept {
  return status == DbStatus::full ? OpenError::no_space : OpenError::io;
}

std::int64_t clamped(std::int64_t value) noexcept {
  return std::max<std::int64_t>(value, 0);
}

}  // namespace

RecordTable::RecordTable(std::filesystem::path path, SqliteSettings settings, const StoreLimits& limits,
                         std::unique_ptr<DiskRoom> room, const Telemetry& telemetry, Random& random)
    : SqliteEngine(std::move(path), std::move(settings), telemetry, Counter::store_failed),
      limits_(limits),
      room_(std::move(room)),
      hash_key_(random.array<16>()),
      sum_key_(random.array<32>()) {}

std::optional<OpenError> RecordTable::attach(SqliteDb& db) {
  if (db.version() == 0) {
    // If there was a database at the start, an empty one now means that it was lost.
    if (const auto error = attached_before_ ? OpenError::damaged : create(db)) {
      return error;
    }
  } else if (db.version() == 1) {
    if (const auto error = upgrade(db)) {
      return error;
    }
  }
  if (const auto error = read_meta(db)) {
    return error;
  }
  set_backstop(db);
  look_at_disk({});
  DbStatus status = DbStatus::ok;
  Statements& s = statements_;
  s.find =
      db.prepare("SELECT seq, exp, mailbox, id, value, sum, cancelled FROM rec WHERE mk=? AND ik=?", status);
  s.insert =
      db.prepare("INSERT INTO rec(mk, ik, exp, mailbox, id, value, sum) VALUES(?,?,?,?,?,?,?)", status);
  s.extend = db.prepare("UPDATE rec SET exp=?, sum=? WHERE seq=?", status);
  s.bury = db.prepare("UPDATE rec SET value=NULL, cancelled=?, sum=? WHERE seq=?", status);
  s.drop = db.prepare("DELETE FROM rec WHERE seq=?", status);
  // From the index alone: rows are read one by one, as many as fit on a page of the list.
  s.keys_of_mailbox =
      db.prepare("SELECT seq FROM rec INDEXED BY rec_key WHERE mk=? AND seq>? ORDER BY seq", status);
  s.record = db.prepare("SELECT exp, mailbox, id, value, sum, cancelled FROM rec WHERE seq=?", status);
  s.expired = db.prepare(
      "SELECT seq, mk, value IS NOT NULL, length(value) FROM rec WHERE exp<=? ORDER BY exp LIMIT ?", status);
  s.read_quota = db.prepare("SELECT n, bytes FROM quota WHERE mk=?", status);
  s.write_quota = db.prepare("INSERT OR REPLACE INTO quota(mk, n, bytes) VALUES(?,?,?)", status);
  s.drop_quota = db.prepare("DELETE FROM quota WHERE mk=?", status);
  s.write_meta = db.prepare("UPDATE meta SET n=?, bytes=?, tombstones=?", status);
  // A statement does not match the tables: they are not those of the version number.
  return status == DbStatus::ok ? std::nullopt : std::optional(OpenError::damaged);
}

std::optional<OpenError> RecordTable::create(SqliteDb& db) const {
  const auto made = [&] {
    DbStatus status = db.execute("BEGIN IMMEDIATE");
    if (status == DbStatus::ok) {
      status = db.execute(schema);
    }
    if (status == DbStatus::ok) {
      const Statement statement = db.prepare("INSERT INTO meta VALUES(0, 0, 0, 0, ?, ?)", status);
      status = Query(statement).bind(ByteView(hash_key_)).bind(ByteView(sum_key_)).run();
    }
    return status == DbStatus::ok ? db.finish_schema() : status;
  }();
  return made == DbStatus::ok ? std::nullopt : std::optional(error_of(made));
}

std::optional<OpenError> RecordTable::upgrade(SqliteDb& db) {
  DbStatus status = db.execute("BEGIN IMMEDIATE");
  if (status == DbStatus::ok) {
    status = db.execute(from_version_1);
  }
  if (status == DbStatus::ok) {
    status = db.finish_schema();
  }
  return status == DbStatus::ok ? std::nullopt : std::optional(error_of(status));
}

std::optional<OpenError> RecordTable::read_meta(SqliteDb& db) {
  DbStatus status = DbStatus::ok;
  const Statement statement = db.prepare("SELECT n, bytes, tombstones, hash_key, sum_key FROM meta", status);
  Query query(statement);
  if (!query.next() || query.blob(3).size() != hash_key_.size() || query.blob(4).size() != sum_key_.size()) {
    return query.status() == DbStatus::failed && status == DbStatus::ok ? OpenError::io : OpenError::damaged;
  }
  totals_ = {query.integer(0), query.integer(1), query.integer(2)};
  hash_key_ = to_array<16>(query.blob(3));
  sum_key_ = to_array<32>(query.blob(4));
  totals_before_ = totals_;
  attached_before_ = true;
  const std::lock_guard lock(published_mutex_);
  published_ = totals_;
  return std::nullopt;
}

DbStatus RecordTable::before_commit() {
  return Query(statements_.write_meta)
      .bind(totals_.messages)
      .bind(totals_.bytes)
      .bind(totals_.tombstones)
      .run();
}

void RecordTable::began() noexcept {
  if (room_->most_bytes() != backstop_for_bytes_) {
    set_backstop(db());
  }
  totals_before_ = totals_;
  expired_ = 0;
}

void RecordTable::committed() noexcept {
  telemetry().count(Counter::node_expired, expired_);
  expired_ = 0;
  const std::lock_guard lock(published_mutex_);
  published_ = totals_;
}

void RecordTable::rolled_back() noexcept {
  totals_ = totals_before_;
  expired_ = 0;
}

const char* RecordTable::finish_of_backup() const noexcept {
  // Past all cursors that clients may have got since the copy was made: what a node stores after the copy is
  // restored must have larger sequences.
  return "INSERT INTO sqlite_sequence(name, seq) SELECT 'rec', 0 WHERE NOT EXISTS(SELECT * FROM "
         "sqlite_sequence);"
         "UPDATE sqlite_sequence SET seq=seq+4294967296";
}

StoreStats RecordTable::stats() const {
  const std::lock_guard lock(published_mutex_);
  return {static_cast<std::uint64_t>(clamped(published_.messages)),
          static_cast<std::uint64_t>(clamped(published_.bytes)),
          static_cast<std::uint64_t>(clamped(published_.tombstones)),
          damaged_.load(std::memory_order_relaxed), room_->capacity_bytes()};
}

void RecordTable::count_damaged() noexcept {
  damaged_.fetch_add(1, std::memory_order_relaxed);
  telemetry().count(Counter::store_record_damaged);
}

std::int64_t RecordTable::mailbox_hash(const MailboxKey& mailbox) const noexcept {
  return static_cast<std::int64_t>(crypto::siphash(hash_key_, mailbox));
}

std::int64_t RecordTable::id_hash(const RecordId& id) const noexcept {
  return static_cast<std::int64_t>(crypto::siphash(hash_key_, id));
}

RecordTable::Kind RecordTable::kind_of(bool has_value, std::int64_t cancelled) noexcept {
  if (has_value) {
    return Kind::live;
  }
  return cancelled != 0 ? Kind::cancelled : Kind::removed;
}

ByteArray<16> RecordTable::checksum(ByteView mailbox, ByteView id, UnixTime expires_at, Kind kind,
                                    ByteView value) const noexcept {
  return record_checksum(sum_key_, mailbox, id, expires_at, kind, value);
}

DbStatus RecordTable::find(const MailboxKey& mailbox, const RecordId& id, std::optional<Found>& found) {
  Query query(statements_.find);
  query.bind(mailbox_hash(mailbox)).bind(id_hash(id));
  while (query.next()) {
    const ByteView value = query.blob(4);
    if (!std::ranges::equal(query.blob(2), mailbox) || !std::ranges::equal(query.blob(3), id)) {
      continue;
    }
    found.emplace();
    found->sequence = query.integer(0);
    found->expires_at = query.time(1);
    found->kind = kind_of(!query.is_null(4), query.integer(6));
    found->value.assign(value.begin(), value.end());
    found->sound =
        std::ranges::equal(query.blob(5), checksum(mailbox, id, found->expires_at, found->kind, value));
    if (!found->sound) {
      count_damaged();
    }
    return DbStatus::ok;
  }
  return query.status();
}

DbStatus RecordTable::put(const MailboxKey& mailbox, const RecordId& id, ByteView value, UnixTime expires_at,
                          UnixTime now, PutResult& result) {
  const std::int64_t key = mailbox_hash(mailbox);
  const auto size = static_cast<std::int64_t>(value.size());
  std::optional<Found> found;
  DbStatus status = find(mailbox, id, found);
  if (status == DbStatus::ok && found && (!found->sound || found->expires_at <= now)) {
    // A damaged record is useless and may be replaced; an expired one counts as dropped already.
    status = drop(key, found->sequence, found->live(), static_cast<std::int64_t>(found->value.size()));
    found.reset();
  }
  if (status != DbStatus::ok) {
    return status;
  }
  if (found && !found->live()) {
    result = {PutStatus::gone};
    return status;
  }
  if (found) {
    result = {PutStatus::duplicate, std::max(found->expires_at, expires_at), found->expires_at};
    if (expires_at <= found->expires_at) {
      return status;
    }
    const auto sum = checksum(mailbox, id, expires_at, Kind::live, found->value);
    return Query(statements_.extend).bind(expires_at).bind(ByteView(sum)).bind(found->sequence).run();
  }
  Quota quota;
  status = read_quota(key, quota);
  if (status != DbStatus::ok) {
    return status;
  }
  if (quota.messages >= static_cast<std::int64_t>(limits_.mailbox_messages) ||
      static_cast<std::uint64_t>(quota.bytes + size) > limits_.mailbox_bytes) {
    result = {PutStatus::mailbox_full};
    return status;
  }
  look_at_disk(now);
  if (used_bytes() + StoreLimits::record_overhead_bytes + value.size() > room_->capacity_bytes()) {
    result = {PutStatus::store_full};
    return status;
  }
  result = {PutStatus::stored, expires_at};
  return insert(mailbox, id, value, expires_at);
}

DbStatus RecordTable::insert(const MailboxKey& mailbox, const RecordId& id, ByteView value,
                             UnixTime expires_at) {
  const std::int64_t key = mailbox_hash(mailbox);
  const auto size = static_cast<std::int64_t>(value.size());
  const auto sum = checksum(mailbox, id, expires_at, Kind::live, value);
  const DbStatus status = Query(statements_.insert)
                              .bind(key)
                              .bind(id_hash(id))
                              .bind(expires_at)
                              .bind(ByteView(mailbox))
                              .bind(ByteView(id))
                              .bind(value)
                              .bind(ByteView(sum))
                              .run();
  if (status != DbStatus::ok) {
    return status;
  }
  ++totals_.messages;
  totals_.bytes += size;
  return change_quota(key, 1, size);
}

DbStatus RecordTable::drop(std::int64_t mailbox_hash, std::int64_t sequence, bool live, std::int64_t size) {
  const DbStatus status = Query(statements_.drop).bind(sequence).run();
  if (status != DbStatus::ok) {
    return status;
  }
  if (!live) {
    totals_.tombstones = clamped(totals_.tombstones - 1);
    return status;
  }
  totals_.messages = clamped(totals_.messages - 1);
  totals_.bytes = clamped(totals_.bytes - size);
  return change_quota(mailbox_hash, -1, -size);
}

DbStatus RecordTable::bury(const MailboxKey& mailbox, const RecordId& id, const Found& found, Kind by) {
  const auto size = static_cast<std::int64_t>(found.value.size());
  const auto sum = checksum(mailbox, id, found.expires_at, by, {});
  const DbStatus status = Query(statements_.bury)
                              .bind(by == Kind::cancelled ? 1 : 0)
                              .bind(ByteView(sum))
                              .bind(found.sequence)
                              .run();
  if (status != DbStatus::ok) {
    return status;
  }
  totals_.messages = clamped(totals_.messages - 1);
  totals_.bytes = clamped(totals_.bytes - size);
  ++totals_.tombstones;
  return change_quota(mailbox_hash(mailbox), -1, -size);
}

DbStatus RecordTable::read_quota(std::int64_t mailbox_hash, Quota& quota) {
  Query query(statements_.read_quota);
  query.bind(mailbox_hash);
  if (query.next()) {
    quota = {clamped(query.integer(0)), clamped(query.integer(1))};
  }
  return query.status();
}

DbStatus RecordTable::change_quota(std::int64_t mailbox_hash, std::int64_t messages, std::int64_t bytes) {
  Quota quota;
  if (const DbStatus status = read_quota(mailbox_hash, quota); status != DbStatus::ok) {
    return status;
  }
  quota = {clamped(quota.messages + messages), clamped(quota.bytes + bytes)};
  if (quota.messages == 0) {
    return Query(statements_.drop_quota).bind(mailbox_hash).run();
  }
  return Query(statements_.write_quota).bind(mailbox_hash).bind(quota.messages).bind(quota.bytes).run();
}

DbStatus RecordTable::list(const MailboxKey& mailbox, std::uint64_t after, const ListLimits& limits,
                           UnixTime now, ListResult& result) {
  result = {OpStatus::ok, {}, false};
  std::size_t bytes = 0;
  Query keys(statements_.keys_of_mailbox);
  keys.bind(mailbox_hash(mailbox)).bind(std::min<std::uint64_t>(after, INT64_MAX));
  while (keys.next()) {
    const std::int64_t sequence = keys.integer(0);
    Query row(statements_.record);
    row.bind(sequence);
    if (!row.next()) {
      if (row.status() != DbStatus::ok) {
        return row.status();
      }
      continue;  // An entry of the index without a row.
    }
    const UnixTime expires_at = row.time(0);
    const Kind kind = kind_of(!row.is_null(3), row.integer(5));
    const ByteView value = row.blob(3);
    if (!std::ranges::equal(row.blob(4), checksum(row.blob(1), row.blob(2), expires_at, kind, value))) {
      count_damaged();
      continue;
    }
    if (kind != Kind::live || expires_at <= now || !std::ranges::equal(row.blob(1), mailbox)) {
      continue;
    }
    if (result.records.size() >= std::max<std::size_t>(limits.max_records, 1) ||
        (!result.records.empty() && bytes + value.size() > limits.max_bytes)) {
      result.more = true;
      return DbStatus::ok;
    }
    bytes += value.size();
    result.records.push_back({static_cast<std::uint64_t>(sequence), id_from<RecordId>(row.blob(2)),
                              expires_at, Bytes(value.begin(), value.end())});
  }
  return keys.status();
}

DbStatus RecordTable::remove(const MailboxKey& mailbox, std::span<const RecordId> ids, std::size_t& removed) {
  removed = 0;
  for (const RecordId& id : ids) {
    std::optional<Found> found;
    DbStatus status = find(mailbox, id, found);
    if (status == DbStatus::ok && found && found->live()) {
      status = bury(mailbox, id, *found, Kind::removed);
      ++removed;
    }
    if (status != DbStatus::ok) {
      return status;
    }
  }
  return DbStatus::ok;
}

DbStatus RecordTable::cancel(const MailboxKey& mailbox, const RecordId& id, const Commitment& commitment,
                             CancelStatus& result) {
  result = CancelStatus::unknown;
  std::optional<Found> found;
  const DbStatus status = find(mailbox, id, found);
  if (status != DbStatus::ok || !found || !found->sound) {
    return status;
  }
  if (!found->live()) {
    result = found->kind == Kind::cancelled ? CancelStatus::cancelled : CancelStatus::removed;
    return status;
  }
  const ByteView value = found->value;
  if (value.size() < commitment_offset + commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, commitment.size()), commitment)) {
    result = CancelStatus::wrong_proof;
    return status;
  }
  result = CancelStatus::cancelled;
  return bury(mailbox, id, *found, Kind::cancelled);
}

DbStatus RecordTable::expire(UnixTime now, std::size_t max_rows) {
  struct Row {
    std::int64_t sequence, mailbox_hash, size;
    bool live;
  };
  std::vector<Row> rows;
  {
    Query query(statements_.expired);
    query.bind(now).bind(std::min(max_rows, expire_slice));
    while (query.next()) {
      rows.push_back({query.integer(0), query.integer(1), query.integer(3), query.integer(2) != 0});
    }
    if (query.status() != DbStatus::ok) {
      return query.status();
    }
  }
  for (const Row& row : rows) {
    if (const DbStatus status = drop(row.mailbox_hash, row.sequence, row.live, row.size);
        status != DbStatus::ok) {
      return status;
    }
  }
  expired_ += rows.size();
  look_at_disk(now);
  return rows.empty() ? DbStatus::ok : vacuum();
}

std::uint64_t RecordTable::used_bytes() const noexcept {
  return StoreStats{static_cast<std::uint64_t>(totals_.messages), static_cast<std::uint64_t>(totals_.bytes),
                    static_cast<std::uint64_t>(totals_.tombstones)}
      .used_bytes();
}

void RecordTable::look_at_disk(UnixTime now) {
  if (!room_->look(used_bytes(), now)) {
    return;
  }
  room_->disk_is_full()
      ? telemetry().log(LogLevel::warning, "store",
                        "the disk is nearly full: new messages are refused until space is free")
      : telemetry().log(LogLevel::info, "store", "the disk has free space again: new messages are accepted");
}

// Three times what the accounting allows, for half-filled pages and the indexes, and 4 MiB for the small
// tables. What is stored already stays, even where it is more.
void RecordTable::set_backstop(SqliteDb& db) noexcept {
  constexpr std::uint64_t page = 4096;
  constexpr std::uint64_t most_pages = 0xfffffffe;  // SQLite's own limit.
  backstop_for_bytes_ = room_->most_bytes();
  const std::string pages = std::to_string(std::min(most_pages, backstop_for_bytes_ / page * 3 + 1024));
  (void)db.execute(("PRAGMA max_page_count=" + pages).c_str());
}

ByteArray<16> RecordTable::identity() const noexcept {
  return crypto::h128(sum_key_, {as_bytes("toxasync database")});
}

// Gives pages back to the file system when a quarter of the file is unused; less than that is reused
// soon.
DbStatus RecordTable::vacuum() {
  const auto unused = db().integer("PRAGMA freelist_count");
  const auto pages = db().integer("PRAGMA page_count");
  if (!unused || !pages || *unused < 256 || *unused < *pages / 4) {
    return DbStatus::ok;
  }
  return db().execute("PRAGMA incremental_vacuum(512)");
}

}  // namespace toxasync::store
