// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "unit/manager_world.hpp"

// What tests/model/ found.

namespace toxasync::test {

BOOST_AUTO_TEST_SUITE(manager_found)

BOOST_FIXTURE_TEST_CASE(who_removes_a_friend_and_adds_him_again_gets_his_keys_at_the_next_meeting, Pair) {
  unfriend(alice, bob);
  alice.friends.insert(bob.key);
  alice.manager->on_friend_added(bob.key);
  meet(alice, bob, 10'000);
  BOOST_TEST(alice.manager->friend_ready(bob.key));
}

BOOST_FIXTURE_TEST_CASE(the_end_of_a_message_is_told_though_the_program_crashes_before_it_could_be, Pair) {
  connect(alice, bob);
  const auto id = alice.send(bob, "live");
  after_event = [&] {
    if (alice[Counter::receipts_received] == 1) {  // the packet was handled; the next tick would tell
      after_event = nullptr;
      alice.crash();
      alice.start();
    }
  };
  run(5000);
  connect(alice, bob);
  run(std::int64_t{2} * 86'400'000);
  BOOST_TEST(bob.shown.size() == 1U);
  BOOST_TEST(alice.told(id).ends_with("delivered"), alice.told(id));
}

BOOST_FIXTURE_TEST_CASE(a_sender_whose_state_is_an_old_copy_reaches_his_friend_again_after_a_meeting, Pair) {
  const auto old = alice.state->crash_copy();
  bob.crash();
  for (int i = 0; i < 3; ++i) {
    alice.send(bob, "before");
  }
  run(10'000);
  bob.start();
  run(10'000);
  alice.crash();
  alice.state = old->crash_copy();
  alice.start();
  meet(alice, bob, 10'000);
  bob.crash();
  const auto id = alice.send(bob, "after");  // with the key of the first of the three
  run(10'000);
  bob.start();
  run(600'000);
  meet(alice, bob, 10'000);
  BOOST_TEST(bob.shown.size() == 4U, alice.told(id));
}

BOOST_FIXTURE_TEST_CASE(a_recipient_whose_state_is_an_old_copy_can_be_written_to_after_a_meeting, Pair) {
  const auto old = bob.state->crash_copy();
  for (int i = 0; i < 80; ++i) {  // so many that bob gives new keys, which the copy does not know
    alice.send(bob, "before");
  }
  run(600'000, [&] { return bob.shown.size() == 80; });
  meet(alice, bob, 10'000);
  bob.crash();
  bob.state = old->crash_copy();
  bob.start();
  meet(alice, bob, 10'000);
  bob.crash();
  bob.shown.clear();
  for (int i = 0; i < 30; ++i) {
    alice.send(bob, "after");
  }
  run(60'000);
  bob.start();
  run(600'000);
  meet(alice, bob, 10'000);
  run(600'000);
  const auto after = std::ranges::count_if(bob.shown, [](const auto& message) {
    return message.text == Bytes{'a', 'f', 't', 'e', 'r'};
  });
  BOOST_TEST(after == 30);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
