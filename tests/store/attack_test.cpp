// SPDX-License-Identifier: GPL-3.0-or-later
// What one writer can do to a mailbox, on the engines that need no server; engines/attack_test.cpp has the
// rest.
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include "on_disk.hpp"
#include "store/memory/memory_store.hpp"
#include "tests/store/attack_store.hpp"

namespace toxasync::store::test {
namespace {

struct Memory : Observed {
  std::unique_ptr<Store> make(const StoreLimits& limits = {}) {
    return std::make_unique<MemoryStore>(limits);
  }
};

struct Sqlite : OnDisk {
  std::unique_ptr<Store> make(const StoreLimits& limits = {}) {
    open(limits);
    return std::move(store);
  }
};

using Engines = boost::mpl::list<Memory, Sqlite>;

/// Counts the steps of SQLite's machine in all that is run on connections that are opened meanwhile.
class Steps {
 public:
  Steps() {
    current = this;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Steps::on_open));
  }
  ~Steps() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Steps::on_open));
    current = nullptr;
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  std::uint64_t take() { return count_.exchange(0); }

 private:
  static int on_open(sqlite3* db, char** /*error*/, const sqlite3_api_routines* /*api*/) {
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, &Steps::on_end, nullptr);
  }
  static int on_end(unsigned /*event*/, void* /*context*/, void* statement, void* /*nanoseconds*/) {
    if (current != nullptr) {
      current->count_ += static_cast<std::uint64_t>(
          sqlite3_stmt_status(static_cast<sqlite3_stmt*>(statement), SQLITE_STMTSTATUS_VM_STEP, 1));
    }
    return 0;
  }

  static inline Steps* current = nullptr;
  std::atomic<std::uint64_t> count_{0};
};

/// 128 boxes, as a client names them; the first writer's is among them.
std::vector<BoxTag> a_list() {
  std::vector<BoxTag> tags = first_box;
  for (std::uint16_t i = 1; i < 128; ++i) {
    tags.push_back(tag(static_cast<std::uint16_t>(20000 + i * 13)));
  }
  return tags;
}

std::uint64_t steps_of_list(Steps& steps, Caller& caller, std::size_t expected) {
  caller.list(mailbox(1), a_list());
  steps.take();
  BOOST_TEST(caller.list(mailbox(1), a_list()).records.size() == expected);
  return steps.take();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(only_named_boxes_are_listed_in_order, Engine, Engines) {
  Engine engine;
  list_only_named_boxes_in_order(*engine.make());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_full_box_leaves_room_in_those_of_others, Engine, Engines) {
  Engine engine;
  a_full_box_leaves_room_in_others(*engine.make());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(tombstones_fill_the_box_of_who_made_them, Engine, Engines) {
  Engine engine;
  StoreLimits limits;
  limits.box_records = 20;
  tombstones_fill_a_box(*engine.make(limits));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_list_gave_is_not_cancelled, Engine, Engines) {
  Engine engine;
  what_was_listed_cannot_be_cancelled(*engine.make());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_list_gave_is_not_forgotten_past_16384, Engine, Engines) {
  Engine engine;
  nothing_that_was_listed_is_forgotten(*engine.make());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_list_goes_past_expired_records_in_bounded_pieces, Engine, Engines) {
  Engine engine;
  StoreLimits limits;
  limits.box_messages = 2000;
  expired_records_end_a_list_which_goes_on(*engine.make(limits));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(records_and_tombstones_expire_in_one_order, Engine, Engines) {
  Engine engine;
  expire_drops_the_oldest_of_both(*engine.make());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(whoever_has_a_slice_expired_hears_of_more, Engine, Engines) {
  Engine engine;
  expire_says_whether_there_may_be_more(*engine.make());
}

BOOST_FIXTURE_TEST_CASE(what_a_list_gave_is_not_cancelled_after_a_restart, OnDisk) {
  open();
  {
    Caller caller(*store);
    for (std::uint16_t i = 0; i < 3; ++i) {
      caller.put(box(1), record(i), value_of(20, 1));
    }
    caller.list(mailbox(1), 0, {2, 1000});
  }
  open();
  Caller caller(*store);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
}

BOOST_FIXTURE_TEST_CASE(what_a_restored_copy_has_counts_as_given, OnDisk) {
  open();
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(20, 1));
    bool done = false;
    BOOST_REQUIRE(store->backup(directory.file("copy.db"), [&](bool good) { done = good; }));
    while (!done) {
      caller.list(mailbox(9));
    }
  }
  auto opened = try_open(directory.file("copy.db"));
  BOOST_REQUIRE(opened);
  Caller caller(**opened);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
  caller.put(box(1), record(2), value_of(20, 1));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
}

BOOST_FIXTURE_TEST_CASE(a_box_leaves_no_row_when_its_last_tombstone_goes, OnDisk) {
  open();
  {
    Caller caller(*store);
    caller.put(box(1), record(1), value_of(20, 1));
    caller.put(box(1, 2), record(2), value_of(20, 1), at(3000s));
    caller.list(mailbox(1));
    caller.remove(mailbox(1), {record(1), record(2)});
    store->expire(at(2000s), 10);
    caller.list(mailbox(1));
  }
  store.reset();
  BOOST_TEST(sql_text(directory.file(), "SELECT count(*) FROM box") == "1");
  BOOST_TEST(sql_text(directory.file(), "SELECT tombstones FROM box") == "1");
}

BOOST_FIXTURE_TEST_CASE(tombstones_and_foreign_boxes_cost_a_list_nothing, OnDisk) {
  Steps steps;
  StoreLimits limits;
  limits.box_records = limits.box_messages = 100000;
  open(limits);
  Caller caller(*store);
  const std::uint64_t nothing = steps_of_list(steps, caller, 0);
  caller.put(box(1), record(65535), value_of(20, 1));
  const std::uint64_t alone = steps_of_list(steps, caller, 1);
  BOOST_TEST(alone > nothing);
  // 6000 tombstones, in the box that is listed and beside it.
  fill_boxes(*store, 0, 3, 2000);
  std::vector<RecordId> all;
  for (std::uint16_t i = 0; i < 6000; ++i) {
    all.push_back(record(i));
  }
  BOOST_TEST(caller.remove(mailbox(1), all).removed == 6000U);
  BOOST_TEST(steps_of_list(steps, caller, 1) == alone);
  // 600 records in boxes that nobody names: at most two look-ups for each box that is named, of a few steps.
  fill_boxes(*store, 25000, foreign_writers, 2);
  const std::uint64_t beside = steps_of_list(steps, caller, 1);
  BOOST_TEST_MESSAGE("steps: " << nothing << " " << alone << " " << beside);
  BOOST_TEST(beside < alone + std::uint64_t{2} * 128 * 20);
}

// As one who fills a node with what nobody counts: 50 are stored, and 50 or 25 of them removed, until there
// are 4000.
BOOST_AUTO_TEST_CASE(what_is_removed_takes_no_more_of_the_disk_than_twice_what_is_counted) {
  for (const std::size_t size : {400U, 1168U, 3000U}) {
    for (const unsigned each : {1U, 2U}) {
      OnDisk disk;
      StoreLimits limits;
      limits.box_bytes = limits.capacity_bytes;
      limits.box_messages = 4000;
      disk.open(limits);
      Caller caller(*disk.store);
      for (std::uint16_t from = 0; from < 4000; from += 50) {
        std::vector<RecordId> removed;
        for (std::uint16_t i = from; i < from + 50; ++i) {
          disk.store->put(++caller.last, box(1), record(i), value_of(size, 1), at(2000s + seconds{i % 7}),
                          at(1000s));
          if (i % each == 0) {
            removed.push_back(record(i));
          }
        }
        disk.store->submit();
        BOOST_TEST_REQUIRE(wait_for(*disk.store, caller.results, 50));
        BOOST_TEST_REQUIRE(caller.remove(mailbox(1), removed).removed == removed.size());
      }
      const std::uint64_t counted = disk.store->stats().used_bytes();
      BOOST_TEST(disk.store->stats().tombstones == 4000U / each);
      disk.store.reset();
      const auto bytes = std::filesystem::file_size(disk.directory.file());
      BOOST_TEST_MESSAGE(size << " bytes, 1 of " << each << " removed: " << counted << " counted, file "
                              << bytes);
      BOOST_TEST(bytes < 2 * counted + (64U << 10));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(the_number_of_expired_records_costs_a_list_nothing, OnDisk) {
  Steps steps;
  StoreLimits limits;
  limits.box_records = limits.box_messages = 100000;
  open(limits);
  Caller caller(*store);
  caller.now = at(2000s);
  fill_boxes(*store, 1, 1, 400);
  const std::uint64_t few = steps_of_list(steps, caller, 0);
  fill_boxes(*store, 1, 1, 20000);
  const std::uint64_t many = steps_of_list(steps, caller, 0);
  BOOST_TEST_MESSAGE("steps: " << few << " " << many);
  BOOST_TEST(many == few);
  BOOST_TEST(few < 256U * 60U);  // a look-up in the index and one in the table for each
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
