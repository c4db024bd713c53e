// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/wall_clock_guard.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/manual_clock.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {
namespace {

using node::WallClockGuard;

struct Fixture {
  ManualClock clock;
  WallClockGuard guard{clock.now(), {}};

  void jump(seconds ahead) {
    clock.set_unix(clock.unix_time() + ahead);
    guard.observe(clock.now());
  }
  void pass(milliseconds time) {
    for (milliseconds passed = 0ms; passed < time; passed += 1min) {
      clock.advance(std::min<milliseconds>(1min, time - passed));
      guard.observe(clock.now());
    }
  }
  void restart() { guard = WallClockGuard(clock.now(), guard.marks()); }
  [[nodiscard]] UnixTime wall() const { return clock.unix_time(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_wall_clock_guard, Fixture)

BOOST_AUTO_TEST_CASE(a_clock_that_keeps_its_course_is_the_only_date) {
  pass(3 * 24h);
  BOOST_TEST(guard.earliest() == wall());
  BOOST_TEST(guard.latest() == wall());
  BOOST_TEST(!guard.in_doubt());
  BOOST_TEST((guard.marks() == WallClockGuard::Marks{wall(), {}, {}}));
}

BOOST_AUTO_TEST_CASE(after_a_jump_there_are_two_dates_for_an_hour) {
  for (const seconds ahead : {seconds(days(20)), -seconds(days(20))}) {
    const UnixTime right = wall();
    jump(ahead);
    BOOST_TEST(guard.doubted() == ahead);
    BOOST_TEST(guard.earliest() == std::min(right, wall()));
    BOOST_TEST(guard.latest() == std::max(right, wall()));
    pass(59min);
    BOOST_TEST(guard.earliest() == std::min(right + 59min, wall()));
    BOOST_TEST(guard.latest() == std::max(right + 59min, wall()));
    pass(1min);
    BOOST_TEST(!guard.in_doubt());
    BOOST_TEST(guard.earliest() == wall());
    BOOST_TEST(guard.latest() == wall());
  }
}

BOOST_AUTO_TEST_CASE(a_clock_that_returns_is_believed_at_once) {
  const UnixTime right = wall();
  jump(days(20));
  pass(59min);
  jump(-days(20));
  BOOST_TEST(guard.earliest() == right + 59min);
  BOOST_TEST(guard.latest() == right + 59min);
}

BOOST_AUTO_TEST_CASE(small_jumps_are_not_doubted_but_waited_for) {
  const UnixTime right = wall();
  jump(days(1));
  BOOST_TEST(!guard.in_doubt());
  BOOST_TEST(guard.earliest() == right);
  jump(1s);
  BOOST_TEST(guard.in_doubt());
  jump(-1s);
  pass(1h);
  BOOST_TEST(guard.earliest() == wall());
}

BOOST_AUTO_TEST_CASE(a_step_of_minutes_is_taken_up_after_an_hour) {
  for (const seconds ahead : {seconds(9min), -seconds(9min), 1s, -1s}) {
    const UnixTime right = wall();
    jump(ahead);
    pass(59min);
    BOOST_TEST(guard.believed() == right + 59min);
    BOOST_TEST(guard.earliest() == std::min(right + 59min, wall()));
    BOOST_TEST(guard.latest() == std::max(right + 59min, wall()));
    pass(1min);
    BOOST_TEST(guard.believed() == wall());
    BOOST_TEST(guard.earliest() == wall());
    BOOST_TEST(guard.latest() == wall());
  }
}

BOOST_AUTO_TEST_CASE(a_step_for_less_than_an_hour_is_not_taken_up) {
  const UnixTime right = wall();
  for (int i = 0; i < 3; ++i) {
    pass(1h);
    jump(9min);
    pass(59min);
    jump(-9min);
  }
  BOOST_TEST(guard.believed() == right + 3 * (1h + 59min));
  BOOST_TEST(guard.earliest() == wall());
  BOOST_TEST(guard.latest() == wall());
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_moved_slowly_is_followed) {
  for (const milliseconds step : {30ms, 1ms, -1ms, -30ms}) {  // a minute, as NTP moves it at most
    Now now = clock.now();
    guard = WallClockGuard(now, {});
    for (int minute = 0; minute < 100 * 60; ++minute) {
      now.steady += 1min;
      now.wall += 1min + step;
      guard.observe(now);
      BOOST_TEST_REQUIRE(guard.latest() - guard.earliest() <= 5s);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_jump_moves_the_believed_date) {
  const UnixTime right = wall();
  for (const seconds jumped : {seconds(days(365)), -seconds(days(730)), seconds(days(366))}) {
    jump(jumped);
    pass(10s);
  }
  BOOST_TEST(guard.believed() == right + 30s);
}

BOOST_AUTO_TEST_CASE(what_was_passed_within_the_hour_is_not_believed) {
  const UnixTime right = wall();
  jump(days(2));  // and stays at least there
  pass(59min);
  jump(days(400));
  pass(1min);
  BOOST_TEST(guard.earliest() == right + days(2) + 1h);
  BOOST_TEST(guard.in_doubt());
  jump(-days(800));  // the other side: an hour begins
  pass(59min);
  BOOST_TEST(guard.latest() == right + days(2) + 1h + 59min);
  pass(1min);
  BOOST_TEST(guard.latest() == wall());
}

BOOST_AUTO_TEST_CASE(a_restart_within_a_day_is_believed) {
  restart();
  jump(days(1));
  restart();
  BOOST_TEST(guard.earliest() == wall());
}

BOOST_AUTO_TEST_CASE(a_restart_later_waits_for_an_hour) {
  for (const seconds off : {seconds(days(2)), seconds(days(400)), -seconds(days(365))}) {
    const auto marks = guard.marks();
    clock.set_unix(wall() + off);
    guard = WallClockGuard(clock.now(), marks);
    BOOST_TEST(guard.doubted() == off);
    BOOST_TEST(guard.earliest() == std::min(marks.believed, wall()));
    BOOST_TEST(guard.latest() == std::max(marks.believed, wall()));
    pass(1h);
    BOOST_TEST(guard.earliest() == wall());
    BOOST_TEST(guard.latest() == wall());
  }
}

BOOST_AUTO_TEST_CASE(the_hour_goes_on_after_a_restart) {
  jump(days(20));
  pass(40min);
  restart();
  BOOST_TEST(guard.in_doubt());
  pass(19min);
  BOOST_TEST(guard.in_doubt());
  pass(1min);
  BOOST_TEST(!guard.in_doubt());
  BOOST_TEST(guard.earliest() == wall());
}

BOOST_AUTO_TEST_CASE(the_hour_begins_anew_when_the_clock_is_on_the_other_side) {
  jump(days(20));
  pass(40min);
  const auto marks = guard.marks();
  clock.set_unix(wall() - days(40));
  guard = WallClockGuard(clock.now(), marks);
  pass(59min);
  BOOST_TEST(guard.in_doubt());
  pass(1min);
  BOOST_TEST(!guard.in_doubt());
}

BOOST_AUTO_TEST_CASE(extreme_dates_are_dates) {
  for (const UnixTime date : {UnixTime{} - seconds(days(10)), UnixTime{1s}, last_date}) {
    clock.set_unix(date);
    guard = WallClockGuard(clock.now(), {last_date, UnixTime{1s}, 1h});
    BOOST_TEST(guard.earliest() >= UnixTime{1s});
    BOOST_TEST(guard.latest() <= last_date);
    guard = WallClockGuard(clock.now(), {});
    BOOST_TEST(guard.earliest() >= UnixTime{1s});
    BOOST_TEST(!guard.in_doubt());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
