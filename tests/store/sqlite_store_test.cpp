// SPDX-License-Identifier: GPL-3.0-or-later
// What only a store on a disk can promise.
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <set>

#include "on_disk.hpp"
#include "store/sqlite/sqlite_state.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::store::test {
BOOST_FIXTURE_TEST_SUITE(sqlite_store, OnDisk)

BOOST_AUTO_TEST_CASE(records_tombstones_and_totals_survive_opening_again) {
  open();
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(500, 1));
    caller.put(box(1), record(2), value_of(600, 2));
    caller.remove(mailbox(1), {record(1)});
  }
  open();
  Caller caller(*store);
  const auto list = caller.list(mailbox(1));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST(list.records[0].value == value_of(600, 2));
  BOOST_TEST((caller.put(box(1), record(1), value_of(500, 1)).status == PutStatus::gone));
  const StoreStats stats = store->stats();
  BOOST_TEST(stats.messages == 1U);
  BOOST_TEST(stats.bytes == 600U);
  BOOST_TEST(stats.tombstones == 1U);
}

BOOST_AUTO_TEST_CASE(sequences_rise_across_a_restart_of_an_empty_store) {
  open();
  std::uint64_t first = 0;
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(50, 1), at(2000s));
    first = caller.list(mailbox(1)).records.at(0).sequence;
    store->expire(at(2000s), 10);
    caller.list(mailbox(1));
  }
  open();
  Caller caller(*store);
  caller.put(box(1), record(2), value_of(50, 1), at(3000s));
  BOOST_TEST(caller.list(mailbox(1)).records.at(0).sequence > first);
}

BOOST_AUTO_TEST_CASE(sequences_rise_when_all_that_was_stored_is_removed) {
  open();
  std::uint64_t last = 0;
  for (std::uint16_t i = 0; i < 3; ++i) {
    Caller caller(*store);
    caller.put(box(1), record(i), value_of(50, 1));
    const auto list = caller.list(mailbox(1));
    BOOST_TEST_REQUIRE(list.records.size() == 1U);
    BOOST_TEST(list.records[0].sequence > last);
    last = list.records[0].sequence;
    caller.remove(mailbox(1), {record(i)});
    open();
  }
  // What comes now was not listed, though its box was.
  Caller caller(*store);
  caller.put(box(1), record(3), value_of(50, 1));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(1)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(the_box_quota_survives_opening_again) {
  StoreLimits limits;
  limits.box_messages = 2;
  open(limits);
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(50, 1));
    caller.put(box(1), record(2), value_of(50, 1));
    BOOST_TEST((caller.put(box(1), record(3), value_of(50, 1)).status == PutStatus::mailbox_full));
  }
  open(limits);
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(3), value_of(50, 1)).status == PutStatus::mailbox_full));
}

BOOST_AUTO_TEST_CASE(a_changed_value_is_not_served_and_can_be_stored_again) {
  open();
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(600, 0x51));
    caller.put(box(1), record(2), value_of(600, 0x52));
  }
  store.reset();
  const auto at = read_file(directory.file()).find(std::string(600, '\x51'));
  BOOST_REQUIRE(at != std::string::npos);
  overwrite(directory.file(), at + 300, '\x50');
  open();
  Caller caller(*store);
  const auto list = caller.list(mailbox(1));
  BOOST_TEST((list.status == OpStatus::ok));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST((list.records[0].id == record(2)));
  BOOST_TEST(store->stats().damaged == 1U);
  BOOST_TEST(metrics.value(Counter::store_record_damaged) == 1U);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(0x51)) == CancelStatus::unknown));
  BOOST_TEST((caller.put(box(1), record(1), value_of(600, 0x51)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
  BOOST_TEST(store->stats().messages == 2U);
}

BOOST_AUTO_TEST_CASE(a_changed_expiry_is_noticed) {
  open();
  Caller(*store).put(box(1), record(1), value_of(600, 1));
  store.reset();
  sql(directory.file(), "UPDATE rec SET exp=exp+1");
  open();
  BOOST_TEST(Caller(*store).list(mailbox(1)).records.empty());
  BOOST_TEST(store->stats().damaged == 1U);
}

BOOST_AUTO_TEST_CASE(acknowledged_records_survive_a_killed_process) {
  int to_parent[2] = {-1, -1};
  BOOST_REQUIRE(::pipe(to_parent) == 0);
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    auto opened = SqliteStore::open(directory.file(), {}, {}, telemetry, random);
    if (!opened) {
      ::_exit(1);
    }
    Caller caller(**opened);
    for (std::uint16_t i = 0;; ++i) {
      const bool stored = caller.put(box(1), record(i), value_of(300, 1)).status == PutStatus::stored;
      if (!stored || ::write(to_parent[1], &i, sizeof(i)) != sizeof(i)) {
        ::_exit(1);
      }
    }
  }
  ::close(to_parent[1]);
  std::uint16_t acknowledged = 0;
  while (acknowledged < 50 && ::read(to_parent[0], &acknowledged, sizeof(acknowledged)) > 0) {
  }
  ::kill(child, SIGKILL);
  while (::read(to_parent[0], &acknowledged, sizeof(acknowledged)) > 0) {
  }
  ::waitpid(child, nullptr, 0);
  ::close(to_parent[0]);
  BOOST_TEST(acknowledged >= 50U);

  open();
  const auto list = Caller(*store).list(mailbox(1));
  BOOST_TEST(list.records.size() > acknowledged);  // The count starts at 0.
  BOOST_TEST(store->stats().messages == list.records.size());
  for (std::uint16_t i = 0; i <= acknowledged && i < list.records.size(); ++i) {
    BOOST_TEST((list.records[i].id == record(i)));
  }
}

BOOST_AUTO_TEST_CASE(the_file_does_not_outgrow_its_backstop_and_says_store_full) {
  StoreLimits limits;
  limits.capacity_bytes = 1U << 20;  // With the backstop's floor: 1792 pages, 7 MiB.
  open(limits);
  store.reset();
  // A table of others' making takes the space that the accounting knows nothing of.
  sql(directory.file(), "CREATE TABLE ballast(x); INSERT INTO ballast VALUES(zeroblob(7000000))");
  open(limits);
  Caller caller(*store);
  PutResult result;
  std::uint16_t stored = 0;
  while ((result = caller.put(box(1), record(stored), value_of(3000, 1))).status == PutStatus::stored) {
    ++stored;
  }
  BOOST_TEST((result.status == PutStatus::store_full));
  BOOST_TEST(stored < 100);
  BOOST_TEST(caller.list(mailbox(1)).records.size() == stored);
  BOOST_TEST(caller.remove(mailbox(1), {record(0)}).removed == 1U);  // A full store can be emptied.
  BOOST_TEST(std::filesystem::file_size(directory.file()) <= 1792U * 4096U);
}

BOOST_AUTO_TEST_CASE(expiring_much_gives_space_back_to_the_file_system) {
  open();
  for (std::uint16_t i = 0; i < 2000; ++i) {
    store->put(i, box(static_cast<std::uint8_t>(i)), record(i), value_of(3000, 1), at(2000s), at(1000s));
  }
  store->submit();
  Results results;
  BOOST_REQUIRE(wait_for(*store, results, 2000));
  open();
  const auto before = std::filesystem::file_size(directory.file());
  for (int i = 0; i < 10; ++i) {
    store->expire(at(2000s), 512);
  }
  Caller(*store).list(mailbox(1));
  BOOST_TEST(metrics.value(Counter::node_expired) == 2000U);
  store.reset();
  BOOST_TEST(std::filesystem::file_size(directory.file()) < before / 2);
}

BOOST_AUTO_TEST_CASE(the_settings_of_the_file_are_those_that_the_design_names) {
  open();
  Caller(*store).put(box(1), record(1), value_of(600, 1));
  struct stat status {};
  for (const char* name : {"test.db", "test.db-wal"}) {
    BOOST_REQUIRE(::stat(directory.file(name).c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777U) == 0600U);
  }
  store.reset();
  BOOST_TEST(!std::filesystem::exists(directory.file("test.db-wal")));
  BOOST_TEST(!std::filesystem::exists(directory.file("test.db-shm")));
  BOOST_TEST(sql_text(directory.file(), "PRAGMA auto_vacuum") == "2");
  BOOST_TEST(sql_text(directory.file(), "PRAGMA journal_mode") == "wal");
  BOOST_TEST(sql_text(directory.file(), "PRAGMA user_version") == "2");
  BOOST_TEST(sql_text(directory.file(), "PRAGMA integrity_check") == "ok");
}

BOOST_AUTO_TEST_CASE(a_store_open_in_this_process_is_reported_as_locked) {
  open();
  BOOST_TEST((error_of(directory.file()) == OpenError::locked));
  BOOST_TEST((Caller(*store).put(box(1), record(1), value_of(9, 1)).status == PutStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_store_open_in_another_process_is_reported_as_locked) {
  int ready[2] = {-1, -1};
  BOOST_REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const auto opened = SqliteStore::open(directory.file(), {}, {}, telemetry, random);
    const char byte = opened ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) {
      ::_exit(1);
    }
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  BOOST_REQUIRE(::read(ready[0], &byte, 1) == 1);
  BOOST_TEST(byte == 'y');
  BOOST_TEST((error_of(directory.file()) == OpenError::locked));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  BOOST_TEST(!error_of(directory.file()).has_value());
}

BOOST_AUTO_TEST_CASE(a_missing_directory_is_reported_as_such) {
  BOOST_TEST((error_of(directory.path() / "none" / "test.db") == OpenError::directory_missing));
  BOOST_TEST((error_of({}) == OpenError::directory_missing));
  std::ofstream(directory.file("plain")) << "x";
  BOOST_TEST((error_of(directory.file("plain") / "test.db") == OpenError::directory_missing));
}

BOOST_AUTO_TEST_CASE(a_read_only_directory_is_reported_as_such) {
  // Not even root may make files here. That a read-only file is noticed: store_faulty_disk_test.cpp.
  BOOST_TEST((error_of("/proc/toxasync.db") == OpenError::not_writable));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_is_reported_and_left_alone) {
  const std::string text(5000, 'x');
  std::ofstream(directory.file()) << text;
  BOOST_TEST((error_of(directory.file()) == OpenError::not_a_database));
  BOOST_TEST((read_file(directory.file()) == text));
  BOOST_TEST((error_of(directory.path()) == OpenError::not_a_database));
}

BOOST_AUTO_TEST_CASE(a_database_of_another_program_is_reported_as_such) {
  sql(directory.file("other.db"), "CREATE TABLE t(x)");
  BOOST_TEST((error_of(directory.file("other.db")) == OpenError::not_a_database));
  BOOST_REQUIRE(SqliteState::open(directory.file("state.db"), {}, {}, telemetry, random));
  BOOST_TEST((error_of(directory.file("state.db")) == OpenError::not_a_database));
}

BOOST_AUTO_TEST_CASE(a_database_of_a_newer_version_is_reported_as_such) {
  open();
  store.reset();
  sql(directory.file(), "PRAGMA user_version=3");
  BOOST_TEST((error_of(directory.file()) == OpenError::newer_version));
}

BOOST_AUTO_TEST_CASE(a_database_with_other_tables_is_refused_and_left_alone) {
  open();
  store.reset();
  sql(directory.file(), "ALTER TABLE tombstone DROP COLUMN cancelled");
  BOOST_TEST((error_of(directory.file()) == OpenError::damaged));
  BOOST_TEST(sql_text(directory.file(), "SELECT count(*) FROM rec") == "0");
}

BOOST_AUTO_TEST_CASE(the_origin_of_a_tombstone_is_durable_and_checked) {
  open();
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(50, 1));
    caller.put(box(1), record(2), value_of(50, 1));
    caller.remove(mailbox(1), {record(1)});
    caller.cancel(mailbox(1), record(2), commitment(1));
  }
  open();
  {
    Caller caller(*store);
    BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
    BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
  }
  store.reset();
  sql(directory.file(), "UPDATE tombstone SET cancelled=1");
  open();
  Caller caller(*store);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::unknown));
  BOOST_TEST(store->stats().damaged == 1U);
}

BOOST_AUTO_TEST_CASE(a_damaged_database_is_reported_and_left_alone) {
  open();
  {
    Results results;
    for (std::uint16_t i = 0; i < 200; ++i) {
      store->put(i, box(1), record(i), value_of(600, 1), at(2000s), at(1000s));
    }
    store->submit();
    BOOST_REQUIRE(wait_for(*store, results, 200));
  }
  store.reset();
  for (std::size_t page = 2; page < 20; ++page) {
    for (std::size_t i = 0; i < 16; ++i) {
      overwrite(directory.file(), page * 4096 + i, '\x7f');
    }
  }
  const std::string before = read_file(directory.file());
  BOOST_TEST((error_of(directory.file()) == OpenError::damaged));
  BOOST_TEST((read_file(directory.file()) == before));
}

BOOST_AUTO_TEST_CASE(a_damaged_page_fails_what_is_on_it_and_nothing_else) {
  open();
  {
    Caller caller(*store);
    for (std::uint16_t i = 0; i < 200; ++i) {
      caller.put(box(i < 100 ? 1 : 2), record(i), value_of(1000, static_cast<std::uint8_t>(i)));
    }
  }
  store.reset();
  // The header of the page that holds a record of mailbox 1.
  const auto found = read_file(directory.file()).find(std::string(1000, '\x20'));
  BOOST_REQUIRE(found != std::string::npos);
  for (std::size_t i = 0; i < 8; ++i) {
    overwrite(directory.file(), found / 4096 * 4096 + i, '\x7f');
  }
  BOOST_TEST((error_of(directory.file()) == OpenError::damaged));  // Found by the check of a small file.
  SqliteStoreOptions options;
  options.quick_check_bytes = 0;  // As with a file too large to be checked.
  auto opened = SqliteStore::open(directory.file(), {}, options, telemetry, random);
  BOOST_REQUIRE(opened);
  store = std::move(*opened);
  Results results;
  store->list(1, mailbox(1), first_box, 0, {1000, 1U << 20}, at(1000s));
  store->list(2, mailbox(2), first_box, 0, {1000, 1U << 20}, at(1000s));
  store->put(3, box(3), record(3), value_of(100, 1), at(2000s), at(1000s));
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 3));
  BOOST_TEST((results.lists[1].status == OpStatus::failed));
  BOOST_TEST((results.lists[2].status == OpStatus::ok));
  BOOST_TEST(results.lists[2].records.size() == 100U);
  BOOST_TEST((results.puts[3].status == PutStatus::stored));
}

BOOST_AUTO_TEST_CASE(every_open_error_says_what_to_do) {
  std::set<std::string_view> texts;
  for (const OpenError error : {OpenError::directory_missing, OpenError::not_writable, OpenError::locked,
                                OpenError::not_a_database, OpenError::damaged, OpenError::newer_version,
                                OpenError::no_space, OpenError::wrong_key, OpenError::io}) {
    BOOST_TEST(describe(error).find(": ") != std::string_view::npos);
    texts.insert(describe(error));
  }
  BOOST_TEST(texts.size() == 9U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
