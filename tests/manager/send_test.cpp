// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

using manager::SendError;

namespace {

SendError error_of(User& from, const manager::FriendKey& to, std::string_view text) {
  return from.manager->send(to, crypto::MessageKind::normal, as_bytes(text)).error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_send)

BOOST_FIXTURE_TEST_CASE(what_cannot_be_sent_is_refused_with_its_reason, Pair) {
  User& stranger = add_user();
  User& new_friend = add_user();
  befriend(alice, new_friend);
  BOOST_TEST(error_of(alice, stranger.key, "x") == SendError::unknown_friend);
  BOOST_TEST(error_of(alice, new_friend.key, "x") == SendError::no_bundle);
  BOOST_TEST(error_of(alice, bob.key, "") == SendError::empty);
  BOOST_TEST(error_of(alice, bob.key, std::string(limits::message_text + 1, 'x')) == SendError::too_long);
  for (const std::string_view bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82"}) {
    BOOST_TEST(error_of(alice, bob.key, bad) == SendError::not_utf8);
  }
  BOOST_TEST(alice.manager->outbox_size() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_full_outbox_refuses_and_keeps_what_it_has, Pair) {
  alice.crash();
  alice.config.outbox_messages = 2;
  alice.start();
  alice.send(bob, "1");
  alice.send(bob, "2");
  BOOST_TEST(error_of(alice, bob.key, "3") == SendError::outbox_full);
  bob.manager->tick();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 2; }));
}

BOOST_FIXTURE_TEST_CASE(a_message_that_nobody_fetches_expires, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "too late");
  run(5s);
  run(24h + limits::clocks_apart - 6s);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
  run(2s);
  BOOST_TEST(alice.told(id).ends_with("stored:3/3 expired"));
  BOOST_TEST(alice.manager->outbox_size() == 0);
  BOOST_TEST(alice.rows('O') + alice.rows('C') == 0);
}

BOOST_FIXTURE_TEST_CASE(a_failing_disk_fails_the_message_and_works_again_later, Pair) {
  bob.crash();
  alice.state->fail_next(1);
  const auto lost = alice.send(bob, "never accepted");
  run(1s);
  BOOST_TEST(alice.told(lost) == "failed");
  BOOST_TEST(alice.manager->outbox_size() == 0);
  BOOST_TEST(live_records() == 0);
  const auto kept = alice.send(bob, "accepted");
  BOOST_TEST(run(10s, [&] { return alice.told(kept).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(bob.texts() == std::vector<std::string>{"accepted"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(messages_to_a_removed_friend_fail, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "farewell");
  run(5s);
  alice.friends.erase(bob.key);
  alice.manager->on_friend_removed(bob.key);
  run(1s);
  BOOST_TEST(alice.told(id).ends_with("failed"));
  BOOST_TEST(error_of(alice, bob.key, "x") == SendError::unknown_friend);
  for (const char table : {'O', 'C', 'F', 'T', 'K', 'Q'}) {
    BOOST_TEST(alice.rows(table) == 0);
  }
}

BOOST_FIXTURE_TEST_CASE(a_friend_removed_while_the_program_did_not_run_is_forgotten, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "to nobody");
  run(5s);
  alice.crash();
  alice.friends.erase(bob.key);
  alice.start();
  run(2h + 10s);
  BOOST_TEST(alice.told(id).ends_with("failed"));
  BOOST_TEST(alice.rows('O') + alice.rows('F') + alice.rows('K') == 0);
}

BOOST_FIXTURE_TEST_CASE(the_application_is_never_called_from_inside_its_own_call, Pair) {
  bob.crash();
  alice.send(bob, "x");
  run(5s);
  const auto told = alice.states.size();
  alice.manager->on_friend_removed(bob.key);
  BOOST_TEST(alice.states.size() == told);
  BOOST_TEST(alice.manager->next_deadline() <= clock.steady());
  run(10ms);
  BOOST_TEST(alice.states.size() == told + 1);
}

BOOST_FIXTURE_TEST_CASE(the_application_may_do_anything_inside_its_callbacks, Pair) {
  bob.crash();
  for (int i = 0; i < 4; ++i) {
    alice.send(bob, "message");
  }
  run(5s);
  bob.inside_on_message = [&](const auto& /*message*/) {
    if (bob.shown.size() == 1) {
      (void)bob.manager->send(alice.key, crypto::MessageKind::normal, as_bytes("answer"));
    } else if (bob.shown.size() == 2) {
      bob.friends.erase(alice.key);
      bob.manager->on_friend_removed(alice.key);
    }
    bob.manager->tick();
  };
  bob.start();
  run(1min);
  BOOST_TEST(bob.shown.size() == 2);
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(a_thousand_friends_cost_nothing_while_nothing_happens, Pair) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    alice.manager->on_friend_added(crypto::KeyPair::generate(*alice.random).friend_key());
  }
  run(10s);
  const auto ticks_before = ticks;
  const auto frames = alice[Counter::client_requests];
  for (int i = 0; i < 1000; ++i) {
    alice.manager->tick();
  }
  BOOST_TEST(alice[Counter::client_requests] == frames);
  BOOST_TEST(alice.manager->next_deadline() > clock.steady());
  run(10min);
  BOOST_TEST(ticks - ticks_before < 2000);  // both users, polls included
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
