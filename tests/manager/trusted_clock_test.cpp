// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "manager/core/trusted_clock.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/test_log.hpp"
#include "tests/support/time_print.hpp"

// Which date is believed, and which is certain: docs/protocol.md, section 2.

namespace toxasync::test {

namespace {

using manager::TrustedClock;
using protocol::NodeId;

/// A client with home nodes. The right date is that of `clock`, whose wall clock a test sets wrong.
struct Fixture {
  Fixture() { restart(); }

  void restart() {
    trusted = std::make_unique<TrustedClock>(clock, telemetry.get());
    if (record) {
      BOOST_TEST(trusted->load({record->key, *record->value}));
    }
    trusted->set_home_nodes(homes);
    trusted->tick(clock.now());
  }
  void save() {
    store::StateBatch batch;
    trusted->save(batch);
    record = batch.at(0);
  }
  void pass(milliseconds time) {
    clock.advance(time);
    trusted->tick(clock.now());
  }
  /// The wall clock differs from the right one by that.
  void set_wrong(milliseconds by) {
    clock.set_unix(std::chrono::floor<seconds>(clock.now().wall + by - wrong));
    wrong = by;
    trusted->tick(clock.now());
  }
  [[nodiscard]] UnixTime right() const { return std::chrono::floor<seconds>(clock.now().wall - wrong); }
  /// An answer to what was asked so long ago.
  void hear(std::uint8_t node, milliseconds ahead = 0ms, milliseconds asked = 0ms) {
    trusted->on_node_time(counting<NodeId>(node), right() + std::chrono::floor<seconds>(ahead),
                          clock.now().steady - asked);
  }
  /// How far the believed date is from the right one, in hours.
  [[nodiscard]] std::int64_t error_h() const {
    return std::chrono::round<std::chrono::hours>(trusted->now().wall - UnixTimeMs{right()}).count();
  }
  [[nodiscard]] std::int64_t passed_h() const {
    return std::chrono::round<std::chrono::hours>(trusted->for_good().passed() - right()).count();
  }

  ManualClock clock;
  TestTelemetry telemetry;
  std::vector<NodeId> homes{counting<NodeId>(1), counting<NodeId>(2), counting<NodeId>(3)};
  std::unique_ptr<TrustedClock> trusted;
  std::optional<store::StateWrite> record;
  milliseconds wrong = 0ms;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(manager_trusted_clock, Fixture)

BOOST_AUTO_TEST_CASE(two_nodes_make_the_own_clock_certain_and_one_does_not) {
  BOOST_TEST(!trusted->checked());
  hear(1);
  BOOST_TEST(!trusted->checked());
  hear(2);
  BOOST_TEST(trusted->checked());
  BOOST_TEST((trusted->for_good().passed() == right()));
}

BOOST_AUTO_TEST_CASE(the_only_home_node_is_enough) {
  homes.resize(1);
  restart();
  hear(1);
  BOOST_TEST(trusted->checked());
}

BOOST_AUTO_TEST_CASE(one_node_of_three_is_enough_after_an_hour) {
  pass(59min);
  hear(1);
  BOOST_TEST(!trusted->checked());
  pass(2min);
  hear(1);
  BOOST_TEST(trusted->checked());
}

BOOST_AUTO_TEST_CASE(a_node_that_is_no_home_node_counts_only_where_no_home_node_answers) {
  hear(8, days(5));
  hear(9, days(5));
  BOOST_TEST(error_h() == 5 * 24);
  hear(8);
  hear(9);
  BOOST_TEST(!trusted->checked());  // it is not theirs to say
  hear(1);
  BOOST_TEST(error_h() == 0);
  hear(2);
  BOOST_TEST(trusted->checked());
}

BOOST_AUTO_TEST_CASE(a_jump_ends_certainty_until_nodes_agree) {
  hear(1);
  hear(2);
  set_wrong(days(31));
  BOOST_TEST(!trusted->checked());
  BOOST_TEST(passed_h() == 0);
  pass(1s);
  hear(1);
  BOOST_TEST(error_h() == 0);  // it is nearer to the line
  hear(2);
  BOOST_TEST(error_h() == 0);
  BOOST_TEST(!trusted->checked());
  set_wrong(0ms);
  BOOST_TEST(trusted->checked());
}

BOOST_AUTO_TEST_CASE(a_machine_that_has_slept_is_believed_but_not_for_good) {
  hear(1);
  hear(2);
  set_wrong(days(2));  // as far as its steady clock shows
  BOOST_TEST(error_h() == 48);
  BOOST_TEST(passed_h() == 0);
  pass(1s);
  hear(1, 0ms, 1500ms);  // it waited in the socket while the machine slept
  hear(2, 0ms, 1001ms);
  BOOST_TEST(error_h() == 48);
  hear(1, days(2));
  hear(2, days(2));
  BOOST_TEST(trusted->checked());
  BOOST_TEST(passed_h() == 48);
}

BOOST_AUTO_TEST_CASE(what_nodes_said_before_a_jump_says_nothing_after_it) {
  hear(1);
  hear(2);
  wrong = 6h;
  clock.set_unix(clock.unix_time() + 6h);  // and no tick has seen it
  BOOST_TEST(error_h() == 6);
}

BOOST_AUTO_TEST_CASE(a_clock_that_falls_behind_the_line_is_not_believed) {
  hear(1);
  hear(2);
  set_wrong(-days(100));
  BOOST_TEST(error_h() == 0);
  BOOST_TEST(passed_h() == -100 * 24);  // nothing says that it is not so early
}

BOOST_AUTO_TEST_CASE(the_line_is_kept_over_a_restart) {
  hear(1);
  hear(2);
  save();
  pass(1h);
  set_wrong(-days(100));
  restart();
  BOOST_TEST(error_h() == -1);  // when it was saved
  set_wrong(days(100));
  restart();
  BOOST_TEST(error_h() == 100 * 24);
  BOOST_TEST(passed_h() == -1);
}

BOOST_AUTO_TEST_CASE(a_start_with_a_clock_that_is_behind_does_not_move_the_line) {
  hear(1);
  hear(2);
  save();
  set_wrong(-days(400));
  restart();
  save();  // nobody was heard
  restart();
  BOOST_TEST(error_h() == 0);
}

BOOST_AUTO_TEST_CASE(two_nodes_date_what_is_kept_for_a_time) {
  set_wrong(-days(100));
  restart();
  BOOST_TEST((trusted->stamp() == last_date));
  hear(1);
  BOOST_TEST((trusted->stamp() == last_date));
  hear(2);
  BOOST_TEST((trusted->stamp() == right()));
}

BOOST_AUTO_TEST_CASE(of_a_node_and_the_own_clock_the_one_nearer_to_the_line_is_believed) {
  hear(1);
  hear(2);
  save();
  for (const milliseconds own : {milliseconds(days(31)), 0ms, -milliseconds(days(31))}) {
    for (const milliseconds node : {milliseconds(days(20)), 0ms, -milliseconds(days(20))}) {
      if ((own == 0ms) == (node == 0ms)) {
        continue;  // neither is right, or both are
      }
      set_wrong(own);
      homes.resize(1);
      restart();
      hear(1, node);
      BOOST_TEST(error_h() == 0, own / 1h << " and " << node / 1h);
      BOOST_TEST(passed_h() <= 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(most_nodes_outvote_the_own_clock_and_a_tie_does_not) {
  homes.resize(2);
  restart();
  set_wrong(0ms);
  hear(1, days(3));
  hear(2);
  BOOST_TEST(error_h() == 0);
  hear(2, days(3));
  BOOST_TEST(error_h() == 3 * 24);
  BOOST_TEST(passed_h() <= 0);
}

BOOST_AUTO_TEST_CASE(a_first_start_has_no_line_and_believes_the_node) {
  set_wrong(days(400));
  restart();
  BOOST_TEST(error_h() == 400 * 24);
  BOOST_TEST(!trusted->checked());
  hear(1);
  BOOST_TEST(error_h() == 0);
  BOOST_TEST(passed_h() <= 0);
}

BOOST_AUTO_TEST_CASE(a_change_of_a_minute_is_told) {
  hear(1);
  hear(2);
  const auto before = trusted->generation();
  set_wrong(59s);
  BOOST_TEST(trusted->generation() == before);
  set_wrong(60s);
  BOOST_TEST(trusted->generation() != before);
}

BOOST_AUTO_TEST_CASE(marks_in_the_future_are_clamped_only_by_a_certain_date) {
  const UnixTime mark = right() + days(20);
  BOOST_TEST((trusted->for_good().clamped(mark) == mark));
  hear(1);
  hear(2);
  BOOST_TEST((trusted->for_good().clamped(mark) == right()));
  BOOST_TEST((trusted->for_good().clamped(mark, days(20)) == mark));
}

BOOST_AUTO_TEST_CASE(strangers_times_take_no_more_than_their_places) {
  for (unsigned i = 0; i < 1000; ++i) {
    NodeId stranger;
    stranger[0] = static_cast<std::uint8_t>(i);
    stranger[1] = static_cast<std::uint8_t>(0x80U | i >> 8U);
    trusted->on_node_time(stranger, right() + days(9), clock.now().steady);
  }
  hear(1);
  hear(2);
  BOOST_TEST(trusted->checked());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
