// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

namespace {

milliseconds to_next_epoch(const World& world) {
  const auto epoch = crypto::epoch_at(world.clock.unix_time()).value();
  return crypto::epoch_start(epoch + 1) - world.clock.now().wall;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_epoch)

BOOST_FIXTURE_TEST_CASE(a_message_of_a_past_epoch_is_sealed_again_and_shown_once, Pair) {
  bob.crash();
  nodes[2]->switch_off();
  const auto id = alice.send(bob, "resealed");
  run(3 * limits::epoch_length);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3");
  nodes[2]->switch_on();
  BOOST_TEST(run(30min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  alice.crash();
  bob.start();
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(run(10min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST((bob.shown[0].id == id));
}

BOOST_FIXTURE_TEST_CASE(a_message_resealed_while_offline_survives_a_restart, Pair) {
  bob.crash();
  for (const auto& node : nodes) {
    node->switch_off();
  }
  const auto id = alice.send(bob, std::string(2500, 'r'));
  run(2 * limits::epoch_length + 1min);
  alice.crash();
  alice.start();
  run(limits::epoch_length / 2);
  for (const auto& node : nodes) {
    node->switch_on();
  }
  BOOST_TEST(run(30min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(30s, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(polls_cover_the_epochs_before_and_after_now, HandWorld) {
  for (const int ahead : {-1, 0, 1}) {
    eve.store(*nodes[0], eve.seal({.sequence = 1, .epochs_ahead = ahead}));
  }
  BOOST_TEST(run(15min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.size() == 3);
}

BOOST_AUTO_TEST_CASE(mail_is_found_after_an_absence_of_two_weeks) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Pair world(seed);
      User& alice = world.alice;
      User& bob = world.bob;
      alice.crash();
      alice.config.ttl = limits::largest_time_to_live;
      alice.config.poll_interval = 24h;
      alice.config.cover = false;  // she would fetch it once a day
      alice.start();
      bob.crash();
      for (int day = 0; day < 13; ++day) {
        alice.send(bob, "day " + std::to_string(day));
        world.run(24h);
      }
      alice.crash();
      bob.start();
      BOOST_TEST(world.run(30min, [&] { return bob.shown.size() == 13; }));
      world.run(1h);
      // So many mailboxes at once are more than a node's rate limit serves. Being put off is no answer: the
      // gap is held.
      BOOST_TEST(std::ranges::count(bob.shown, true, &manager::ReceivedMessage::late) == 0);
      BOOST_TEST(world.emptied());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(an_epoch_is_polled_until_ten_minutes_after_the_next_one, HandWorld) {
  run(to_next_epoch(*this) + limits::epoch_length + 580s);  // now - 2 is not final yet
  eve.store(*nodes[0], eve.seal({.text = "in time", .epochs_ahead = -2}));
  BOOST_TEST(bob.shown.empty());
  bob.crash();
  bob.start();
  BOOST_TEST(run(15s, [&] { return bob.shown.size() == 1; }));
  run(30min);
  const auto rows = bob.rows('W');
  BOOST_TEST(rows == 3);
}

BOOST_FIXTURE_TEST_CASE(what_is_final_stays_final_over_a_restart, HandWorld) {
  run(to_next_epoch(*this) + limits::epoch_length + 10min + 5 * manager::Poller::longest_seldom + 10s);
  eve.store(*nodes[0], eve.seal({.epochs_ahead = -2}));
  eve.store(*nodes[0], eve.seal({.epochs_ahead = -3}));
  bob.crash();
  bob.start();
  run(30min);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(live_records() == 2);
}

BOOST_FIXTURE_TEST_CASE(an_epoch_is_not_final_while_the_node_was_not_reached, HandWorld) {
  nodes[0]->switch_off();
  run(to_next_epoch(*this) + 2 * limits::epoch_length);
  eve.store(*nodes[0], eve.seal({.epochs_ahead = -3}));
  nodes[0]->switch_on();
  BOOST_TEST(run(30min, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_clock_that_is_wrong_and_is_set_right_finds_the_mail_once, Pair) {
  bob.crash();
  alice.send(bob, "here");
  run(10s);
  alice.crash();
  bob.clock.ahead = 100 * limits::epoch_length;
  bob.start();
  BOOST_TEST(run(15s, [&] { return bob.shown.size() == 1; }));
  bob.clock.ahead = 0ms;
  run(15min);
  BOOST_TEST(bob.shown.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(seen_ids_are_remembered_over_a_restart_and_for_weeks, HandWorld) {
  const auto sealed = eve.send({.pre_key = eve.bundle.last_resort});
  run(1s);
  bob.crash();
  run(days(10));
  bob.start();
  eve.come();
  eve.store(*nodes[0], eve.seal({.id = sealed.id, .pre_key = sealed.pre_key}));
  BOOST_TEST(run(15min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_removed_home_node_is_polled_while_friends_may_use_it, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "to the old node");
  run(5s);
  BOOST_TEST(alice.told(id).ends_with("stored:3/3"));
  alice.crash();
  nodes[1]->switch_off();
  nodes[2]->switch_off();
  bob.start();
  (void)bob.manager->remove_home_node(nodes[0]->keys.id());
  bob.crash();
  bob.start();
  BOOST_TEST(bob.manager->home_nodes().size() == 2);
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
