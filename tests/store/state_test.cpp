// SPDX-License-Identifier: GPL-3.0-or-later
// The client's state: what both engines promise, then what only one on a disk can, then the simulated crash.
#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

#include "store/memory/memory_state.hpp"
#include "store/sqlite/sqlite_state.hpp"
#include "support.hpp"

namespace toxasync::store::test {
namespace {

using Contents = std::map<std::string, std::string>;

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

StateWrite write(std::string_view key, std::string_view value) {
  return {bytes_of(key), bytes_of(value)};
}
StateWrite erase(std::string_view key) {
  return {bytes_of(key), std::nullopt};
}

Contents contents_of(StateStore& state) {
  Contents contents;
  for (const StateEntry& entry : state.load()) {
    contents[{entry.key.begin(), entry.key.end()}] = {entry.value.begin(), entry.value.end()};
  }
  return contents;
}

bool commit(StateStore& state, StateBatch batch) {
  bool durable = false;
  state.commit(std::move(batch), [&durable](bool outcome) { durable = outcome; });
  return state.flush(patience) && state.poll() == 1 && durable;
}

struct MemoryEngine {
  std::unique_ptr<MemoryState> state = std::make_unique<MemoryState>();
  void reopen() { state = state->crash_copy(); }
};

struct SqliteEngineOnDisk : Observed {
  FaultyDisk disk;
  TemporaryDirectory directory;
  ByteArray<32> key{};
  std::unique_ptr<SqliteState> state;

  SqliteEngineOnDisk() {
    key.fill(0x4b);
    reopen();
  }
  Result<std::unique_ptr<SqliteState>, OpenError> try_open(std::size_t queue_bytes = 32U << 20) {
    SqliteStateOptions options;
    options.vfs = FaultyDisk::name;
    options.queue_bytes = queue_bytes;
    return SqliteState::open(directory.file(), key, options, telemetry, random);
  }
  void reopen(std::size_t queue_bytes = 32U << 20) {
    state.reset();
    auto opened = try_open(queue_bytes);
    BOOST_REQUIRE_MESSAGE(opened, describe(opened ? OpenError::io : opened.error()));
    state = std::move(*opened);
  }
};

using Engines = boost::mpl::list<MemoryEngine, SqliteEngineOnDisk>;

}  // namespace

BOOST_AUTO_TEST_SUITE(state_conformance)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_batch_writes_replaces_and_removes, Engine, Engines) {
  Engine engine;
  BOOST_TEST(contents_of(*engine.state).empty());
  BOOST_TEST(commit(*engine.state, {write("a", "1"), write("b", "2"), write("", ""), erase("none")}));
  BOOST_TEST(
      commit(*engine.state, {write("a", "3"), erase("b"), write("c", ""), write("d", "1"), erase("d")}));
  engine.reopen();
  BOOST_TEST((contents_of(*engine.state) == Contents{{"a", "3"}, {"", ""}, {"c", ""}}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_largest_key_and_value_are_kept_and_one_past_fails, Engine, Engines) {
  Engine engine;
  const std::string key(max_state_key_bytes, 'k');
  const std::string value(max_state_value_bytes, 'v');
  BOOST_TEST(commit(*engine.state, {write(key, value)}));
  BOOST_TEST(!commit(*engine.state, {write("other", "1"), write(key + "k", "v")}));
  BOOST_TEST(!commit(*engine.state, {write("other", "1"), write("k", value + "v")}));
  BOOST_TEST(commit(*engine.state, {write("after", "1")}));
  engine.reopen();
  BOOST_TEST((contents_of(*engine.state) == Contents{{key, value}, {"after", "1"}}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(completions_come_in_the_order_of_the_calls, Engine, Engines) {
  Engine engine;
  std::vector<int> order;
  for (int i = 0; i < 500; ++i) {
    engine.state->commit({write("key", std::to_string(i))}, [&order, i](bool durable) {
      BOOST_TEST(durable);
      order.push_back(i);
    });
  }
  engine.state->commit({}, [&order](bool durable) { order.push_back(durable ? 500 : -1); });
  engine.state->commit({}, nullptr);
  BOOST_REQUIRE(engine.state->flush(20s));
  BOOST_TEST(order.empty());
  BOOST_TEST(engine.state->poll() == 502U);
  BOOST_TEST(order.size() == 501U);
  BOOST_TEST(std::ranges::is_sorted(order));
  BOOST_TEST(order.back() == 500);
  engine.reopen();
  BOOST_TEST(contents_of(*engine.state).at("key") == "499");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_completion_may_commit_again, Engine, Engines) {
  Engine engine;
  bool second = false;
  engine.state->commit({write("a", "1")}, [&](bool) {
    engine.state->commit({write("b", "2")}, [&](bool durable) { second = durable; });
  });
  BOOST_REQUIRE(engine.state->flush(20s));
  engine.state->poll();
  BOOST_REQUIRE(engine.state->flush(20s));
  engine.state->poll();
  BOOST_TEST(second);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(sqlite_state, SqliteEngineOnDisk)

BOOST_AUTO_TEST_CASE(a_batch_is_reported_only_after_its_commit_is_synced) {
  bool done = false;
  disk.hold_syncs();
  state->commit({write("a", "1")}, [&done](bool durable) { done = durable; });
  BOOST_REQUIRE(disk.wait_until_held());
  BOOST_TEST(state->poll() == 0U);
  BOOST_TEST(!state->flush(0s));
  BOOST_TEST(!done);
  disk.release();
  BOOST_TEST(state->flush(20s));
  state->poll();
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_CASE(keys_and_values_do_not_stand_in_plain_in_the_files) {
  BOOST_TEST(commit(*state, {write("name of a friend", "private key material")}));
  const std::string files = directory.contents();
  BOOST_TEST(files.size() > 4096U);
  BOOST_TEST(files.find("name of a friend") == std::string::npos);
  BOOST_TEST(files.find("private key") == std::string::npos);
  BOOST_TEST(files.find(std::string(32, '\x4b')) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_removed_value_remains_in_no_file_even_sealed) {
  // The sealed bytes are found first, so that the search is known to find them.
  for (const std::size_t size : {std::size_t{100}, std::size_t{20000}}) {
    BOOST_TEST(commit(*state, {write("kept", "x"), write("secret", std::string(size, 's'))}));
    state.reset();
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    BOOST_REQUIRE(sqlite3_open(directory.file().c_str(), &db) == SQLITE_OK);
    BOOST_REQUIRE(sqlite3_prepare_v2(db, "SELECT v FROM state ORDER BY length(v) DESC LIMIT 1", -1,
                                     &statement, nullptr) == SQLITE_OK);
    BOOST_REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const std::string sealed(static_cast<const char*>(sqlite3_column_blob(statement, 0)),
                             static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    const std::string nonce = sealed.substr(0, 24);
    const std::string tail = sealed.substr(sealed.size() - 24);
    BOOST_TEST(directory.contents().find(nonce) != std::string::npos);
    BOOST_TEST(directory.contents().find(tail) != std::string::npos);
    reopen();
    BOOST_TEST(commit(*state, {erase("secret")}));
    // Still open, as after a crash: database and WAL.
    BOOST_TEST(directory.contents().find(nonce) == std::string::npos);
    BOOST_TEST(directory.contents().find(tail) == std::string::npos);
    BOOST_TEST(std::filesystem::file_size(directory.file("test.db-wal")) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_value_written_and_removed_in_one_life_remains_in_no_file) {
  BOOST_TEST(commit(*state, {write("kept", "x"), write("secret", "s")}));
  const auto wal = read_file(directory.file("test.db-wal"));
  BOOST_REQUIRE(wal.size() > 4096U);
  BOOST_TEST(commit(*state, {erase("secret")}));
  BOOST_TEST(std::filesystem::file_size(directory.file("test.db-wal")) == 0U);
  BOOST_TEST((commit(*state, {write("kept", "y")})));
}

BOOST_AUTO_TEST_CASE(the_wal_of_a_crashed_process_is_emptied_at_the_next_start) {
  BOOST_TEST(commit(*state, {write("secret", "s")}));
  std::filesystem::create_directory(directory.path() / "crashed");
  for (const char* name : {"test.db", "test.db-wal"}) {
    std::filesystem::copy_file(directory.file(name), directory.path() / "crashed" / name);
  }
  state.reset();
  const auto opened = SqliteState::open(directory.path() / "crashed" / "test.db", key, {}, telemetry, random);
  BOOST_REQUIRE(opened);
  BOOST_TEST(contents_of(**opened).size() == 1U);
  BOOST_TEST(std::filesystem::file_size(directory.path() / "crashed" / "test.db-wal") == 0U);
}

BOOST_AUTO_TEST_CASE(another_identity_is_not_reported_as_damage) {
  BOOST_TEST(commit(*state, {write("a", "1")}));
  state.reset();
  key[31] ^= 1;
  const auto wrong = try_open();
  BOOST_REQUIRE(!wrong);
  BOOST_TEST((wrong.error() == OpenError::wrong_key));
  key[31] ^= 1;
  sqlite3* db = nullptr;
  BOOST_REQUIRE(sqlite3_open(directory.file().c_str(), &db) == SQLITE_OK);
  BOOST_TEST(sqlite3_exec(db, "UPDATE meta SET box=zeroblob(42)", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  const auto damaged = try_open();
  BOOST_REQUIRE(!damaged);
  BOOST_TEST((damaged.error() == OpenError::damaged));
}

BOOST_AUTO_TEST_CASE(a_damaged_or_exchanged_row_is_counted_and_skipped) {
  BOOST_TEST(commit(*state, {write("a", "1"), write("b", "22"), write("c", "333"), write("d", "4444")}));
  state.reset();
  sqlite3* db = nullptr;
  BOOST_REQUIRE(sqlite3_open(directory.file().c_str(), &db) == SQLITE_OK);
  const char* damage =
      "UPDATE state SET v=zeroblob(50) WHERE length(v)=44;"
      "CREATE TEMP TABLE b AS SELECT v FROM state WHERE length(v)=45;"
      "UPDATE state SET v=(SELECT v FROM b) WHERE length(v)=46;";
  BOOST_TEST(sqlite3_exec(db, damage, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    reopen();
    BOOST_TEST((contents_of(*state) == Contents{{"b", "22"}, {"d", "4444"}}));
    BOOST_TEST(metrics.value(Counter::state_record_damaged) == 2 * round);
  }
}

BOOST_AUTO_TEST_CASE(a_failed_batch_and_those_queued_after_it_write_nothing) {
  BOOST_TEST(commit(*state, {write("a", "1")}));
  std::vector<bool> outcomes;
  const auto note = [&outcomes](bool durable) { outcomes.push_back(durable); };
  disk.fail_syncs(SQLITE_IOERR_FSYNC);
  state->commit({write("a", "2"), write("b", "2")}, note);
  BOOST_REQUIRE(state->flush(20s));
  disk.fail_syncs(SQLITE_OK);
  state->commit({write("c", "3")}, note);  // Queued before the failure was reported.
  BOOST_REQUIRE(state->flush(20s));
  BOOST_TEST(state->poll() == 2U);
  BOOST_TEST((outcomes == std::vector<bool>{false, false}));
  BOOST_TEST(metrics.value(Counter::state_failed) == 1U);
  BOOST_TEST(commit(*state, {write("d", "4")}));
  reopen();
  BOOST_TEST((contents_of(*state) == Contents{{"a", "1"}, {"d", "4"}}));
}

BOOST_AUTO_TEST_CASE(a_full_disk_fails_the_batch_and_the_next_one_works) {
  disk.fail_writes(SQLITE_FULL);
  BOOST_TEST(!commit(*state, {write("a", "1")}));
  disk.fail_writes(SQLITE_OK);
  BOOST_TEST(commit(*state, {write("b", "2")}));
  reopen();
  BOOST_TEST((contents_of(*state) == Contents{{"b", "2"}}));
}

BOOST_AUTO_TEST_CASE(past_the_queue_limit_a_batch_fails_and_so_do_those_behind_it) {
  reopen(20000);
  std::vector<bool> outcomes;
  const auto note = [&outcomes](bool durable) { outcomes.push_back(durable); };
  disk.hold_syncs();
  state->commit({write("a", std::string(9000, 'a'))}, note);
  BOOST_REQUIRE(disk.wait_until_held());
  state->commit({write("b", std::string(9000, 'b'))}, note);
  state->commit({write("c", std::string(9000, 'c'))}, note);
  state->commit({write("d", "d")}, note);
  disk.release();
  BOOST_REQUIRE(state->flush(20s));
  state->poll();
  BOOST_TEST((outcomes == std::vector<bool>{true, true, false, false}));
  reopen();
  BOOST_TEST(contents_of(*state).size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_destructor_writes_what_is_queued) {
  for (int i = 0; i < 300; ++i) {
    state->commit({write("key " + std::to_string(i), "value")}, nullptr);
  }
  reopen();
  BOOST_TEST(contents_of(*state).size() == 300U);
}

BOOST_AUTO_TEST_CASE(the_wake_descriptor_is_readable_until_poll) {
  state->commit({write("a", "1")}, nullptr);
  pollfd waiting{state->wake_fd(), POLLIN, 0};
  BOOST_TEST(::poll(&waiting, 1, 20000) == 1);
  BOOST_TEST(state->poll() == 1U);
  BOOST_TEST(::poll(&waiting, 1, 0) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(memory_state)

BOOST_AUTO_TEST_CASE(a_crash_loses_what_was_held_and_keeps_what_was_durable) {
  MemoryState state;
  BOOST_TEST(commit(state, {write("a", "1")}));
  state.hold_completions(true);
  bool called = false;
  state.commit({write("b", "2")}, [&called](bool) { called = true; });
  state.hold_commits(true);
  state.commit({write("c", "3")}, [&called](bool) { called = true; });
  BOOST_TEST(!state.flush(0s));
  BOOST_TEST(state.poll() == 0U);
  const auto after = state.crash_copy();
  BOOST_TEST((contents_of(*after) == Contents{{"a", "1"}, {"b", "2"}}));
  BOOST_TEST(!called);
  state.hold_commits(false);
  state.hold_completions(false);
  BOOST_TEST(state.poll() == 2U);
  BOOST_TEST(called);
  BOOST_TEST(contents_of(state).size() == 3U);
}

BOOST_AUTO_TEST_CASE(released_batches_become_durable_in_order) {
  MemoryState state;
  state.hold_commits(true);
  for (const auto* key : {"a", "b", "c"}) {
    state.commit({write(key, "1")}, nullptr);
  }
  BOOST_TEST(state.waiting() == 3U);
  state.release(2);
  BOOST_TEST(state.waiting() == 1U);
  BOOST_TEST((contents_of(*state.crash_copy()) == Contents{{"a", "1"}, {"b", "1"}}));
  state.release(5);
  BOOST_TEST(state.waiting() == 0U);
  state.commit({write("d", "1")}, nullptr);
  BOOST_TEST(state.waiting() == 1U);  // it is held as before
}

BOOST_AUTO_TEST_CASE(a_failed_batch_fails_those_queued_after_it) {
  MemoryState state;
  std::vector<bool> outcomes;
  const auto note = [&outcomes](bool durable) { outcomes.push_back(durable); };
  state.commit({write("a", "1")}, note);
  state.fail_next(1);
  state.commit({write("b", "2")}, note);
  state.commit({write("c", "3")}, note);
  state.poll();
  state.commit({write("d", "4")}, note);
  state.poll();
  BOOST_TEST((outcomes == std::vector<bool>{true, false, false, true}));
  BOOST_TEST((contents_of(state) == Contents{{"a", "1"}, {"d", "4"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
