// SPDX-License-Identifier: GPL-3.0-or-later
// What one writer can do to a mailbox, on a server; ../attack_test.cpp has the other engines.
#include "tests/store/attack_store.hpp"

#include <boost/test/unit_test.hpp>

#include "postgres.hpp"

namespace toxasync::store::test {
namespace {

/// Rows and pages that the statement of a list reads.
struct Read {
  std::uint64_t rows = 0;
  std::uint64_t pages = 0;
};

std::uint64_t number_after(const std::string& text, const std::string& what) {
  const auto at = text.find(what);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + what.size()));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attack_store, HeldDatabases)

BOOST_AUTO_TEST_CASE(only_named_boxes_are_listed_in_order) {
  list_only_named_boxes_in_order(*open());
}

BOOST_AUTO_TEST_CASE(a_full_box_leaves_room_in_those_of_others) {
  a_full_box_leaves_room_in_others(*open());
}

BOOST_AUTO_TEST_CASE(tombstones_fill_the_box_of_who_made_them) {
  StoreLimits limits;
  limits.box_records = 20;
  tombstones_fill_a_box(*open(limits));
}

BOOST_AUTO_TEST_CASE(what_a_list_gave_is_not_cancelled) {
  what_was_listed_cannot_be_cancelled(*open());
}

BOOST_AUTO_TEST_CASE(what_a_list_gave_is_not_forgotten_past_16384) {
  nothing_that_was_listed_is_forgotten(*open());
}

BOOST_AUTO_TEST_CASE(a_list_goes_past_expired_records_in_bounded_pieces) {
  StoreLimits limits;
  limits.box_messages = 2000;
  expired_records_end_a_list_which_goes_on(*open(limits));
}

BOOST_AUTO_TEST_CASE(records_and_tombstones_expire_in_one_order) {
  expire_drops_the_oldest_of_both(*open());
}

BOOST_AUTO_TEST_CASE(whoever_has_a_slice_expired_hears_of_more) {
  expire_says_whether_there_may_be_more(*open());
}

BOOST_AUTO_TEST_CASE(what_a_list_gave_is_not_cancelled_after_a_restart) {
  {
    const auto store = open();
    Caller caller(*store);
    for (std::uint16_t i = 0; i < 3; ++i) {
      caller.put(box(1), record(i), value_of(20, 1));
    }
    caller.list(mailbox(1), 0, {2, 1000});
  }
  const auto store = open();
  Caller caller(*store);
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(a_box_leaves_no_row_when_its_last_tombstone_goes) {
  const auto store = open();
  Caller caller(*store);
  caller.put(box(1), record(1), value_of(20, 1));
  caller.put(box(1, 2), record(2), value_of(20, 1), at(3000s));
  caller.list(mailbox(1));
  caller.remove(mailbox(1), {record(1), record(2)});
  store->expire(at(2000s), 10);
  caller.list(mailbox(1));
  BOOST_TEST(sql_text("SELECT string_agg(n || ' ' || tombstones, ',') FROM box") == "0 1");
  store->expire(at(3000s), 10);
  caller.list(mailbox(1));
  BOOST_TEST(sql_text("SELECT count(*)::text FROM box") == "0");
  BOOST_TEST(sql_text("SELECT count(*)::text FROM mailbox") == "0");
}

BOOST_AUTO_TEST_CASE(what_is_cancelled_while_it_is_listed_is_not_shown) {
  const auto one = open();
  const auto two = open();
  Caller(*one).put(box(1), record(1), value_of(50, 1));
  BOOST_REQUIRE(holder.connect(url(), patience));
  holder.query("BEGIN");
  holder.query("SELECT FROM box FOR UPDATE");
  BOOST_REQUIRE(holder.round_trip(patience) == LinkStatus::ok);
  // The cancel waits for the box, and behind it the mark of the list, which has found the record.
  Results lists, cancels;
  two->cancel(1, mailbox(1), record(1), commitment(1));
  two->submit();
  wait_for_sql(waiting("Lock"));
  one->list(2, mailbox(1), first_box, 0, {10, 1000}, at(1000s));
  one->submit();
  wait_for_sql(std::string("SELECT count(*) = 2") + its_backends + " AND wait_event_type = 'Lock'");
  let_go();
  BOOST_REQUIRE(wait_for(*two, cancels, 1));
  BOOST_REQUIRE(wait_for(*one, lists, 1));
  BOOST_TEST((cancels.cancels[1] == CancelStatus::cancelled));
  BOOST_TEST((lists.lists[2].status == OpStatus::ok));
  BOOST_TEST(lists.lists[2].records.empty());
}

BOOST_AUTO_TEST_CASE(tombstones_and_foreign_boxes_cost_a_list_nothing) {
  StoreLimits limits;
  limits.box_records = limits.box_messages = 100000;
  const auto store = open(limits);
  Caller caller(*store);
  caller.put(box(1), record(65535), value_of(20, 1));
  sql("SET search_path = " + prefix + "1");
  sql("SET enable_seqscan = off");
  sql("SET plan_cache_mode = force_generic_plan");
  sql("SET enable_hashjoin = off");
  sql("SET enable_mergejoin = off");
  admin.prepare("seen", statement::text_of(statement::list_records));
  BOOST_REQUIRE(admin.round_trip(patience) == LinkStatus::ok);
  const std::string all_tags =
      "(SELECT array_agg(('\\xb0' || lpad(to_hex(i % 256), 2, '0') || lpad(to_hex(i / 256), 2, '0'))::bytea) "
      "FROM generate_series(1, 128) AS i)";
  const auto look = [&] {
    sql("VACUUM ANALYZE record");
    const std::string tags = sql_text("SELECT " + all_tags + "::text");
    const std::string plan = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE seen('" +
                             sql_text("SELECT mailbox::text FROM record LIMIT 1") + "', '" + tags +
                             "', 0, 49)";
    std::vector<PostgresRows> answers;
    admin.query(plan.c_str());
    BOOST_REQUIRE_MESSAGE(admin.round_trip(answers, patience) == LinkStatus::ok, admin.error());
    const ByteView json = answers[0].blob(0, 0);
    const std::string text(json.begin(), json.end());
    BOOST_TEST(text.find("Seq Scan") == std::string::npos);
    return Read{number_after(text, "\"Actual Rows\": "), number_after(text, "\"Shared Hit Blocks\": ") +
                                                             number_after(text, "\"Shared Read Blocks\": ")};
  };
  const Read alone = look();
  BOOST_TEST(alone.rows == 1U);
  fill_boxes(*store, 0, 3, 2000);
  sql_text("UPDATE record SET kind = 0, value = NULL WHERE kind = 1 AND seq > (SELECT min(seq) FROM record)");
  fill_boxes(*store, 25000, foreign_writers, 2);
  const Read beside = look();
  BOOST_TEST(beside.rows == 1U);
  BOOST_TEST_MESSAGE("pages: " << alone.pages << ", " << beside.pages);
  BOOST_TEST(beside.pages <= 3 * alone.pages);  // the index is a level higher
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
