// SPDX-License-Identifier: GPL-3.0-or-later
#include "hand_recipient.hpp"

// "Cancelled" is said only of what nobody can be shown any longer (docs/protocol.md, section 6).

namespace toxasync::test {

BOOST_FIXTURE_TEST_SUITE(attack_cancelled, HandRecipient)

BOOST_AUTO_TEST_CASE(after_the_installation_was_replaced) {
  const auto id = send("never mind");
  BOOST_REQUIRE(run(1min, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  give_installation(100, 99, {1});
  run(1min);
  BOOST_TEST(readable() == 2U);  // for the one that was replaced, and for its successor
  BOOST_TEST(bob.manager->cancel(id).has_value());
  BOOST_TEST(run(1h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 0U);
}

BOOST_AUTO_TEST_CASE(after_replacements_and_a_restart_of_the_sender) {
  const auto id = send("never mind");
  run(1min);
  give_installation(100, 99, {1});
  run(1min);
  restart_bob();
  run(1min);
  give_installation(101, 100, {2});
  run(1min);
  restart_bob();
  BOOST_TEST(readable() == 3U);
  BOOST_TEST(bob.manager->cancel(id).has_value());
  BOOST_TEST(run(1h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 0U);
  BOOST_TEST(bob.rows('X') == 0U);
}

BOOST_AUTO_TEST_CASE(not_while_a_node_of_a_replaced_installation_is_silent) {
  const auto id = send("never mind");
  run(1min);
  give_installation(100, 99, {1});
  run(1min);
  nodes[0]->switch_off();
  BOOST_TEST(bob.manager->cancel(id).has_value());
  run(1h);
  BOOST_TEST(!cancelled(id));
  restart_bob();
  run(1h);
  BOOST_TEST(!cancelled(id));
  nodes[0]->switch_on();
  BOOST_TEST(run(2h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 0U);
}

BOOST_AUTO_TEST_CASE(too_late_when_a_replaced_installation_got_it_live) {
  eve.come();
  const auto id = send("gone");
  run(5s);
  eve.go();
  give_installation(100, 99, {1});
  run(1min);
  BOOST_TEST(!bob.manager->cancel(id).has_value());
  restart_bob();
  run(1min);
  BOOST_TEST(!bob.manager->cancel(id).has_value());
  run(1h);
  BOOST_TEST(!cancelled(id));
}

/// The node has it, but its answer is lost, and then it is home no longer.
struct LostAnswer : HandRecipient {
  LostAnswer() {
    network.set_filter([&](const auto& packet) { return lossy && packet.from == nodes[0]->endpoint; });
    run(1min);
    send("before");  // the node knows her
    run(10s);
    lossy = true;
    id = send("never mind");
    run(1min);
    give_installation(99, 0, {1});
    run(1min);
    lossy = false;
    BOOST_TEST(bob.told(id).ends_with("stored:1/1"), bob.told(id));
  }
  bool lossy = false;
  crypto::MessageId id{};
};

BOOST_FIXTURE_TEST_CASE(after_a_lost_answer_of_a_node_given_up, LostAnswer) {
  BOOST_TEST(readable() == 4U);
  BOOST_TEST(bob.manager->cancel(id).has_value());
  BOOST_TEST(run(1h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 2U);  // the one before
}

BOOST_FIXTURE_TEST_CASE(after_a_lost_answer_and_a_restart, LostAnswer) {
  restart_bob();
  run(1min);
  BOOST_TEST(bob.manager->cancel(id).has_value());
  BOOST_TEST(run(1h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 2U);
}

BOOST_FIXTURE_TEST_CASE(not_while_the_node_given_up_is_silent, LostAnswer) {
  nodes[0]->switch_off();
  BOOST_TEST(bob.manager->cancel(id).has_value());
  run(3h);
  BOOST_TEST(!cancelled(id));
  BOOST_TEST(run(24h, [&] { return bob.told(id).ends_with("expired"); }));
  BOOST_TEST(!cancelled(id));
}

BOOST_AUTO_TEST_CASE(after_days_of_sealing_again_for_a_dead_home_node) {
  give_installation(99, 0, {0, 1});
  nodes[1]->switch_off();
  const auto id = send("never mind", days(3));
  run(40h);
  restart_bob();
  run(20h);
  nodes[1]->switch_on();
  BOOST_TEST(readable() >= 1U);
  BOOST_TEST(bob.manager->cancel(id).has_value());
  BOOST_TEST(run(12h, [&] { return cancelled(id); }));
  BOOST_TEST(readable() == 0U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_remembered_cannot_be_cancelled) {
  const auto id = send("never mind");
  run(1min);
  for (std::uint64_t i = 0; i < 100; ++i) {  // each within the rules
    give_installation(100 + i, 99 + i, {i % 3});
    run(i == 50 ? milliseconds(6h) : 10s);  // in one epoch, bundles would fill the box
  }
  BOOST_TEST(bob[Counter::messages_beyond_recall] == 1U);
  BOOST_TEST((bob.manager->cancel(id).error() == manager::CancelError::too_late));
  restart_bob();
  run(1s);
  BOOST_TEST((bob.manager->cancel(id).error() == manager::CancelError::too_late));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
