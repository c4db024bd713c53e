// SPDX-License-Identifier: GPL-3.0-or-later
// What every engine promises; each test runs against all of them.
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include "postgres.hpp"
#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "tests/store/support.hpp"

namespace toxasync::store::test {
namespace {

struct Memory : Observed {
  std::unique_ptr<Store> make(const StoreLimits& limits) { return std::make_unique<MemoryStore>(limits); }
};

struct Sqlite : Observed {
  TemporaryDirectory directory;
  int number = 0;

  std::unique_ptr<Store> make(const StoreLimits& limits) {
    auto opened = SqliteStore::open(directory.file(std::to_string(++number)), limits, {}, telemetry, random);
    BOOST_REQUIRE(opened);
    return std::move(*opened);
  }
};

struct Postgres : PostgresDatabases {
  std::unique_ptr<Store> make(const StoreLimits& limits) { return open(limits, {}, ++number); }
  int number = 0;
};

using Engines = boost::mpl::list<Memory, Sqlite, Postgres>;

constexpr std::uint64_t overhead = StoreLimits::record_overhead_bytes;

}  // namespace

BOOST_AUTO_TEST_SUITE(store_conformance)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stored_record_is_listed_with_its_value_and_expiry, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  const auto put = caller.put(box(1), record(1), value_of(600, 7), at(2000s));
  BOOST_TEST((put.status == PutStatus::stored));
  BOOST_TEST(put.expires_at == at(2000s));
  const auto list = caller.list(mailbox(1));
  BOOST_TEST((list.status == OpStatus::ok));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST((list.records[0].id == record(1)));
  BOOST_TEST(list.records[0].value == value_of(600, 7));
  BOOST_TEST(list.records[0].expires_at == at(2000s));
  BOOST_TEST(list.records[0].sequence > 0U);
  BOOST_TEST(!list.more);
  BOOST_TEST(caller.list(mailbox(2)).records.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_value_is_a_record_and_not_a_tombstone, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), {}).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(1), {}).status == PutStatus::duplicate));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_duplicate_keeps_the_value_and_the_later_expiry, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(50, 1), at(2000s));
  auto again = caller.put(box(1), record(1), value_of(60, 2), at(3000s));
  BOOST_TEST((again.status == PutStatus::duplicate));
  BOOST_TEST(again.expires_at == at(3000s));
  BOOST_TEST(again.held_until == at(2000s));
  again = caller.put(box(1), record(1), value_of(50, 1), at(1500s));
  BOOST_TEST((again.status == PutStatus::duplicate));
  BOOST_TEST(again.expires_at == at(3000s));
  BOOST_TEST(again.held_until == at(3000s));
  caller.now = at(2999s);
  const auto list = caller.list(mailbox(1));
  BOOST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST(list.records[0].value == value_of(50, 1));
  BOOST_TEST(list.records[0].expires_at == at(3000s));
  BOOST_TEST(store->stats().messages == 1U);
  BOOST_TEST(store->stats().bytes == 50U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_same_id_in_two_mailboxes_is_two_records, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(2), record(1), value_of(50, 2)).status == PutStatus::stored));
  BOOST_TEST(caller.remove(mailbox(1), {record(1)}).removed == 1U);
  BOOST_TEST(caller.list(mailbox(2)).records.size() == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_removed_record_is_gone_and_is_not_stored_again, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(50, 1));
  caller.put(box(1), record(2), value_of(50, 1));
  const auto removed = caller.remove(mailbox(1), {record(1), record(1), record(3)});
  BOOST_TEST((removed.status == OpStatus::ok));
  BOOST_TEST(removed.removed == 1U);
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
  BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::gone));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
  const StoreStats stats = store->stats();
  BOOST_TEST(stats.messages == 1U);
  BOOST_TEST(stats.bytes == 50U);
  BOOST_TEST(stats.tombstones == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_box_quota_of_messages_ends_at_its_number, Engine, Engines) {
  Engine engine;
  StoreLimits limits;
  limits.box_messages = 3;
  const auto store = engine.make(limits);
  Caller caller(*store);
  for (std::uint16_t i = 0; i < 3; ++i) {
    BOOST_TEST((caller.put(box(1), record(i), value_of(50, 1)).status == PutStatus::stored));
  }
  BOOST_TEST((caller.put(box(1), record(3), value_of(50, 1)).status == PutStatus::mailbox_full));
  BOOST_TEST((caller.put(box(1), record(0), value_of(50, 1)).status == PutStatus::duplicate));
  BOOST_TEST((caller.put(box(2), record(3), value_of(50, 1)).status == PutStatus::stored));
  caller.remove(mailbox(1), {record(0)});
  BOOST_TEST((caller.put(box(1), record(3), value_of(50, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(4), value_of(50, 1)).status == PutStatus::mailbox_full));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_box_quota_of_bytes_ends_at_its_number, Engine, Engines) {
  Engine engine;
  StoreLimits limits;
  limits.box_bytes = 100;
  const auto store = engine.make(limits);
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(101, 1)).status == PutStatus::mailbox_full));
  BOOST_TEST((caller.put(box(1), record(2), value_of(60, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(3), value_of(41, 1)).status == PutStatus::mailbox_full));
  BOOST_TEST((caller.put(box(1), record(4), value_of(40, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(5), value_of(1, 1)).status == PutStatus::mailbox_full));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_capacity_counts_values_and_overhead_of_records_and_tombstones, Engine,
                              Engines) {
  Engine engine;
  StoreLimits limits;
  limits.capacity_bytes = 2 * overhead + 100;
  const auto store = engine.make(limits);
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(60, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(2), record(2), value_of(41, 1)).status == PutStatus::store_full));
  BOOST_TEST((caller.put(box(2), record(2), value_of(40, 1)).status == PutStatus::stored));
  caller.remove(mailbox(1), {record(1)});
  // The value's bytes are free again, the tombstone's overhead is not.
  BOOST_TEST((caller.put(box(3), record(3), {}).status == PutStatus::store_full));
  caller.now = at(2000s);
  store->expire(at(2000s), 10);
  BOOST_TEST((caller.put(box(3), record(3), value_of(60, 1), at(3000s)).status == PutStatus::stored));
  BOOST_TEST(store->stats().capacity_bytes == limits.capacity_bytes);
  BOOST_TEST(store->stats().used_bytes() == overhead + 60U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_capacity_can_be_changed_and_what_is_kept_stays, Engine, Engines) {
  Engine engine;
  StoreLimits limits;
  limits.capacity_bytes = overhead + 60;
  const auto store = engine.make(limits);
  Caller caller(*store);
  BOOST_TEST(store->stats().capacity_bytes == limits.capacity_bytes);
  BOOST_TEST((caller.put(box(1), record(1), value_of(60, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(2), value_of(60, 1)).status == PutStatus::store_full));
  store->set_capacity(2 * limits.capacity_bytes);
  BOOST_TEST((caller.put(box(1), record(2), value_of(60, 1)).status == PutStatus::stored));
  BOOST_TEST(store->stats().capacity_bytes == 2 * limits.capacity_bytes);
  BOOST_TEST(store->stats().used_bytes() == 2 * limits.capacity_bytes);
  store->set_capacity(1);
  BOOST_TEST((caller.put(box(1), record(3), {}).status == PutStatus::store_full));
  BOOST_TEST((caller.put(box(1), record(1), value_of(60, 1)).status == PutStatus::duplicate));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_list_stops_at_its_limits_and_goes_on_from_the_cursor, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  for (std::uint16_t i = 0; i < 5; ++i) {
    caller.put(box(1), record(i), value_of(100, static_cast<std::uint8_t>(i)));
  }
  auto page = caller.list(mailbox(1), 0, {2, 10000});
  BOOST_REQUIRE(page.records.size() == 2U);
  BOOST_TEST(page.more);
  BOOST_TEST((page.records[0].id == record(0)));
  BOOST_TEST(page.records[0].sequence < page.records[1].sequence);
  page = caller.list(mailbox(1), page.records[1].sequence, {10, 299});
  BOOST_REQUIRE(page.records.size() == 2U);
  BOOST_TEST(page.more);
  BOOST_TEST((page.records[0].id == record(2)));
  page = caller.list(mailbox(1), page.records[0].sequence, {2, 200});
  BOOST_TEST(page.records.size() == 2U);
  BOOST_TEST(!page.more);
  BOOST_TEST(caller.list(mailbox(1), page.records[1].sequence).records.empty());
  BOOST_TEST(caller.list(mailbox(1), ~std::uint64_t{0}).records.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_list_gives_at_least_one_record_when_there_is_one, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(100, 1));
  caller.put(box(1), record(2), value_of(100, 1));
  for (const ListLimits limits : {ListLimits{10, 0}, ListLimits{10, 99}, ListLimits{0, 1000}}) {
    const auto page = caller.list(mailbox(1), 0, limits);
    BOOST_TEST(page.records.size() == 1U);
    BOOST_TEST(page.more);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(removed_and_expired_records_behind_a_page_are_not_announced_as_more, Engine,
                              Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(100, 1), at(3000s));
  caller.put(box(1), record(2), value_of(100, 1), at(3000s));
  caller.put(box(1), record(3), value_of(100, 1), at(2000s));
  caller.remove(mailbox(1), {record(2)});
  caller.now = at(2000s);
  const auto page = caller.list(mailbox(1), 0, {1, 1000});
  BOOST_TEST(page.records.size() == 1U);
  BOOST_TEST(!page.more);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_record_is_listed_until_the_second_before_its_expiry, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(100, 1), at(2000s));
  caller.now = at(1999s);
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
  caller.now = at(2000s);
  BOOST_TEST(caller.list(mailbox(1)).records.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(expire_drops_records_and_tombstones_from_their_expiry_on, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(100, 1), at(2000s));
  caller.put(box(1), record(2), value_of(100, 1), at(2000s));
  caller.put(box(1), record(3), value_of(100, 1), at(2001s));
  caller.remove(mailbox(1), {record(2)});
  store->expire(at(1999s), 10);
  caller.list(mailbox(1));
  BOOST_TEST(store->stats().messages == 2U);
  store->expire(at(2000s), 10);
  caller.list(mailbox(1));
  const StoreStats stats = store->stats();
  BOOST_TEST(stats.messages == 1U);
  BOOST_TEST(stats.bytes == 100U);
  BOOST_TEST(stats.tombstones == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(expire_drops_no_more_rows_than_it_may, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  for (std::uint16_t i = 0; i < 600; ++i) {
    store->put(i, box(1), record(i), value_of(10, 1), at(2000s), at(1000s));
  }
  store->submit();
  BOOST_REQUIRE(wait_for(*store, caller.results, 600));
  store->expire(at(2000s), 530);
  caller.list(mailbox(2));
  BOOST_TEST(store->stats().messages == 70U);
  store->expire(at(2000s), 1000000);
  caller.list(mailbox(2));
  BOOST_TEST(store->stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_has_expired_can_be_stored_anew_before_it_is_dropped, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(100, 1), at(2000s));
  caller.put(box(1), record(2), value_of(100, 1), at(2000s));
  caller.remove(mailbox(1), {record(2)});
  caller.now = at(2000s);
  BOOST_TEST((caller.put(box(1), record(1), value_of(90, 2), at(3000s)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(2), value_of(90, 2), at(3000s)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
  const StoreStats stats = store->stats();
  BOOST_TEST(stats.messages == 2U);
  BOOST_TEST(stats.bytes == 180U);
  BOOST_TEST(stats.tombstones == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancelling_takes_the_commitment_in_the_value, Engine, Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(17, 5));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(5)) == CancelStatus::unknown));
  BOOST_TEST((caller.cancel(mailbox(2), record(1), commitment(5)) == CancelStatus::unknown));
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(6)) == CancelStatus::wrong_proof));
  BOOST_TEST(store->stats().messages == 1U);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(5)) == CancelStatus::cancelled));
  BOOST_TEST(caller.list(mailbox(1)).records.empty());
  BOOST_TEST((caller.put(box(1), record(1), value_of(17, 5)).status == PutStatus::gone));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancel_says_cancelled_again_but_not_of_what_the_owner_removed, Engine,
                              Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(17, 5));
  caller.put(box(1), record(2), value_of(17, 5));
  caller.put(box(1), record(3), value_of(17, 5), at(2000s));
  caller.cancel(mailbox(1), record(1), commitment(5));
  caller.remove(mailbox(1),
                {record(1), record(2), record(3)});  // The first one is none of the caller's any more.
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(5)) == CancelStatus::cancelled));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(5)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(6)) == CancelStatus::removed));
  caller.now = at(2000s);  // Stored anew after its time, it is another record.
  caller.put(box(1), record(3), value_of(17, 5), at(3000s));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(5)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_commitment_is_bytes_1_to_16_and_a_shorter_value_cannot_be_cancelled, Engine,
                              Engines) {
  Engine engine;
  const auto store = engine.make({});
  Caller caller(*store);
  Bytes value = value_of(40, 9);
  value[0] = 1;
  std::fill(value.begin() + 17, value.end(), std::uint8_t{3});
  caller.put(box(1), record(1), value);
  caller.put(box(1), record(2), value_of(16, 9));
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(9)) == CancelStatus::cancelled));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(9)) == CancelStatus::wrong_proof));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(past_the_queue_limit_operations_are_overloaded_and_have_no_effect, Engine,
                              Engines) {
  Engine engine;
  StoreLimits limits;
  limits.queue_bytes = 10000;
  const auto store = engine.make(limits);
  Results results;
  for (std::uint16_t i = 0; i < 20; ++i) {
    store->put(i, box(1), record(i), value_of(1000, 1), at(2000s), at(1000s));
  }
  store->list(100, mailbox(1), first_box, 0, {100, 100000}, at(1000s));
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 21));
  std::size_t stored = 0;
  for (const auto& [token, put] : results.puts) {
    BOOST_TEST((put.status == PutStatus::stored || put.status == PutStatus::overloaded));
    stored += put.status == PutStatus::stored ? 1 : 0;
  }
  BOOST_TEST(stored == 7U);
  BOOST_TEST((results.lists[100].status == OpStatus::overloaded));
  Caller caller(*store);  // After poll() there is room again.
  BOOST_TEST((caller.put(box(1), record(100), value_of(1000, 1)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 8U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(operations_take_effect_and_complete_in_the_order_of_the_calls, Engine,
                              Engines) {
  Engine engine;
  const auto store = engine.make({});
  Results results;
  store->put(1, box(1), record(1), value_of(20, 1), at(2000s), at(1000s));
  store->list(2, mailbox(1), first_box, 0, {10, 1000}, at(1000s));
  store->remove(3, mailbox(1), std::vector<RecordId>{record(1)});
  store->list(4, mailbox(1), first_box, 0, {10, 1000}, at(1000s));
  store->put(5, box(1), record(1), value_of(20, 1), at(2000s), at(1000s));
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 5));
  BOOST_TEST(results.lists[2].records.size() == 1U);
  BOOST_TEST(results.removes[3].removed == 1U);
  BOOST_TEST(results.lists[4].records.empty());
  BOOST_TEST((results.puts[5].status == PutStatus::gone));
  BOOST_TEST((results.order == std::vector<Token>{1, 2, 3, 4, 5}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(memory_store)

BOOST_AUTO_TEST_CASE(completions_wait_for_submit_and_while_they_are_held) {
  MemoryStore store;
  Results results;
  store.put(1, box(1), record(1), value_of(20, 1), at(2000s), at(1000s));
  BOOST_TEST(store.poll(results) == 0U);
  store.hold_completions(true);
  store.submit();
  BOOST_TEST(store.poll(results) == 0U);
  store.hold_completions(false);
  BOOST_TEST(store.poll(results) == 1U);
  BOOST_TEST((results.puts[1].status == PutStatus::stored));
}

BOOST_AUTO_TEST_CASE(the_operations_that_are_told_to_fail_have_no_effect) {
  MemoryStore store;
  Caller caller(store);
  store.fail_next(2);
  BOOST_TEST((caller.put(box(1), record(1), value_of(20, 1)).status == PutStatus::failed));
  BOOST_TEST((caller.list(mailbox(1)).status == OpStatus::failed));
  BOOST_TEST(caller.list(mailbox(1)).records.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
