// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

#include "tests/store/support.hpp"

// What a writer may try against the mailbox of another, and what every engine does about it. Each function is
// a test case of attack_store, for an empty store.

namespace toxasync::store::test {

constexpr std::uint16_t foreign_writers = 300;

/// So many records of each of the writers, in the mailbox 1.
inline void fill_boxes(Store& store, std::uint16_t first, std::uint16_t writers, std::uint16_t each) {
  Results results;
  std::size_t calls = 0;
  for (std::uint16_t writer = first; writer < first + writers; ++writer) {
    for (std::uint16_t i = 0; i < each; ++i, ++calls) {
      store.put(calls, box(1, writer), record(static_cast<std::uint16_t>(writer * each + i)), value_of(17, 1),
                at(2000s), at(1000s));
    }
    store.submit();
  }
  BOOST_REQUIRE(wait_for(store, results, calls));
  for (const auto& [token, put] : results.puts) {
    BOOST_TEST_REQUIRE((put.status == PutStatus::stored));
  }
}

inline void list_only_named_boxes_in_order(Store& store) {
  Caller caller(store);
  fill_boxes(store, 100, 20, 3);  // nobody names them
  for (std::uint16_t i = 0; i < 6; ++i) {
    caller.put(box(1, i % 3), record(i), value_of(20, 1));
  }
  caller.put(box(2, 0), record(9), value_of(20, 1));
  const auto list = caller.list(mailbox(1), {tag(2), tag(77), tag(0), tag(2)});
  BOOST_TEST_REQUIRE(list.records.size() == 4U);
  const std::vector<std::pair<int, int>> expected{
      {0, 0}, {2, 2}, {3, 0}, {5, 2}};  // record, writer of its box
  for (std::size_t i = 0; i < expected.size(); ++i) {
    BOOST_TEST((list.records[i].id == record(static_cast<std::uint16_t>(expected[i].first))));
    BOOST_TEST((list.records[i].box == box(1, static_cast<std::uint16_t>(expected[i].second)).key));
  }
  BOOST_TEST(!list.more);
  const auto page = caller.list(mailbox(1), list.records[0].sequence, {2, 1000}, {tag(0), tag(2)});
  BOOST_TEST_REQUIRE(page.records.size() == 2U);
  BOOST_TEST((page.records[1].id == record(3)));
  BOOST_TEST(page.more);
  BOOST_TEST(caller.list(mailbox(1), std::vector<BoxTag>{}).records.empty());
}

inline void a_full_box_leaves_room_in_others(Store& store) {
  Caller caller(store);
  for (std::uint16_t i = 0;; ++i) {
    const auto put = caller.put(box(1, 7), record(i), value_of(1168, 1));
    if (put.status == PutStatus::mailbox_full) {
      BOOST_TEST(i > 100);
      break;
    }
    BOOST_TEST_REQUIRE((put.status == PutStatus::stored));
  }
  BOOST_TEST((caller.put(box(1), record(9999), value_of(1168, 1)).status == PutStatus::stored));
  const auto list = caller.list(mailbox(1));
  BOOST_TEST_REQUIRE(list.records.size() == 1U);
  BOOST_TEST((list.records[0].id == record(9999)));
}

/// `limits.box_records` is 20.
inline void tombstones_fill_a_box(Store& store) {
  Caller caller(store);
  for (std::uint16_t i = 0; i < 20; ++i) {
    BOOST_TEST_REQUIRE((caller.put(box(1), record(i), value_of(20, 1)).status == PutStatus::stored));
    if (i % 2 == 0) {
      BOOST_TEST((caller.cancel(mailbox(1), record(i), commitment(1)) == CancelStatus::cancelled));
    } else {
      BOOST_TEST(caller.remove(mailbox(1), {record(i)}).removed == 1U);
    }
  }
  BOOST_TEST((caller.put(box(1), record(20), value_of(20, 1)).status == PutStatus::mailbox_full));
  BOOST_TEST((caller.put(box(1), record(0), value_of(20, 1)).status == PutStatus::gone));
  BOOST_TEST((caller.put(box(1, 2), record(20), value_of(20, 1)).status == PutStatus::stored));
  caller.now = at(2000s);
  store.expire(at(2000s), 100);
  BOOST_TEST((caller.put(box(1), record(21), value_of(20, 1), at(3000s)).status == PutStatus::stored));
  BOOST_TEST(store.stats().tombstones == 0U);
}

inline void what_was_listed_cannot_be_cancelled(Store& store) {
  Caller caller(store);
  for (std::uint16_t i = 0; i < 6; ++i) {
    caller.put(box(1), record(i), value_of(20, 1));
  }
  caller.put(box(1, 2), record(6), value_of(20, 1));
  const auto cancel = [&](std::uint16_t id) { return caller.cancel(mailbox(1), record(id), commitment(1)); };
  BOOST_TEST((cancel(0) == CancelStatus::cancelled));
  BOOST_TEST(caller.list(mailbox(1), 0, {2, 1000}).records.size() == 2U);  // 1 and 2
  BOOST_TEST((cancel(1) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(2)) == CancelStatus::wrong_proof));
  BOOST_TEST((cancel(2) == CancelStatus::removed));
  BOOST_TEST((cancel(3) == CancelStatus::cancelled));  // was not on the page
  BOOST_TEST((cancel(6) == CancelStatus::cancelled));  // nor was its box named
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 4U);
  BOOST_TEST((cancel(5) == CancelStatus::removed));
  caller.put(box(1), record(7), value_of(20, 1));
  BOOST_TEST((cancel(7) == CancelStatus::cancelled));
  // Put and given anew after its time, by the row of a box that was gone meanwhile.
  caller.now = at(2000s);
  store.expire(at(2000s), 100);
  caller.put(box(1), record(1), value_of(20, 1), at(3000s));
  BOOST_TEST((cancel(1) == CancelStatus::cancelled));
}

/// However much is listed: more here than a node's memory was for, once. `limits` allow it.
inline void nothing_that_was_listed_is_forgotten(Store& store) {
  constexpr std::uint16_t boxes = 20, each = 1000;
  fill_boxes(store, 0, boxes, each);
  Caller caller(store);
  std::vector<BoxTag> tags;
  for (std::uint16_t writer = 0; writer < boxes; ++writer) {
    tags.push_back(tag(writer));
  }
  std::size_t listed = 0;
  std::uint64_t cursor = 0;
  for (bool more = true; more;) {
    const auto page = caller.list(mailbox(1), cursor, {1000, 1U << 20}, tags);
    BOOST_TEST_REQUIRE(!page.records.empty());
    listed += page.records.size();
    cursor = page.records.back().sequence;
    more = page.more;
  }
  BOOST_TEST(listed == std::size_t{boxes} * each);
  for (const std::uint16_t id : std::vector<std::uint16_t>{0, 1, 999, 1000, 10000, 19999}) {
    BOOST_TEST((caller.cancel(mailbox(1), record(id), commitment(1)) == CancelStatus::removed));
  }
}

/// `limits.box_messages` is at least 1500.
inline void expired_records_end_a_list_which_goes_on(Store& store) {
  constexpr std::uint16_t expired = 1500;
  Caller caller(store);
  caller.put(box(1), record(60000), value_of(20, 1), at(3000s));
  fill_boxes(store, 1, 1, expired);
  caller.put(box(1), record(60001), value_of(20, 1), at(3000s));
  caller.now = at(2000s);
  std::vector<RecordId> found;
  std::uint64_t cursor = 0;
  std::size_t lists = 0;
  for (bool more = true; more; ++lists) {
    BOOST_TEST_REQUIRE(lists < 20U);
    const auto list = caller.list(mailbox(1), cursor, {48, std::size_t{48} * 400});
    BOOST_TEST((list.status == OpStatus::ok));
    for (const Record& record : list.records) {
      found.push_back(record.id);
    }
    more = list.more;
    BOOST_TEST(list.cursor > cursor);
    cursor = list.cursor;
  }
  BOOST_TEST((found == std::vector{record(60000), record(60001)}));
  BOOST_TEST(lists == expired / Store::skipped_per_list + 1);
  // What a list went past is not marked as given, and what it gave is.
  BOOST_TEST((caller.cancel(mailbox(1), record(60000), commitment(1)) == CancelStatus::removed));
  caller.put(box(1), record(60002), value_of(20, 1), at(3000s));
  BOOST_TEST((caller.cancel(mailbox(1), record(60002), commitment(1)) == CancelStatus::cancelled));
}

inline void expire_drops_the_oldest_of_both(Store& store) {
  Caller caller(store);
  for (std::uint16_t i = 0; i < 6; ++i) {
    caller.put(box(1), record(i), value_of(20, 1), at(2000s + seconds{i}));
  }
  caller.remove(mailbox(1), {record(5), record(1), record(3)});
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> left{{2, 2}, {1, 1}, {0, 0}};
  for (const auto& [messages, tombstones] : left) {
    store.expire(at(3000s), 2);
    caller.list(mailbox(2));
    BOOST_TEST(store.stats().messages == messages);
    BOOST_TEST(store.stats().tombstones == tombstones);
  }
}

/// So that whoever asked for a slice asks for the next one at once, and not for ever.
inline void expire_says_whether_there_may_be_more(Store& store) {
  fill_boxes(store, 1, 1, 600);
  Caller caller(store);
  store.expire(at(1999s), 512);
  caller.list(mailbox(2));
  store.expire(at(2000s), 512);
  caller.list(mailbox(2));
  store.expire(at(2000s), 512);
  caller.list(mailbox(2));
  BOOST_TEST((caller.results.expired == std::vector{false, true, false}));
  BOOST_TEST(store.stats().messages == 0U);
}

}  // namespace toxasync::store::test
