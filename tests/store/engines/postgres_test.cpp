// SPDX-License-Identifier: GPL-3.0-or-later
// What only a store that several nodes share can promise.
#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>
#include <vector>

#include "postgres.hpp"

namespace toxasync::store::test {
namespace {

void put_many(Store& store, std::uint16_t from, std::uint16_t count, Results& results) {
  for (std::uint16_t i = from; i < from + count; ++i) {
    store.put(i, box(1), record(i), value_of(40, 1), at(2000s), at(1000s));
    store.submit();
  }
  BOOST_TEST(wait_for(store, results, count));
}

std::size_t count_of(const Results& results, PutStatus status) {
  return static_cast<std::size_t>(
      std::ranges::count_if(results.puts, [=](const auto& put) { return put.second.status == status; }));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(postgres_store, HeldDatabases)

BOOST_AUTO_TEST_CASE(records_tombstones_and_totals_survive_a_reopen) {
  {
    const auto store = open();
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(500, 1));
    caller.put(box(1), record(2), value_of(600, 2));
    caller.put(box(1), record(3), value_of(600, 3));
    caller.remove(mailbox(1), {record(1)});
    caller.cancel(mailbox(1), record(3), commitment(3));
  }
  const auto store = open();
  Caller caller(*store);
  BOOST_TEST(store->stats().messages == 1U);
  BOOST_TEST(store->stats().bytes == 600U);
  BOOST_TEST(store->stats().tombstones == 2U);
  const auto list = caller.list(mailbox(1));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST(list.records[0].value == value_of(600, 2));
  BOOST_TEST((caller.put(box(1), record(1), value_of(500, 1)).status == PutStatus::gone));
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(3)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(sequences_keep_rising_and_an_empty_mailbox_leaves_no_row) {
  const auto store = open();
  std::uint64_t last = 0;
  for (std::int64_t round = 0; round < 3; ++round) {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(50, 1), at(2000s));
    const auto sequence = caller.list(mailbox(1)).records.at(0).sequence;
    BOOST_TEST(sequence > last);
    last = sequence;
    store->expire(at(2000s), 10);
    caller.list(mailbox(1));
    BOOST_TEST(sql_text("SELECT count(*)::text FROM mailbox") == "0");
  }
}

BOOST_AUTO_TEST_CASE(a_put_that_is_refused_leaves_nothing_behind) {
  StoreLimits limits;
  limits.box_bytes = 100;
  const auto store = open(limits);
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(101, 1)).status == PutStatus::mailbox_full));
  BOOST_TEST(sql_text("SELECT count(*)::text FROM mailbox") == "0");
  // The expired one is dropped in passing.
  caller.put(box(1), record(1), value_of(100, 1), at(2000s));
  caller.now = at(2000s);
  BOOST_TEST((caller.put(box(1), record(1), value_of(101, 1), at(3000s)).status == PutStatus::mailbox_full));
  BOOST_TEST(sql_text("SELECT count(*)::text FROM mailbox") == "0");
  BOOST_TEST(store->stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE(a_corrupted_record_is_counted_not_served_and_storable_again) {
  const auto store = open();
  Caller caller(*store);
  for (std::uint16_t i = 1; i <= 4; ++i) {
    caller.put(box(1), record(i), value_of(600, 0x51));
  }
  sql_text("UPDATE record SET value = set_byte(value, 300, 1) WHERE seq = (SELECT min(seq) FROM record)");
  sql_text("UPDATE record SET exp = exp + 1 WHERE seq = (SELECT min(seq) + 1 FROM record)");
  sql_text("UPDATE record SET kind = 2 WHERE seq = (SELECT min(seq) + 2 FROM record)");
  // A page has as many as it may, though damaged ones stand before them.
  const auto list = caller.list(mailbox(1), 0, {1, 10000});
  BOOST_TEST((list.status == OpStatus::ok));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST((list.records[0].id == record(4)));
  BOOST_TEST(!list.more);
  BOOST_TEST(store->stats().damaged == 2U);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(0x51)) == CancelStatus::unknown));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(0x51)) == CancelStatus::unknown));
  BOOST_TEST((caller.put(box(1), record(1), value_of(600, 0x51)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
  BOOST_TEST(metrics.value(Counter::store_record_damaged) == store->stats().damaged);
}

BOOST_AUTO_TEST_CASE(a_cursor_misses_nothing_that_several_nodes_write) {
  constexpr std::uint16_t writers = 4, each = 150;
  StoreLimits limits;
  limits.box_messages = writers * each;
  std::vector<std::unique_ptr<PostgresStore>> stores;
  for (int i = 0; i <= writers; ++i) {
    stores.push_back(open(limits));
  }
  std::vector<std::thread> threads;
  std::vector<Results> results(writers);
  for (std::uint16_t i = 0; i < writers; ++i) {
    threads.emplace_back([&, i] { put_many(*stores[i], i * each, each, results[i]); });
  }
  Caller reader(*stores.back());
  std::set<RecordId> seen;
  std::uint64_t cursor = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (seen.size() < std::size_t{writers} * each && std::chrono::steady_clock::now() < deadline) {
    for (const Record& got : reader.list(mailbox(1), cursor, {7, 100000}).records) {
      BOOST_TEST(got.sequence > cursor);
      cursor = got.sequence;
      seen.insert(got.id);
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  BOOST_TEST(seen.size() == std::size_t{writers} * each);
}

BOOST_AUTO_TEST_CASE(quotas_and_capacity_hold_for_nodes_that_write_at_once) {
  StoreLimits limits;
  limits.box_messages = 100;
  std::vector<std::unique_ptr<PostgresStore>> stores;
  std::vector<std::thread> threads;
  std::vector<Results> results(4);
  for (std::size_t i = 0; i < results.size(); ++i) {
    stores.push_back(open(limits));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back(
        [&, i] { put_many(*stores[i], static_cast<std::uint16_t>(i * 50), 50, results[i]); });
  }
  std::size_t stored = 0, full = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    stored += count_of(results[i], PutStatus::stored);
    full += count_of(results[i], PutStatus::mailbox_full);
  }
  BOOST_TEST(stored == 100U);
  BOOST_TEST(full == 100U);
  limits.capacity_bytes = 101 * StoreLimits::record_overhead_bytes + 101ULL * 40;
  const auto small = open(limits);
  Caller caller(*small);
  BOOST_TEST((caller.put(box(2), record(1), value_of(41, 1)).status == PutStatus::store_full));
  BOOST_TEST((caller.put(box(2), record(1), value_of(40, 1)).status == PutStatus::stored));
  BOOST_TEST(small->stats().messages == 101U);
}

BOOST_AUTO_TEST_CASE(groups_on_the_same_mailboxes_do_not_deadlock) {
  const std::string deadlocks =
      "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()";
  const std::string before = sql_text(deadlocks);
  std::vector<std::unique_ptr<PostgresStore>> stores;
  std::vector<std::thread> threads;
  std::vector<Results> results(3);
  for (std::size_t i = 0; i < results.size(); ++i) {
    stores.push_back(open());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      for (std::uint16_t n = 0; n < 600; ++n) {
        const auto place = static_cast<std::uint8_t>(i == 0 ? n % 40 : i == 1 ? 39 - n % 40 : n * 7 % 40);
        stores[i]->put(n, box(place), record(static_cast<std::uint16_t>(i * 600 + n)), value_of(40, 1),
                       at(2000s), at(1000s));
        if (n % 60 == 59) {
          stores[i]->expire(at(1500s), 100);
          stores[i]->submit();
        }
      }
      BOOST_TEST(wait_for(*stores[i], results[i], 600));
    });
  }
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    BOOST_TEST(count_of(results[i], PutStatus::stored) == 600U);
  }
  sql_text("SELECT pg_stat_force_next_flush()::text");
  BOOST_TEST(sql_text(deadlocks) == before);
}

BOOST_AUTO_TEST_CASE(nodes_that_expire_at_once_count_each_record_once) {
  const auto one = open(), two = open();
  Results results;
  put_many(*one, 0, 700, results);
  for (const auto* store : {&one, &two}) {
    (*store)->expire(at(2000s), 5000);
    (*store)->submit();
  }
  Caller(*one).list(mailbox(1));
  Caller(*two).list(mailbox(1));
  one->expire(at(2000s), 1);  // Reads the totals again.
  Caller(*one).list(mailbox(1));
  BOOST_TEST(one->stats().messages == 0U);
  BOOST_TEST(one->stats().bytes == 0U);
  BOOST_TEST(metrics.value(Counter::node_expired) == 700U);
  BOOST_TEST(sql_text("SELECT count(*)::text FROM mailbox") == "0");
}

BOOST_AUTO_TEST_CASE(what_one_node_gave_to_its_owner_is_not_cancelled_by_another) {
  const auto one = open(), two = open();
  Caller reader(*one), sender(*two);
  sender.put(box(1), record(1), value_of(50, 1));
  sender.put(box(1), record(2), value_of(50, 1));
  BOOST_TEST((sender.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::cancelled));
  BOOST_TEST(reader.list(mailbox(1)).records.size() == 1U);
  BOOST_TEST((sender.cancel(mailbox(1), record(2), commitment(2)) == CancelStatus::wrong_proof));
  BOOST_TEST((sender.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::removed));
  BOOST_TEST(reader.list(mailbox(1)).records.size() == 1U);
  sender.put(box(1), record(3), value_of(50, 1));  // Comes later.
  BOOST_TEST((sender.cancel(mailbox(1), record(3), commitment(1)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(of_a_list_and_a_cancel_at_once_one_wins) {
  constexpr std::uint16_t rounds = 100;
  const auto one = open(), two = open();
  Results lists, cancels;
  for (std::uint16_t i = 0; i < rounds; ++i) {
    const Box here = box(static_cast<std::uint8_t>(i));
    Caller(*one).put(here, record(i), value_of(50, 1));
    one->list(i, here.mailbox, first_box, 0, {10, 1000}, at(1000s));
    two->cancel(i, here.mailbox, record(i), commitment(1));
    (i % 2 == 0 ? one : two)->submit();
    (i % 2 == 0 ? two : one)->submit();
    BOOST_REQUIRE(wait_for(*one, lists, 1));
    BOOST_REQUIRE(wait_for(*two, cancels, 1));
    const bool listed = !lists.lists[i].records.empty();
    BOOST_TEST((cancels.cancels[i] == (listed ? CancelStatus::removed : CancelStatus::cancelled)));
  }
}

BOOST_AUTO_TEST_CASE(a_list_shows_no_record_that_could_still_be_cancelled) {
  const auto one = open();
  auto other = PostgresStore::open(url() + "&application_name=other", {}, {}, telemetry, random);
  BOOST_REQUIRE(other);
  Caller reader(*one), sender(**other);
  sender.put(box(1), record(1), value_of(50, 1));
  reader.list(mailbox(1));
  // The reader's transaction stands still when it has marked what is there: nothing new, so it locks nothing.
  sql_text("CREATE FUNCTION " + prefix +
           "1.halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF current_setting('application_name') = "
           "'toxasync' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN NULL; END $$");
  sql_text("CREATE TRIGGER halt AFTER UPDATE ON box FOR EACH STATEMENT EXECUTE FUNCTION halt()");
  BOOST_REQUIRE(holder.connect(url(), patience));
  holder.query("SELECT pg_advisory_lock(7)");
  BOOST_REQUIRE(holder.round_trip(patience) == LinkStatus::ok);
  Results lists;
  one->list(1, mailbox(1), first_box, 0, {10, 1000}, at(1000s));
  one->submit();
  wait_for_sql(waiting("Lock"));
  BOOST_TEST((sender.put(box(1), record(2), value_of(50, 1)).status == PutStatus::stored));
  holder.query("SELECT pg_advisory_unlock(7)");
  BOOST_REQUIRE(holder.round_trip(patience) == LinkStatus::ok);
  BOOST_REQUIRE(wait_for(*one, lists, 1));
  BOOST_TEST(lists.lists[1].records.size() == 1U);
  BOOST_TEST((sender.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(any_number_of_nodes_may_start_on_an_empty_database_at_once) {
  const std::string where = url();
  std::vector<std::thread> threads;
  std::vector<std::string> errors(8);
  threads.reserve(errors.size());
  for (std::string& error : errors) {
    threads.emplace_back([&, &error = error] {
      TestRandom own(static_cast<std::uint64_t>(&error - errors.data()));
      const auto opened = PostgresStore::open(where, {}, {}, telemetry, own);
      error = opened ? "" : opened.error();
    });
  }
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    BOOST_TEST(errors[i] == "");
  }
  BOOST_TEST(sql_text("SELECT count(*)::text FROM toxasync") == "1");
}

BOOST_AUTO_TEST_CASE(a_foreign_or_newer_database_is_refused_and_untouched) {
  open();
  sql_text("UPDATE toxasync SET version = 2");
  BOOST_TEST(error_of(url()).find("newer version") != std::string::npos);
  url(2);
  sql_text("CREATE TABLE record(x int)", 2);
  BOOST_TEST(error_of(url(2)).find("not toxasync's tables") != std::string::npos);
  BOOST_TEST(sql_text("SELECT count(*)::text FROM pg_tables WHERE schemaname = current_schema()", 2) == "1");
}

BOOST_AUTO_TEST_CASE(an_unusable_server_is_reported_without_the_password) {
  const std::string nowhere = error_of("postgresql:///x?host=/nonexistent,/nowhere&password=sesame");
  BOOST_TEST(nowhere.find("/nowhere") != std::string::npos);
  BOOST_TEST(nowhere.find("sesame") == std::string::npos);
  BOOST_TEST(nowhere.find('\n') == std::string::npos);
  BOOST_TEST(!error_of("postgresql://x:sesame@[").empty());
  BOOST_TEST(error_of("postgresql://x:sesame@[").find("sesame") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_role_without_ddl_rights_suffices_for_existing_tables) {
  sql("CREATE ROLE " + prefix + "daemon LOGIN");
  const std::string as_daemon = url() + "&user=" + prefix + "daemon";
  sql("GRANT USAGE ON SCHEMA " + prefix + "1 TO " + prefix + "daemon");
  BOOST_TEST(error_of(as_daemon).find("docs/postgres.md") != std::string::npos);
  open();
  // As docs/postgres.md has it.
  sql_text("GRANT SELECT ON toxasync TO " + prefix + "daemon");
  sql_text("GRANT SELECT, INSERT, UPDATE, DELETE ON mailbox, box, record, totals, migration TO " + prefix +
           "daemon");
  {
    auto opened = PostgresStore::open(as_daemon, {}, {}, telemetry, random);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error()));
    Caller caller(**opened);
    BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::stored));
    BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
    BOOST_TEST(caller.remove(mailbox(1), {record(1)}).removed == 1U);
    (*opened)->expire(at(2000s), 10);
    caller.list(mailbox(1));
    BOOST_TEST((*opened)->stats().tombstones == 0U);
  }
  sql("DROP OWNED BY " + prefix + "daemon; ");
  sql("DROP ROLE " + prefix + "daemon");
}

BOOST_AUTO_TEST_CASE(nothing_is_acknowledged_before_a_standby_has_it) {
  PostgresStoreOptions options;
  options.patience = 1000ms;
  const auto store = open({}, options);
  Caller caller(*store);
  caller.put(box(2), record(2), value_of(50, 1));
  require_standbys("ANY 1 (nobody)");
  // Somebody ends the wait: the record is there, on this one disk.
  Results results;
  store->put(1, box(1), record(1), value_of(50, 1), at(2000s), at(1000s));
  store->submit();
  wait_for_sql(waiting("IPC"));
  const std::string end_wait =
      std::string("SELECT pg_cancel_backend(pid)::text") + its_backends + " AND wait_event = 'SyncRep'";
  sql_text(end_wait);
  BOOST_REQUIRE(wait_for(*store, results, 1));
  BOOST_TEST((results.puts[1].status == PutStatus::failed));
  BOOST_TEST(sql_text("SELECT count(*)::text FROM record") == "2");
  // So it ends with the mark that mail was given out, which must not be cancelled then.
  store->list(2, mailbox(2), first_box, 0, {10, 1000}, at(1000s));
  store->submit();
  wait_for_sql(waiting("IPC"));
  sql_text(end_wait);
  BOOST_REQUIRE(wait_for(*store, results, 1));
  BOOST_TEST((results.lists[2].status == OpStatus::failed));
  BOOST_TEST(sql_text("SELECT count(*)::text FROM box WHERE given > 0") == "1");
  BOOST_TEST((caller.list(mailbox(3)).status == OpStatus::ok));  // What gives nothing needs nobody.
  // To find it there is no promise either.
  BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::failed));
  BOOST_TEST((caller.list(mailbox(2)).status == OpStatus::failed));
  // All of this leaves one session that waits at the server, not one for each.
  BOOST_TEST(sql_text(std::string("SELECT count(*)::text") + its_backends) == "1");
  wait_for_sql(waiting("IPC"));
  require_standbys("");
  // The late answer comes when the server's processes have read the setting.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  PutStatus found = PutStatus::failed;
  while (found == PutStatus::failed && std::chrono::steady_clock::now() < deadline) {
    found = caller.put(box(1), record(1), value_of(50, 1)).status;
  }
  BOOST_TEST((found == PutStatus::duplicate));
  BOOST_TEST(caller.list(mailbox(2)).records.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_server_that_never_answers_a_commit_is_given_up_in_the_end) {
  PostgresStoreOptions options;
  options.patience = 500ms;
  options.late_patience = 0ms;
  const auto store = open({}, options);
  Caller caller(*store);
  require_standbys("ANY 1 (nobody)");
  BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::failed));
  BOOST_TEST((caller.list(mailbox(2)).status == OpStatus::ok));  // By a new connection.
  BOOST_TEST(sql_text(std::string("SELECT count(*)::text") + its_backends) == "2");
  require_standbys("");
}

BOOST_AUTO_TEST_CASE(synchronous_commit_is_on_even_if_the_database_sets_it_off) {
  sql("ALTER ROLE CURRENT_USER SET synchronous_commit = off");
  const auto store = open();
  sql("ALTER ROLE CURRENT_USER RESET synchronous_commit");
  // No other way to look into the session: a trigger that fails where the setting is another.
  sql_text("CREATE FUNCTION " + prefix +
           "1.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
           "current_setting('synchronous_commit') <> 'on' THEN RAISE 'not on'; END IF; RETURN NEW; END $$");
  sql_text("CREATE TRIGGER look BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION look()");
  BOOST_TEST((Caller(*store).put(box(1), record(1), value_of(50, 1)).status == PutStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_closed_connection_is_reopened_and_the_call_succeeds) {
  const auto store = open();
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(50, 1));
  for (std::uint16_t i = 2; i < 5; ++i) {
    sql_text(std::string("SELECT pg_terminate_backend(pid, 5000)::text") + its_backends +
             " AND query LIKE '%COMMIT%'");
    BOOST_TEST((caller.put(box(1), record(i), value_of(50, 1)).status == PutStatus::stored));
  }
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_call_waiting_for_a_lock_is_done_once_or_fails) {
  PostgresStoreOptions options;
  options.patience = 5000ms;
  const auto store = open({}, options);
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(50, 1));
  const std::string terminate = std::string("SELECT pg_terminate_backend(pid, 5000)::text") + its_backends +
                                " AND wait_event_type = 'Lock'";
  for (const int times : {1, 2}) {
    const auto id = static_cast<std::uint16_t>(times + 1);
    hold();
    Results results;
    store->put(id, box(1), record(id), value_of(50, 1), at(2000s), at(1000s));
    store->submit();
    for (int i = 0; i < times; ++i) {
      wait_for_sql(waiting("Lock"));
      sql_text(terminate);
    }
    let_go();
    BOOST_REQUIRE(wait_for(*store, results, 1));
    BOOST_TEST((results.puts[id].status == (times == 1 ? PutStatus::stored : PutStatus::failed)));
  }
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_server_error_fails_only_the_call_that_caused_it) {
  const auto store = open();
  Caller(*store).put(box(9), record(9), value_of(9, 1));
  sql_text("CREATE FUNCTION " + prefix +
           "1.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
           "octet_length(NEW.value) = 51 THEN RAISE 'no'; ELSIF octet_length(NEW.value) = 52 THEN RAISE "
           "'full' USING "
           "ERRCODE = '53100'; END IF; RETURN NEW; END $$");
  sql_text("CREATE TRIGGER refuse BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION refuse()");
  Results results;
  for (std::uint16_t i = 1; i <= 4; ++i) {
    store->put(i, box(1), record(i), value_of(static_cast<std::size_t>(49 + i), 1), at(2000s), at(1000s));
  }
  store->list(5, mailbox(9), first_box, 0, {10, 1000}, at(1000s));
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 5));
  BOOST_TEST((results.puts[1].status == PutStatus::stored));
  BOOST_TEST((results.puts[2].status == PutStatus::failed));
  BOOST_TEST((results.puts[3].status == PutStatus::store_full));
  BOOST_TEST((results.puts[4].status == PutStatus::stored));
  BOOST_TEST(results.lists[5].records.size() == 1U);
  BOOST_TEST(store->stats().messages == 3U);
}

BOOST_AUTO_TEST_CASE(a_store_that_ends_does_not_wait_for_a_server_that_hangs) {
  auto store = open();
  Caller(*store).put(box(1), record(1), value_of(50, 1));
  hold();
  for (std::uint16_t i = 2; i < 2000; ++i) {
    store->put(i, box(1), record(i), value_of(50, 1), at(2000s), at(1000s));
  }
  store->submit();
  store.reset();  // Hangs here, or for as long as all groups take that wait for the lock.
  let_go();
  BOOST_TEST(sql_text("SELECT count(*)::text FROM record") == "1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
