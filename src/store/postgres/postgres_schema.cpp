// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_schema.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace toxasync::store {
namespace {

// Every table but the first and the last is keyed by mailbox first, and could be spread over servers by it.
//
// mailbox: a transaction that changes a mailbox holds a lock on its row until the commit, and gets `seq` from
// `next` there: so a reader that has seen one has seen all smaller ones. box: n and bytes count the live
// records of one writer; records up to the sequence `given` were listed. It is locked after its mailbox, or
// alone, to move `given`. record: kind is a RecordKind; only a live one has a value. totals: the sums over
// everything, in rows of which each connection changes one, so that they do not wait for one another; one row
// may be negative. migration: the progress of imports.
constexpr const char* tables[] = {
    "CREATE TABLE toxasync(version bigint NOT NULL, sum_key bytea NOT NULL)",
    "CREATE TABLE mailbox(mailbox bytea PRIMARY KEY, next bigint NOT NULL) WITH (fillfactor=80)",
    R"(CREATE TABLE box(mailbox bytea NOT NULL, box bytea NOT NULL, n bigint NOT NULL, bytes bigint
       NOT NULL, tombstones bigint NOT NULL, given bigint NOT NULL, PRIMARY KEY(mailbox, box))
       WITH (fillfactor=80))",
    R"(CREATE TABLE record(mailbox bytea NOT NULL, id bytea NOT NULL, box bytea NOT NULL, seq bigint
       NOT NULL, exp bigint NOT NULL, kind bigint NOT NULL, value bytea, sum bytea NOT NULL,
       PRIMARY KEY(mailbox, id)))",
    R"(CREATE INDEX record_live ON record(mailbox, substring(box from 1 for 3), seq) INCLUDE (id,
       box) WHERE kind=1)",
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
    // rise by one a record, the server's clock by a million a second.
    {statement::add_mailboxes,
     R"(INSERT INTO mailbox(mailbox, next) SELECT m, (extract(epoch FROM clock_timestamp()) *
       1000000)::bigint FROM unnest($1::bytea[]) AS m ORDER BY m ON CONFLICT (mailbox) DO NOTHING
       RETURNING mailbox)"},
    // $1 mailboxes
    {statement::lock_mailboxes,
     R"(SELECT mailbox, next FROM mailbox WHERE mailbox = ANY($1::bytea[]) ORDER BY mailbox FOR
       UPDATE)"},
    // $1 mailboxes, $2 next
    {statement::write_mailboxes,
     R"(UPDATE mailbox AS m SET next = w.next FROM unnest($1::bytea[], $2::bigint[]) AS w(mailbox,
       next) WHERE m.mailbox = w.mailbox)"},
    // $1 mailboxes that may be empty, and are locked
    {statement::drop_mailboxes,
     R"(DELETE FROM mailbox AS m WHERE m.mailbox = ANY($1::bytea[]) AND NOT EXISTS (SELECT FROM box
       AS b WHERE b.mailbox = m.mailbox))"},
    // $1 mailboxes, $2 boxes in them; $3 mailboxes, $4 ids of records: their boxes too. All are locked.
    {statement::lock_boxes,
     R"(SELECT b.mailbox, b.box, b.n, b.bytes, b.tombstones, b.given FROM (SELECT * FROM
       unnest($1::bytea[], $2::bytea[]) AS p(mailbox, box) UNION SELECT r.mailbox, r.box FROM
       unnest($3::bytea[], $4::bytea[]) AS i(mailbox, id) JOIN record AS r ON r.mailbox = i.mailbox
       AND r.id = i.id) AS w JOIN box AS b ON b.mailbox = w.mailbox AND b.box = w.box ORDER BY
       b.mailbox, b.box FOR UPDATE OF b)"},
    // $1 mailboxes, $2 boxes, $3 n, $4 bytes, $5 tombstones, $6 given
    {statement::write_boxes,
     R"(INSERT INTO box AS b(mailbox, box, n, bytes, tombstones, given) SELECT * FROM
       unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) ON
       CONFLICT (mailbox, box) DO UPDATE SET n = excluded.n, bytes = excluded.bytes, tombstones =
       excluded.tombstones, given = excluded.given)"},
    // $1 mailboxes, $2 boxes
    {statement::drop_boxes,
     R"(DELETE FROM box AS b USING unnest($1::bytea[], $2::bytea[]) AS w(mailbox, box) WHERE
       b.mailbox = w.mailbox AND b.box = w.box)"},
    // $1 mailboxes, $2 boxes, $3 sequences up to which they are listed now
    {statement::lock_given,
     R"(SELECT FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS w(mailbox, box, seq) JOIN box
       AS b ON b.mailbox = w.mailbox AND b.box = w.box WHERE b.given < w.seq ORDER BY b.mailbox,
       b.box FOR UPDATE OF b)"},
    {statement::mark_given,
     R"(UPDATE box AS b SET given = w.seq FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS
       w(mailbox, box, seq) WHERE b.mailbox = w.mailbox AND b.box = w.box AND b.given < w.seq)"},
    // $1 mailboxes, $2 ids
    {statement::find_records,
     R"(SELECT r.mailbox, r.id, r.box, r.seq, r.exp, r.kind, r.value, r.sum FROM unnest($1::bytea[],
       $2::bytea[]) AS w(mailbox, id) JOIN record AS r ON r.mailbox = w.mailbox AND r.id = w.id)"},
    // $1 mailboxes, $2 ids
    {statement::find_given,
     R"(SELECT r.mailbox, r.id FROM unnest($1::bytea[], $2::bytea[]) AS w(mailbox, id) JOIN record AS
       r ON r.mailbox = w.mailbox AND r.id = w.id JOIN box AS b ON b.mailbox = r.mailbox AND b.box =
       r.box WHERE r.seq <= b.given)"},
    // $1 mailboxes, $2 ids, $3 sequences
    {statement::still_live,
     R"(SELECT r.mailbox, r.id FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS w(mailbox, id,
       seq) JOIN record AS r ON r.mailbox = w.mailbox AND r.id = w.id WHERE r.kind = 1 AND r.seq =
       w.seq)"},
    // $1 mailboxes, $2 ids, $3 boxes, $4 seq, $5 exp, $6 kind, $7 values, $8 sums
    {statement::write_records,
     R"(INSERT INTO record(mailbox, id, box, seq, exp, kind, value, sum) SELECT * FROM
       unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[],
       $7::bytea[], $8::bytea[]) ON CONFLICT (mailbox, id) DO UPDATE SET box = excluded.box, seq =
       excluded.seq, exp = excluded.exp, kind = excluded.kind, value = excluded.value, sum =
       excluded.sum)"},
    // $1 mailboxes, $2 ids
    {statement::drop_records,
     R"(DELETE FROM record AS r USING unnest($1::bytea[], $2::bytea[]) AS w(mailbox, id) WHERE
       r.mailbox = w.mailbox AND r.id = w.id)"},
    // $1 mailbox, $2 tags, $3 after, $4 limit. A descent of the index for each tag, which has all columns
    // used there (`box` for its expression); rows are read for one page only, by their key whatever the size
    // of the tables when the plan was made. What has expired is among them: to leave it out here would read
    // all of it.
    {statement::list_records,
     R"(SELECT r.id, r.box, r.seq, r.exp, r.kind, r.value, r.sum FROM (SELECT x.id, x.seq FROM
       unnest($2::bytea[]) AS t(tag) CROSS JOIN LATERAL (SELECT y.id, y.seq FROM record AS y WHERE
       y.mailbox = $1::bytea AND substring(y.box from 1 for 3) = t.tag AND y.kind = 1 AND y.seq >
       $3::bigint ORDER BY y.seq LIMIT $4::bigint) AS x ORDER BY x.seq LIMIT $4::bigint) AS w CROSS
       JOIN LATERAL (SELECT * FROM record AS z WHERE z.mailbox = $1::bytea AND z.id = w.id LIMIT 1)
       AS r ORDER BY r.seq LIMIT $4::bigint)"},
    // $1 now, $2 limit
    {statement::due_records,
     "SELECT mailbox, id FROM record WHERE exp <= $1::bigint ORDER BY exp LIMIT $2::bigint"},
    // $1 mailboxes, $2 ids, $3 now
    {statement::drop_due,
     R"(DELETE FROM record AS r USING unnest($1::bytea[], $2::bytea[]) AS w(mailbox, id) WHERE
       r.mailbox = w.mailbox AND r.id = w.id AND r.exp <= $3::bigint RETURNING r.mailbox, r.box,
       r.kind, coalesce(octet_length(r.value), 0)::bigint)"},
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

const char* statement::text_of(const char* name) noexcept {
  for (const auto& [known, text] : statements) {
    if (std::string_view(known) == name) {
      return text;
    }
  }
  return "";
}

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
