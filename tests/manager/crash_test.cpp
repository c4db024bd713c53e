// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

namespace {

using Texts = std::vector<std::string>;

Texts mixed_texts() {
  return {"one", std::string(2500, 'p'), "three", "four"};
}

/// A disk that is slow: what is committed becomes durable only at every `events`-th event.
void slow_disk(World& world, User& user, unsigned events) {
  user.state->hold_commits(true);
  world.after_event = [&user, events, inner = world.after_event, count = 0U]() mutable {
    if (++count % events == 0 && user.running()) {
      user.state->hold_commits(false);
      user.state->hold_commits(true);
    }
    if (inner) {
      inner();
    }
  };
}

/// Each text, in order, with copies of one message counted once: the ids of copies are the same.
Texts without_repeats(const User& user) {
  Texts texts;
  std::set<crypto::MessageId> ids;
  for (const auto& message : user.shown) {
    if (ids.insert(message.id).second) {
      texts.emplace_back(message.text.begin(), message.text.end());
    }
  }
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_crash)

BOOST_FIXTURE_TEST_CASE(a_queued_message_survives_a_crash_before_its_first_packet, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "survivor");
  BOOST_TEST(run(10s, [&] { return alice.told(id) == "queued"; }));
  BOOST_TEST(live_records() == 0);
  alice.crash();
  alice.start();
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST((bob.shown[0].id == id));
}

BOOST_FIXTURE_TEST_CASE(nothing_leaves_before_it_is_on_disk, Pair) {
  bob.crash();
  alice.state->hold_commits(true);
  const auto id = alice.send(bob, "patience");
  run(10s);
  alice.manager->on_friend_presence(bob.key, true);  // each is an occasion to send it
  run(20s);
  alice.manager->on_friend_presence(bob.key, false);
  run(10s);
  BOOST_TEST(alice[Counter::live_sent] == 0);
  BOOST_TEST(alice.told(id).empty());
  BOOST_TEST(live_records() == 0);
  alice.state->hold_commits(false);
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
}

BOOST_AUTO_TEST_CASE(a_sender_crash_at_any_step_delivers_each_message_once) {
  for (unsigned k = 1; k <= 60; ++k) {
    BOOST_TEST_CONTEXT("crash after event " << k) {
      Pair world(k);
      world.bob.crash();
      std::set<crypto::MessageId> queued;
      for (const auto& text : mixed_texts()) {
        world.alice.send(world.bob, text);
      }
      crash_after(world, world.alice, k);
      world.run(1min);
      world.after_event = nullptr;
      for (const auto& status : world.alice.states) {
        queued.insert(status.id);
      }
      world.bob.start();
      world.run(2min);
      std::set<crypto::MessageId> shown;
      for (const auto& message : world.bob.shown) {
        BOOST_TEST(shown.insert(message.id).second);
      }
      BOOST_TEST(std::ranges::includes(shown, queued));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_recipient_who_crashes_at_any_step_sees_each_message_once) {
  for (unsigned k = 1; k <= 90; ++k) {
    BOOST_TEST_CONTEXT("crash after event " << k) {
      Pair world(k, 2);
      world.bob.crash();
      for (const auto& text : mixed_texts()) {
        world.alice.send(world.bob, text);
      }
      world.run(10s);
      world.alice.crash();
      world.bob.config.receipt_delay = 10s;
      world.bob.start();
      crash_after(world, world.bob, k);
      world.run(150s);
      BOOST_TEST(world.bob.texts() == mixed_texts(), boost::test_tools::per_element());
      world.alice.start();  // for her receipts; the two do not meet
      BOOST_TEST(world.run(1h, [&] { return world.alice.manager->outbox_size() == 0; }));
      BOOST_TEST(world.alice[Counter::messages_confirmed] == mixed_texts().size());
      BOOST_TEST(world.run(1h, [&] { return world.live_records() == 0; }));
    }
  }
}

BOOST_AUTO_TEST_CASE(with_a_slow_disk_a_crash_at_any_step_loses_nothing) {
  for (unsigned k = 1; k <= 90; ++k) {
    BOOST_TEST_CONTEXT("crash after event " << k) {
      Pair world(k, 1);  // one node: what it deletes too early is lost
      world.bob.crash();
      for (const auto& text : mixed_texts()) {
        world.alice.send(world.bob, text);
      }
      world.run(10s);
      world.alice.crash();
      world.bob.start();
      crash_after(world, world.bob, k);
      slow_disk(world, world.bob, 7);
      world.run(5min);
      world.bob.state->hold_commits(false);
      world.run(5min);
      BOOST_TEST(without_repeats(world.bob) == mixed_texts(), boost::test_tools::per_element());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_crash_in_the_callback_shows_the_message_again_with_its_id, Pair) {
  bob.crash();
  alice.send(bob, "one");
  alice.send(bob, "two");
  run(10s);
  bob.start();
  std::unique_ptr<store::MemoryState> at_crash;
  bob.inside_on_message = [&](const auto& /*message*/) {
    if (bob.shown.size() == 2) {
      at_crash = bob.state->crash_copy();
    }
  };
  BOOST_TEST_REQUIRE(run(10s, [&] { return bob.shown.size() == 2; }));
  bob.inside_on_message = nullptr;
  bob.crash();
  bob.state = std::move(at_crash);
  bob.start();
  run(5min);
  BOOST_TEST(bob.texts() == (Texts{"one", "two", "two"}), boost::test_tools::per_element());
  BOOST_TEST((bob.shown[1].id == bob.shown[2].id));
  BOOST_TEST(!bob.shown[2].late);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_shown_confirmed_or_deleted_before_it_is_on_disk, HandWorld) {
  bob.state->hold_commits(true);
  eve.store(*nodes[0], eve.seal({.sequence = 1}));
  eve.send({.sequence = 2});
  run(10min);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(eve.take_receipts().empty());
  BOOST_TEST(live_records() == 1);
  bob.state->hold_commits(false);
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 2 && live_records() == 0; }));
  run(1s);
  BOOST_TEST(eve.take_receipts().size() == 2);
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_fails_keeps_the_mail_on_the_node_until_it_works, HandWorld) {
  run(5s);
  const auto sealed = eve.seal({.text = "kept"});
  eve.store(*nodes[0], sealed);
  bob.state->fail_next(30);
  BOOST_TEST(run(15min, [&] { return bob[Counter::state_failed] > 0; }));
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(live_records() == 1);
  bob.state->fail_next(0);
  BOOST_TEST(run(15min, [&] { return bob.shown.size() == 1 && live_records() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(what_the_disk_refused_for_a_while_is_written_later, HandWorld) {
  eve.send({.text = "shown"});
  bob.inside_on_message = [&](const auto& /*message*/) { bob.state->fail_next(1); };
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
  run(5s);
  bob.crash();
  bob.start();
  run(10s);
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_AUTO_TEST_CASE(a_bundle_is_never_given_away_before_its_keys_are_on_disk) {
  for (unsigned k = 1; k <= 40; ++k) {
    BOOST_TEST_CONTEXT("crash after event " << k) {
      Pair world(k, 1, false);
      slow_disk(world, world.bob, 3);
      world.connect(world.alice, world.bob);
      world.run(50ms + 20ms * k);
      world.disconnect(world.alice, world.bob);
      world.connect(world.alice, world.bob);  // flapping while the bundle is on its way to the disk
      world.run(5ms * k);
      world.after_event = nullptr;
      world.bob.crash();
      if (!world.alice.manager->friend_ready(world.bob.key)) {
        continue;
      }
      world.alice.send(world.bob, "readable");
      world.run(10s);
      world.bob.start();
      BOOST_TEST(world.run(1min, [&] { return world.bob.shown.size() == 1; }));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_bundle_not_yet_on_disk_is_not_sent_at_a_new_connection, World) {
  User& bob = add_user();
  add_node();
  give_nodes(bob);
  run(1s);
  bob.state->hold_commits(true);  // also the bundle that is made to be left for her while she is away
  HandFriend eve(*this, bob);
  run(1s);
  for (int i = 0; i < 3; ++i) {
    eve.come();
    run(1s);
    eve.go();
  }
  eve.come();
  run(1s);
  BOOST_TEST(by_hand[eve.key()].empty());
  bob.state->hold_commits(false);
  run(1s);
  BOOST_TEST(by_hand[eve.key()].size() == 1);
}

BOOST_FIXTURE_TEST_CASE(completions_that_come_after_the_manager_ended_are_harmless, Pair) {
  bob.state->hold_completions(true);
  bob.send(alice, "x");
  bob.manager.reset();
  bob.state->hold_completions(false);
  bob.state->poll();
  bob.start();
  run(1s);
  BOOST_TEST(bob.manager->outbox_size() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
