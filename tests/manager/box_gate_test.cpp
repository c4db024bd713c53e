// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/box_gate.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::manager {
namespace {

struct Gate {
  test::SeededRandom random{1};
  RetryBackoff backoff{random, 5s, 10min};
  BoxGate gate{backoff};
  Now now{};
  const BoxGate::Box box{test::counting<FriendKey>(1), test::counting<protocol::NodeId>(3), {}, 7};
  const BoxGate::Box next_epoch{box.to, box.node, {}, 8};

  static BoxGate::Place place(std::uint64_t number) { return {number, test::counting<crypto::MessageId>(9)}; }
};

BOOST_FIXTURE_TEST_SUITE(box_gate, Gate)

BOOST_AUTO_TEST_CASE(a_box_that_turns_one_away_gets_one_at_a_time_and_seldom) {
  BOOST_TEST(gate.may_ask(box, now));
  gate.turned_away(box, now, 0s);
  const SteadyTime first = gate.next_deadline();
  gate.turned_away(box, now, 0s);  // of the same time
  BOOST_TEST((gate.next_deadline() == first));
  BOOST_TEST(!gate.may_ask(box, now));
  BOOST_TEST(gate.may_ask(next_epoch, now));
  BOOST_TEST(!gate.pop_due(now).has_value());
  now.steady = first;
  BOOST_TEST((gate.pop_due(now) == box));
  BOOST_TEST(gate.may_ask(box, now));
  gate.ask(box);
  BOOST_TEST(!gate.may_ask(box, now));
  gate.turned_away(box, now, 0s);
  BOOST_TEST((gate.next_deadline() >= now.steady + 10s));
}

BOOST_AUTO_TEST_CASE(those_who_waited_are_let_in_in_their_order) {
  gate.turned_away(box, now, 0s);
  gate.wait(box, place(2));
  gate.wait(box, place(1));
  gate.took(box);
  BOOST_TEST(!gate.is_closed(box));
  BOOST_TEST((gate.pop_waiting(box) == place(1)));
  BOOST_TEST((gate.pop_waiting(box) == place(2)));
  BOOST_TEST(!gate.pop_waiting(box).has_value());
  gate.turned_away(box, now, 0s);  // it is full again, at the same time
  BOOST_TEST(!gate.may_ask(box, now));
}

BOOST_AUTO_TEST_CASE(what_was_given_up_does_not_keep_a_box_closed) {
  gate.turned_away(box, now, 0s);
  now.steady = gate.next_deadline();
  gate.ask(box);
  gate.ask_another(box, now);
  BOOST_TEST((gate.pop_due(now) == box));
  BOOST_TEST(gate.may_ask(box, now));
  BOOST_TEST(gate.is_closed(box));
}

BOOST_AUTO_TEST_CASE(closed_boxes_are_forgotten_with_the_friend_and_when_nobody_waits) {
  gate.turned_away(box, now, 0s);
  now.steady = gate.next_deadline();
  gate.turned_away(next_epoch, now, 0s);
  BOOST_TEST(!gate.is_closed(box));
  BOOST_TEST(gate.is_closed(next_epoch));
  gate.forget(box.to);
  BOOST_TEST(!gate.is_closed(next_epoch));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
