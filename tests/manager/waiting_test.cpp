// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"
#include "manager/inbox/inbox.hpp"

// The application does not take what it is offered.

namespace toxasync::test {

namespace {

using Texts = std::vector<std::string>;

/// An application that takes no messages, and a friend who sends some.
struct WaitingWorld : HandWorld {
  WaitingWorld() { bob.takes_messages = false; }
  void send(std::initializer_list<const char*> texts) {
    for (const auto* text : texts) {
      eve.send({.text = text, .sequence = ++sent});
    }
    run(5s);
  }
  std::uint64_t sent = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_waiting)

BOOST_FIXTURE_TEST_CASE(a_message_that_is_not_accepted_stays_and_is_offered_again, WaitingWorld) {
  send({"one", "two"});
  BOOST_TEST(bob.refusals > 1);
  BOOST_TEST(bob.rows('I') == 2);
  BOOST_TEST(eve.take_receipts().empty());  // nothing is confirmed before it was shown
  BOOST_TEST(bob[Counter::messages_delivered] == 0);
  bob.takes_messages = true;
  BOOST_TEST(run(manager::DeliveryOrder::offer_again + 10ms, [&] { return bob.shown.size() == 2; }));
  run(1s);
  BOOST_TEST(bob.texts() == (Texts{"one", "two"}), boost::test_tools::per_element());
  BOOST_TEST(std::ranges::none_of(bob.shown, &manager::ReceivedMessage::late));
  BOOST_TEST(bob[Counter::messages_delivered] == 2);
  BOOST_TEST(eve.take_receipts().size() == 2);
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(messages_not_accepted_survive_a_restart_in_order, WaitingWorld) {
  send({"one", "two"});
  bob.crash();
  bob.start();
  run(1s);
  BOOST_TEST(bob.shown.empty());
  eve.come();
  send({"three"});
  bob.crash();
  bob.takes_messages = true;
  bob.start();
  run(1s);
  BOOST_TEST(bob.texts() == (Texts{"one", "two", "three"}), boost::test_tools::per_element());
  BOOST_TEST(std::ranges::none_of(bob.shown, &manager::ReceivedMessage::late));
  bob.crash();
  bob.start();
  run(1s);
  BOOST_TEST(bob.shown.size() == 3);
}

BOOST_FIXTURE_TEST_CASE(an_application_that_accepts_nothing_is_asked_at_a_low_rate, WaitingWorld) {
  send({"one", "two"});
  run(1min);  // the polls have found their pace
  const auto refusals = bob.refusals;
  const auto ticks_before = ticks;
  run(10s);
  const auto offers = static_cast<std::size_t>(10s / manager::DeliveryOrder::offer_again);
  BOOST_TEST(bob.refusals - refusals <= offers + 1);
  BOOST_TEST(bob.refusals - refusals >= offers - 1);
  BOOST_TEST(ticks - ticks_before < 4 * offers);
}

BOOST_FIXTURE_TEST_CASE(waiting_mail_of_a_removed_friend_is_dropped, WaitingWorld) {
  send({"one", "two"});
  HandFriend mallory(*this, bob, 666);
  mallory.take_bundle();
  mallory.send({.text = "other"});
  run(1s);
  bob.friends.erase(eve.key());
  bob.manager->on_friend_removed(eve.key());
  bob.takes_messages = true;
  run(1s);
  BOOST_TEST(bob.texts() == Texts{"other"}, boost::test_tools::per_element());
  BOOST_TEST(bob[Counter::messages_dropped] == 2);
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(a_friend_removed_while_a_message_is_refused_leaves_nothing, WaitingWorld) {
  bob.inside_on_message = [&](const auto& message) {
    bob.friends.erase(message.from);
    bob.manager->on_friend_removed(message.from);
  };
  send({"one", "two"});
  BOOST_TEST(bob.refusals == 1);
  BOOST_TEST(bob[Counter::messages_dropped] == 2);
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(when_too_many_wait_the_rest_stays_on_nodes, WaitingWorld) {
  constexpr std::size_t most = manager::DeliveryOrder::messages_waiting.each;
  const auto next = [&] {
    return eve.seal({.text = "x", .sequence = ++sent, .floor = sent, .pre_key = eve.bundle.last_resort});
  };
  for (std::size_t i = 0; i < most; ++i) {
    eve.give(protocol::FriendPacketType::envelope, next().live);
  }
  run(1s);
  const auto live = next();
  const auto stored = next();
  eve.give(protocol::FriendPacketType::envelope, live.live);
  eve.store(*nodes[0], stored);
  const auto confirmed = [&](const HandFriend::Sealed& sealed) {
    return std::ranges::count(eve.take_receipts(), sealed.id) != 0;
  };
  run(10s);
  run(5min);
  const auto listed = nodes[0]->metrics.value(Counter::node_listed);
  run(15min);
  BOOST_TEST(bob.rows('I') == most);
  BOOST_TEST(bob[Counter::refused_friend_share] == 2);
  BOOST_TEST(nodes[0]->metrics.value(Counter::node_listed) == listed);  // it is not fetched again
  BOOST_TEST(live_records() == 1);
  BOOST_TEST(!confirmed(live));
  bob.takes_messages = true;
  BOOST_TEST(run(5min, [&] { return live_records() == 0; }));
  BOOST_TEST(run(1s, [&] { return confirmed(stored); }));
  BOOST_TEST(bob.shown.size() == most + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
