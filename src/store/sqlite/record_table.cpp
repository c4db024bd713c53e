// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/record_table.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

// docs/state.md, "A node's files". rk: record_key; lk: list_key. A record that is removed leaves rec, where a
// row without its value would keep a page that others could fill, and gets a row in tombstone; cancelled is 1
// when a cancel made it. box counts both of one box_key; meta has one row.
constexpr const char* schema = R"(
CREATE TABLE rec(seq INTEGER PRIMARY KEY AUTOINCREMENT, rk INT, lk INT, exp INT, mailbox BLOB, box BLOB, id BLOB,
                 value BLOB, sum BLOB);
CREATE INDEX rec_key ON rec(rk);
CREATE INDEX rec_exp ON rec(exp);
CREATE INDEX rec_list ON rec(lk);
CREATE TABLE tombstone(n INTEGER PRIMARY KEY, rk INT, exp INT, mailbox BLOB, box BLOB, id BLOB, sum BLOB,
                       cancelled INT NOT NULL);
CREATE INDEX tombstone_key ON tombstone(rk);
CREATE INDEX tombstone_exp ON tombstone(exp);
CREATE TABLE box(bk INTEGER PRIMARY KEY, n INT, bytes INT, tombstones INT, given INT);
CREATE TABLE meta(n INT, bytes INT, tombstones INT, given INT, voided INT, hash_key BLOB, sum_key BLOB);
)";

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
  }
  if (const auto error = read_meta(db)) {
    return error;
  }
  set_backstop(db);
  look_at_disk({});
  DbStatus status = DbStatus::ok;
  Statements& s = statements_;
  s.find = db.prepare("SELECT seq, exp, mailbox, box, id, sum, value FROM rec INDEXED BY rec_key WHERE rk=?",
                      status);
  s.find_tombstone = db.prepare(
      "SELECT n, exp, mailbox, box, id, sum, NULL, cancelled FROM tombstone INDEXED BY tombstone_key WHERE "
      "rk=?",
      status);
  s.insert = db.prepare("INSERT INTO rec(rk, lk, exp, mailbox, box, id, value, sum) VALUES(?,?,?,?,?,?,?,?)",
                        status);
  s.extend = db.prepare("UPDATE rec SET exp=?, sum=? WHERE seq=?", status);
  s.bury = db.prepare(
      "INSERT INTO tombstone(rk, exp, mailbox, box, id, sum, cancelled) VALUES(?,?,?,?,?,?,?)", status);
  s.drop = db.prepare("DELETE FROM rec WHERE seq=?", status);
  s.drop_tombstone = db.prepare("DELETE FROM tombstone WHERE n=?", status);
  // Merges both in the order of their indexes.
  s.expired = db.prepare(
      "SELECT exp, seq, 1, box, length(value) FROM rec WHERE exp<=?1 UNION ALL "
      "SELECT exp, n, 0, box, 0 FROM tombstone WHERE exp<=?1 ORDER BY exp LIMIT ?2",
      status);
  // From the index alone: rows are read one by one, as many as fit on a page of the list.
  s.next_box = db.prepare("SELECT lk FROM rec INDEXED BY rec_list WHERE lk>=? ORDER BY lk LIMIT 1", status);
  s.next_in_box =
      db.prepare("SELECT seq FROM rec INDEXED BY rec_list WHERE lk=? AND seq>? ORDER BY seq LIMIT 1", status);
  s.record = db.prepare("SELECT exp, mailbox, box, id, value, sum FROM rec WHERE seq=?", status);
  s.mark_given = db.prepare("UPDATE box SET given=?1 WHERE bk=?2 AND given<?1", status);
  s.read_box = db.prepare("SELECT n, bytes, tombstones, given FROM box WHERE bk=?", status);
  s.write_box =
      db.prepare("INSERT OR REPLACE INTO box(bk, n, bytes, tombstones, given) VALUES(?,?,?,?,?)", status);
  s.drop_box = db.prepare("DELETE FROM box WHERE bk=?", status);
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
      const Statement statement = db.prepare("INSERT INTO meta VALUES(0, 0, 0, 0, 0, ?, ?)", status);
      status = Query(statement).bind(ByteView(hash_key_)).bind(ByteView(sum_key_)).run();
    }
    return status == DbStatus::ok ? db.finish_schema() : status;
  }();
  return made == DbStatus::ok ? std::nullopt : std::optional(error_of(made));
}

std::optional<OpenError> RecordTable::read_meta(SqliteDb& db) {
  DbStatus status = DbStatus::ok;
  const Statement statement =
      db.prepare("SELECT n, bytes, tombstones, given, hash_key, sum_key FROM meta", status);
  Query query(statement);
  if (!query.next() || query.blob(4).size() != hash_key_.size() || query.blob(5).size() != sum_key_.size()) {
    return query.status() == DbStatus::failed && status == DbStatus::ok ? OpenError::io : OpenError::damaged;
  }
  totals_ = {query.integer(0), query.integer(1), query.integer(2)};
  given_ = query.integer(3);
  hash_key_ = to_array<16>(query.blob(4));
  sum_key_ = to_array<32>(query.blob(5));
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
  // What is in the copy may have been listed since it was made, and clients have cursors from then: so all of
  // it counts as listed, and what a node stores after the copy is restored has larger sequences.
  return "INSERT INTO sqlite_sequence(name, seq) SELECT 'rec', 0 WHERE NOT EXISTS(SELECT * FROM "
         "sqlite_sequence);"
         "UPDATE meta SET given=(SELECT max(seq) FROM sqlite_sequence);"
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

std::int64_t RecordTable::record_key(const Mailbox& mailbox, const RecordId& id) const noexcept {
  ByteArray<Mailbox::size() + RecordId::size()> both{};
  std::ranges::copy(id, std::ranges::copy(mailbox, both.begin()).out);
  return static_cast<std::int64_t>(crypto::siphash(hash_key_, both));
}

std::int64_t RecordTable::box_key(ByteView box) const noexcept {
  return static_cast<std::int64_t>(crypto::siphash(hash_key_, box));
}

ByteArray<16> RecordTable::checksum(ByteView mailbox, ByteView box, ByteView id, UnixTime expires_at,
                                    Kind kind, ByteView value) const noexcept {
  return record_checksum(sum_key_, mailbox, box, id, expires_at, kind, value);
}

DbStatus RecordTable::find(const Mailbox& mailbox, const RecordId& id, std::optional<Found>& found) {
  const DbStatus status = find(statements_.find, true, mailbox, id, found);
  return status == DbStatus::ok && !found ? find(statements_.find_tombstone, false, mailbox, id, found)
                                          : status;
}

DbStatus RecordTable::find(const Statement& in, bool live, const Mailbox& mailbox, const RecordId& id,
                           std::optional<Found>& found) {
  Query query(in);
  query.bind(record_key(mailbox, id));
  while (query.next()) {
    const ByteView box = query.blob(3), value = query.blob(6);
    if (!std::ranges::equal(query.blob(2), mailbox) || !std::ranges::equal(query.blob(4), id)) {
      continue;
    }
    found.emplace();
    found->sequence = query.integer(0);
    found->expires_at = query.time(1);
    found->kind = live ? Kind::live : kind_of_tombstone(query.integer(7));
    found->box.assign(box.begin(), box.end());
    found->value.assign(value.begin(), value.end());
    found->sound =
        std::ranges::equal(query.blob(5), checksum(mailbox, box, id, found->expires_at, found->kind, value));
    if (!found->sound) {
      count_damaged();
    }
    return DbStatus::ok;
  }
  return query.status();
}

DbStatus RecordTable::apply(PutOperation& put) {
  const auto size = static_cast<std::int64_t>(put.value.size());
  std::optional<Found> found;
  DbStatus status = find(put.box.mailbox, put.id, found);
  if (status == DbStatus::ok && found && (!found->sound || found->expires_at <= put.now)) {
    // A damaged record is useless and may be replaced; an expired one counts as dropped already.
    status = drop(found->box, found->sequence, found->live(), static_cast<std::int64_t>(found->value.size()));
    found.reset();
  }
  if (status != DbStatus::ok) {
    return status;
  }
  if (found && !found->live()) {
    put.result = {PutStatus::gone};
    return status;
  }
  if (found) {
    put.result = {PutStatus::duplicate, std::max(found->expires_at, put.expires_at), found->expires_at};
    if (put.expires_at <= found->expires_at) {
      return status;
    }
    const auto sum = checksum(put.box.mailbox, found->box, put.id, put.expires_at, Kind::live, found->value);
    return Query(statements_.extend).bind(put.expires_at).bind(ByteView(sum)).bind(found->sequence).run();
  }
  BoxRow box;
  status = read_box(put.box.key, box);
  if (status != DbStatus::ok) {
    return status;
  }
  if (box.messages >= static_cast<std::int64_t>(limits_.box_messages) ||
      static_cast<std::uint64_t>(box.bytes + size) > limits_.box_bytes ||
      box.messages + box.tombstones >= static_cast<std::int64_t>(limits_.box_records)) {
    put.result = {PutStatus::mailbox_full};
    return status;
  }
  look_at_disk(put.now);
  if (used_bytes() + StoreLimits::record_overhead_bytes + put.value.size() > room_->capacity_bytes()) {
    put.result = {PutStatus::store_full};
    return status;
  }
  put.result = {PutStatus::stored, put.expires_at};
  return insert(put);
}

DbStatus RecordTable::insert(const PutOperation& put) {
  const auto& [mailbox, box] = put.box;
  const auto size = static_cast<std::int64_t>(put.value.size());
  const auto sum = checksum(mailbox, box, put.id, put.expires_at, Kind::live, put.value);
  const DbStatus status = Query(statements_.insert)
                              .bind(record_key(mailbox, put.id))
                              .bind(list_key(mailbox, box))
                              .bind(put.expires_at)
                              .bind(ByteView(mailbox))
                              .bind(ByteView(box))
                              .bind(ByteView(put.id))
                              .bind(ByteView(put.value))
                              .bind(ByteView(sum))
                              .run();
  if (status != DbStatus::ok) {
    return status;
  }
  ++totals_.messages;
  totals_.bytes += size;
  return change_box(box, 1, size, 0);
}

DbStatus RecordTable::drop(ByteView box, std::int64_t sequence, bool live, std::int64_t size) {
  const DbStatus status = Query(live ? statements_.drop : statements_.drop_tombstone).bind(sequence).run();
  if (status != DbStatus::ok) {
    return status;
  }
  if (!live) {
    totals_.tombstones = clamped(totals_.tombstones - 1);
    return change_box(box, 0, 0, -1);
  }
  totals_.messages = clamped(totals_.messages - 1);
  totals_.bytes = clamped(totals_.bytes - size);
  return change_box(box, -1, -size, 0);
}

DbStatus RecordTable::bury(const Mailbox& mailbox, const RecordId& id, const Found& found, Kind by) {
  const auto size = static_cast<std::int64_t>(found.value.size());
  const auto sum = checksum(mailbox, found.box, id, found.expires_at, by, {});
  DbStatus status = Query(statements_.drop).bind(found.sequence).run();
  if (status == DbStatus::ok) {
    status = Query(statements_.bury)
                 .bind(record_key(mailbox, id))
                 .bind(found.expires_at)
                 .bind(ByteView(mailbox))
                 .bind(ByteView(found.box))
                 .bind(ByteView(id))
                 .bind(ByteView(sum))
                 .bind(by == Kind::cancelled ? 1 : 0)
                 .run();
  }
  if (status != DbStatus::ok) {
    return status;
  }
  totals_.messages = clamped(totals_.messages - 1);
  totals_.bytes = clamped(totals_.bytes - size);
  ++totals_.tombstones;
  return change_box(found.box, -1, -size, 1);
}

DbStatus RecordTable::read_box(ByteView box, BoxRow& row) {
  Query query(statements_.read_box);
  query.bind(box_key(box));
  if (query.next()) {
    row = {clamped(query.integer(0)), clamped(query.integer(1)), clamped(query.integer(2)), query.integer(3)};
  }
  return query.status();
}

// The row goes with the last record or tombstone of the box.
DbStatus RecordTable::change_box(ByteView box, std::int64_t messages, std::int64_t bytes,
                                 std::int64_t tombstones) {
  BoxRow row;
  if (const DbStatus status = read_box(box, row); status != DbStatus::ok) {
    return status;
  }
  row.messages = clamped(row.messages + messages);
  row.bytes = clamped(row.bytes + bytes);
  row.tombstones = clamped(row.tombstones + tombstones);
  if (row.messages == 0 && row.tombstones == 0) {
    return Query(statements_.drop_box).bind(box_key(box)).run();
  }
  return Query(statements_.write_box)
      .bind(box_key(box))
      .bind(row.messages)
      .bind(row.bytes)
      .bind(row.tombstones)
      .bind(row.given)
      .run();
}

DbStatus RecordTable::apply(RemoveOperation& remove) {
  remove.result = {OpStatus::ok, 0};
  for (const RecordId& id : remove.ids) {
    std::optional<Found> found;
    DbStatus status = find(remove.mailbox, id, found);
    if (status == DbStatus::ok && found && found->live()) {
      status = bury(remove.mailbox, id, *found, Kind::removed);
      ++remove.result.removed;
    }
    if (status != DbStatus::ok) {
      return status;
    }
  }
  return DbStatus::ok;
}

DbStatus RecordTable::apply(CancelOperation& cancel) {
  cancel.result = CancelStatus::unknown;
  std::optional<Found> found;
  DbStatus status = find(cancel.mailbox, cancel.id, found);
  if (status != DbStatus::ok || !found || !found->sound) {
    return status;
  }
  if (!found->live()) {
    cancel.result = found->kind == Kind::cancelled ? CancelStatus::cancelled : CancelStatus::removed;
    return status;
  }
  const ByteView value = found->value;
  if (value.size() < commitment_offset + cancel.commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, cancel.commitment.size()), cancel.commitment)) {
    cancel.result = CancelStatus::wrong_proof;
    return status;
  }
  BoxRow box;
  status = read_box(found->box, box);
  if (status != DbStatus::ok) {
    return status;
  }
  if (found->sequence <= std::max(box.given, given_)) {
    cancel.result = CancelStatus::removed;  // Its owner may have it.
    return status;
  }
  cancel.result = CancelStatus::cancelled;
  return bury(cancel.mailbox, cancel.id, *found, Kind::cancelled);
}

DbStatus RecordTable::apply(ExpireOperation& expire) {
  const std::size_t most = std::min(expire.max_rows, expire_slice);
  expire.more = false;
  struct Due {
    std::int64_t sequence, size;
    bool live;
    Bytes box;
  };
  std::vector<Due> rows;
  {
    Query query(statements_.expired);
    query.bind(expire.now).bind(most);
    while (query.next()) {
      const ByteView box = query.blob(3);
      rows.push_back({query.integer(1), query.integer(4), query.integer(2) != 0, {box.begin(), box.end()}});
    }
    if (query.status() != DbStatus::ok) {
      return query.status();
    }
  }
  for (const Due& row : rows) {
    if (const DbStatus status = drop(row.box, row.sequence, row.live, row.size); status != DbStatus::ok) {
      return status;
    }
  }
  expired_ += rows.size();
  expire.more = rows.size() == most;
  look_at_disk(expire.now);
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
