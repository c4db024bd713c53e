// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_schema.hpp"

#include <utility>
#include <vector>

namespace toxasync::store {
namespace {

// Every table but the first and the last is keyed by mailbox first, and could be spread over servers by it.
//
// mailbox: n and bytes count its live records. A transaction that changes a mailbox holds a lock on its row
// until the commit, and gets `seq` from `next` there: so a reader that has seen one has seen all smaller
// ones. record: kind is a RecordKind; only a live one has a value. totals: the sums over everything, in rows
// of which each connection changes one, so that they do not wait for one another; one row may be negative.
// migration: the progress of imports.
constexpr const char* tables[] = {
    "CREATE TABLE toxasync(version bigint NOT NULL, sum_key bytea NOT NULL)",
    R"(CREATE TABLE mailbox(mailbox bytea PRIMARY KEY, next bigint NOT NULL, n bigint NOT NULL,
       bytes bigint NOT NULL, given bigint NOT NULL) WITH (fillfactor=80))",
    R"(CREATE TABLE record(mailbox bytea NOT NULL, id bytea NOT NULL, seq bigint NOT NULL, exp
       bigint NOT NULL, kind bigint NOT NULL, value bytea, sum bytea NOT NULL, PRIMARY KEY(mailbox,
       id)))",
    "CREATE INDEX record_order ON record(mailbox, seq) WHERE kind=1",
    "CREATE INDEX record_exp ON record(exp)",
    R"(CREATE TABLE totals(slot bigint PRIMARY KEY, messages bigint NOT NULL, bytes bigint NOT
       NULL, tombstones bigint NOT NULL) WITH (fillfactor=20))",
    "CREATE TABLE migration(source bytea PRIMARY KEY, seq bigint NOT NULL)",
};

// "toxasync" in bytes: held by the connection that creates the tables.
constexpr const char* lock_schema = "SELECT pg_advisory_xact_lock(8390056990759022179)";

// A commit is durable on this server and, if it is configured so, on its standbys. Plans are fixed once and
// use the indexes: tables that were empty when a plan was made may be large when it is used. A transaction
// whose daemon is gone does not hold its locks for ever.
constexpr const char* settings =
    R"(SELECT set_config('synchronous_commit', CASE WHEN
       current_setting('synchronous_commit')='remote_apply' THEN 'remote_apply' ELSE 'on' END,
       false), set_config('default_transaction_isolation', 'read committed', false),
       set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan',
       'off', false), set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin',
       'off', false), set_config('jit', 'off', false), set_config('statement_timeout', '0', false),
       set_config('lock_timeout', '3s', false), set_config('idle_in_transaction_session_timeout',
       '20s', false))";

// The table itself is read: to_regclass would use what the session cached before it had the lock.
constexpr const char* probe =
    R"(SELECT count(*), (current_setting('fsync') = 'on')::int::bigint FROM pg_catalog.pg_tables
       WHERE tablename = 'toxasync' AND schemaname = ANY(current_schemas(false)))";

constexpr std::pair<const char*, const char*> statements[] = {
    // $1 mailboxes. A mailbox that was dropped and is created again continues above its old sequences: they
    // rise by
    // one a record, the server's clock by a million a second.
    {statement::add_mailboxes,
     R"(INSERT INTO mailbox(mailbox, next, n, bytes, given) SELECT m, (extract(epoch FROM
       clock_timestamp()) * 1000000)::bigint, 0, 0, 0 FROM unnest($1::bytea[]) AS m ORDER BY m ON
       CONFLICT (mailbox) DO NOTHING RETURNING mailbox)"},
    // $1 mailboxes to change, $2 those that are listed: locked when there is something new in them.
    {statement::lock_mailboxes,
     R"(SELECT mailbox, next, n, bytes, given FROM mailbox WHERE mailbox = ANY($1::bytea[]) OR
       (mailbox = ANY($2::bytea[]) AND n > 0 AND given < next) ORDER BY mailbox FOR UPDATE)"},
    // $1 mailboxes, $2 next, $3 n, $4 bytes
    {statement::write_mailboxes,
     R"(UPDATE mailbox AS m SET next = w.next, n = w.n, bytes = w.bytes FROM unnest($1::bytea[],
       $2::bigint[], $3::bigint[], $4::bigint[]) AS w(mailbox, next, n, bytes) WHERE m.mailbox =
       w.mailbox)"},
    // $1 mailboxes that may be empty, and are locked
    {statement::drop_mailboxes,
     R"(DELETE FROM mailbox AS m WHERE m.mailbox = ANY($1::bytea[]) AND NOT EXISTS (SELECT FROM
       record AS r WHERE r.mailbox = m.mailbox))"},
    // $1 mailboxes
    {statement::mark_given,
     R"(UPDATE mailbox SET given = next WHERE mailbox IN (SELECT mailbox FROM mailbox WHERE mailbox
       = ANY($1::bytea[]) AND n > 0 AND given < next ORDER BY mailbox FOR UPDATE))"},
    // $1 mailboxes, $2 their cursors: writes nothing new when something after one was marked as given.
    {statement::wait_for_marks,
     R"(INSERT INTO totals(slot, messages, bytes, tombstones) SELECT pg_backend_pid() % 64, 0, 0, 0
       WHERE EXISTS (SELECT FROM unnest($1::bytea[], $2::bigint[]) AS w(mailbox, after) JOIN mailbox
       AS m ON m.mailbox = w.mailbox WHERE m.given > w.after + 1) ON CONFLICT (slot) DO UPDATE SET
       messages = totals.messages)"},
    // $1 mailboxes, $2 ids
    {statement::find_records,
     R"(SELECT r.mailbox, r.id, r.seq, r.exp, r.kind, r.value, r.sum FROM unnest($1::bytea[],
       $2::bytea[]) AS w(mailbox, id) JOIN record AS r ON r.mailbox = w.mailbox AND r.id = w.id)"},
    // $1 mailboxes, $2 ids, $3 seq, $4 exp, $5 kind, $6 values, $7 sums
    {statement::write_records,
     R"(INSERT INTO record(mailbox, id, seq, exp, kind, value, sum) SELECT * FROM
       unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[],
       $7::bytea[]) ON CONFLICT (mailbox, id) DO UPDATE SET seq = excluded.seq, exp = excluded.exp,
       kind = excluded.kind, value = excluded.value, sum = excluded.sum)"},
    // $1 mailboxes, $2 ids
    {statement::drop_records,
     R"(DELETE FROM record AS r USING unnest($1::bytea[], $2::bytea[]) AS w(mailbox, id) WHERE
       r.mailbox = w.mailbox AND r.id = w.id)"},
    // $1 mailbox, $2 after, $3 now, $4 limit, $5 1: only what was marked as given
    {statement::list_records,
     R"(SELECT r.id, r.seq, r.exp, r.kind, r.value, r.sum FROM record AS r LEFT JOIN mailbox AS m ON
       m.mailbox = r.mailbox WHERE r.mailbox = $1::bytea AND r.kind = 1 AND r.seq > $2::bigint AND
       r.exp > $3::bigint AND ($5::bigint = 0 OR r.seq < m.given) ORDER BY r.seq LIMIT $4::bigint)"},
    // $1 now, $2 limit
    {statement::due_records,
     "SELECT mailbox, id FROM record WHERE exp <= $1::bigint ORDER BY exp LIMIT $2::bigint"},
    // $1 mailboxes, $2 ids, $3 now
    {statement::drop_due,
     R"(DELETE FROM record AS r USING unnest($1::bytea[], $2::bytea[]) AS w(mailbox, id) WHERE
       r.mailbox = w.mailbox AND r.id = w.id AND r.exp <= $3::bigint RETURNING r.mailbox, r.kind,
       coalesce(octet_length(r.value), 0)::bigint)"},
    // $1 messages, $2 bytes, $3 tombstones
    {statement::add_totals,
     R"(INSERT INTO totals(slot, messages, bytes, tombstones) VALUES(pg_backend_pid() % 64,
       $1::bigint, $2::bigint, $3::bigint) ON CONFLICT (slot) DO UPDATE SET messages =
       totals.messages + excluded.messages, bytes = totals.bytes + excluded.bytes, tombstones =
       totals.tombstones + excluded.tombstones)"},
    // $1 source, $2 the last sequence there
    {statement::note_progress,
     R"(INSERT INTO migration(source, seq) VALUES($1::bytea, $2::bigint) ON CONFLICT (source) DO
       UPDATE SET seq = excluded.seq)"},
    // $1 source
    {statement::progress, "SELECT seq FROM migration WHERE source = $1::bytea"},
    {statement::totals,
     R"(SELECT greatest(coalesce(sum(messages), 0), 0)::bigint, greatest(coalesce(sum(bytes), 0),
       0)::bigint, greatest(coalesce(sum(tombstones), 0), 0)::bigint FROM totals)"},
};

LinkStatus create(PostgresLink& link, const ByteArray<32>& new_sum_key, std::chrono::milliseconds timeout) {
  std::vector<PostgresRows> answers;
  link.query("BEGIN");
  link.query(lock_schema);
  link.query(probe);  // Again: another daemon may have created them by now.
  LinkStatus status = link.round_trip(answers, timeout);
  if (status == LinkStatus::ok && answers[2].integer(0, 0) == 0) {
    for (const char* table : tables) {
      link.query(table);
    }
    const std::string row = "INSERT INTO toxasync VALUES(" + std::to_string(postgres_schema_version) +
                            ", decode('" + to_hex(new_sum_key) + "', 'hex'))";
    link.query(row.c_str());
    status = link.round_trip(timeout);
  }
  if (status != LinkStatus::ok) {
    return status;  // The connection is closed, and the transaction with it.
  }
  link.query("COMMIT");
  status = link.round_trip(answers, timeout);
  return status == LinkStatus::ok && (answers[0].tag() != "COMMIT" || link.warned()) ? LinkStatus::lost
                                                                                     : status;
}

std::string advice(const PostgresLink& link) {
  const std::string& state = link.sqlstate();
  if (state == "42501") {
    return link.error() + ": grant this role what docs/postgres.md lists, or start once as the tables' owner";
  }
  if (state == "42P07" || state == "42703" || state == "42P01") {
    return link.error() + ": these are not toxasync's tables: name a database of its own";
  }
  return link.error();
}

}  // namespace

std::optional<PostgresDatabase> attach(PostgresLink& link, const ByteArray<32>& new_sum_key,
                                       std::chrono::milliseconds timeout, std::string& why) {
  std::vector<PostgresRows> answers;
  link.query(settings);
  link.query(probe);
  LinkStatus status = link.round_trip(answers, timeout);
  PostgresDatabase database;
  bool made = true;
  if (status == LinkStatus::ok) {
    made = answers[1].integer(0, 0) != 0;
    database.syncs = answers[1].integer(0, 1) != 0;
  }
  if (status == LinkStatus::ok && !made) {
    status = create(link, new_sum_key, timeout);
  }
  if (status == LinkStatus::ok) {
    link.query("SELECT version, sum_key FROM toxasync");
    status = link.round_trip(answers, timeout);
  }
  if (status == LinkStatus::ok) {
    const PostgresRows& row = answers[0];
    if (row.count() == 1 && row.integer(0, 0) > postgres_schema_version) {
      why =
          "the database was written by a newer version of toxasync: upgrade toxasync, or choose another "
          "database";
      return std::nullopt;
    }
    if (row.count() != 1 || row.integer(0, 0) != postgres_schema_version ||
        row.blob(0, 1).size() != database.sum_key.size()) {
      why = "unexpected contents of the table `toxasync`: restore a backup, or choose another database";
      return std::nullopt;
    }
    database.sum_key = to_array<32>(row.blob(0, 1));
    for (const auto& [name, text] : statements) {
      link.prepare(name, text);
    }
    status = link.round_trip(timeout);
  }
  if (status != LinkStatus::ok) {
    why = advice(link);
    return std::nullopt;
  }
  return database;
}

}  // namespace toxasync::store
