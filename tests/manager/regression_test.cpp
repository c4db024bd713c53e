// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

// Faults that tests/sim/ found, as small as possible.

namespace toxasync::test {

BOOST_AUTO_TEST_SUITE(manager_regressions)

BOOST_FIXTURE_TEST_CASE(a_friend_added_again_gives_keys_at_the_next_meeting, Pair) {
  unfriend(alice, bob);
  alice.friends.insert(bob.key);
  alice.manager->on_friend_added(bob.key);
  meet(alice, bob, 10s);
  BOOST_TEST(alice.manager->friend_ready(bob.key));
}

BOOST_FIXTURE_TEST_CASE(the_end_of_a_message_is_reported_after_a_crash_before_it, Pair) {
  connect(alice, bob);
  const auto id = alice.send(bob, "live");
  after_event = [&] {
    if (alice[Counter::receipts_received] == 1) {  // the packet was handled; the next tick would tell
      after_event = nullptr;
      alice.crash();
      alice.start();
    }
  };
  run(5s);
  connect(alice, bob);
  run(days(2));
  BOOST_TEST(bob.shown.size() == 1U);
  BOOST_TEST(alice.told(id).ends_with("delivered"), alice.told(id));
}

BOOST_FIXTURE_TEST_CASE(a_sender_with_a_restored_state_works_after_a_meeting, Pair) {
  const auto old = alice.state->crash_copy();
  bob.crash();
  for (int i = 0; i < 3; ++i) {
    alice.send(bob, "before");
  }
  run(10s);
  bob.start();
  run(10s);
  alice.crash();
  alice.state = old->crash_copy();
  alice.start();
  meet(alice, bob, 10s);
  bob.crash();
  const auto id = alice.send(bob, "after");  // with the key of the first of the three
  run(10s);
  bob.start();
  run(10min);
  meet(alice, bob, 10s);
  BOOST_TEST(bob.shown.size() == 4U, alice.told(id));
}

BOOST_FIXTURE_TEST_CASE(a_recipient_with_a_restored_state_works_after_a_meeting, Pair) {
  const auto old = bob.state->crash_copy();
  for (int i = 0; i < 80; ++i) {  // so many that bob gives new keys, which the copy does not know
    alice.send(bob, "before");
  }
  BOOST_TEST_REQUIRE(run(10min, [&] { return bob.shown.size() == 80; }));
  meet(alice, bob, 10s);
  bob.crash();
  bob.state = old->crash_copy();
  bob.start();
  meet(alice, bob, 10s);
  bob.crash();
  bob.shown.clear();
  for (int i = 0; i < 30; ++i) {
    alice.send(bob, "after");
  }
  run(1min);
  bob.start();
  run(10min);
  meet(alice, bob, 10s);
  run(10min);
  const auto after = std::ranges::count_if(bob.shown, [](const auto& message) {
    return message.text == Bytes{'a', 'f', 't', 'e', 'r'};
  });
  BOOST_TEST(after == 30);
}

// A message that was sealed again (after a nack, or for another installation) may come twice, with two keys.
BOOST_FIXTURE_TEST_CASE(a_copy_with_another_one_time_key_uses_that_key_up_too, HandWorld) {
  const auto first = eve.send({.text = "once"});
  run(1s);
  eve.send({.text = "once", .id = first.id});
  run(1s);
  BOOST_TEST(bob.shown.size() == 1U);
  BOOST_TEST(bob.rows('K') == 98U);  // else the copy can be opened by whoever steals the key later
}

/// Loses all state, as by a new installation.
void begin_anew(World& world, User& whose) {
  whose.crash();
  whose.state = std::make_unique<store::MemoryState>();
  whose.start();
  world.give_nodes(whose);
}

BOOST_FIXTURE_TEST_CASE(a_new_installation_of_a_friend_is_given_one_time_keys, Pair) {
  run(days(8));  // the last-resort keys are replaced
  meet(alice, bob, 1min);
  begin_anew(*this, alice);
  meet(alice, bob, 3min);
  const auto held = bob.rows('K');
  alice.send(bob, "with a one-time key");
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(bob.rows('K') == held - 1);
}

// What the device that is gone has not used is of no use to the one that is there.
BOOST_FIXTURE_TEST_CASE(a_new_installation_that_used_its_keys_up_is_given_more, Pair) {
  meet(alice, bob, 1min);
  begin_anew(*this, alice);
  meet(alice, bob, 3min);
  for (int i = 0; i < 120; ++i) {
    alice.send(bob, "one of many");
  }
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 120; }));
  run(1h);
  const auto held = bob.rows('K');
  alice.send(bob, "with a one-time key");
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 121; }));
  BOOST_TEST(bob.rows('K') == held - 1);
}

BOOST_FIXTURE_TEST_CASE(every_version_of_a_bundle_brings_one_time_keys, Pair) {
  meet(alice, bob, 1min);
  const auto held = bob.rows('K');
  run(days(8));  // the last-resort keys are replaced
  meet(alice, bob, 1min);
  BOOST_TEST(bob.rows('K') == held + 40);
}

/// Of bob, more than there is room for the keys of. Alice takes them if she is there.
void make_many_bundles(Pair& world) {
  const auto node = world.nodes.back()->known();
  for (int i = 0; i < 14; ++i) {
    BOOST_TEST_REQUIRE((i % 2 == 0 ? world.bob.manager->remove_home_node(node.id).has_value()
                                   : world.bob.manager->add_home_node(node).has_value()));
    world.meet(world.alice, world.bob, 1min);
  }
}

BOOST_FIXTURE_TEST_CASE(after_very_many_bundles_there_are_one_time_keys_for_a_new_installation, Pair) {
  make_many_bundles(*this);
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held);
  begin_anew(*this, alice);
  meet(alice, bob, 3min);
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held);
  for (int i = 0; i < 10; ++i) {
    alice.send(bob, "with a one-time key");
  }
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 10; }));
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held - 10);
}

// They are kept for two weeks longer than they are used.
BOOST_FIXTURE_TEST_CASE(keys_that_are_over_take_no_room_from_new_ones, Pair) {
  make_many_bundles(*this);
  bob.crash();
  alice.crash();
  run(days(29));
  bob.start();
  alice.start();
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held);
  meet(alice, bob, 3min);
  const auto held = bob.rows('K');
  alice.send(bob, "with a one-time key");
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(bob.rows('K') == held - 1);
}

// The first device is away, and the second one has none.
BOOST_FIXTURE_TEST_CASE(what_a_device_took_goes_last_when_another_one_needs_keys, Pair) {
  alice.crash();
  make_many_bundles(*this);
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held);
  auto first_device = alice.state->crash_copy();
  begin_anew(*this, alice);
  meet(alice, bob, 3min);
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held);
  alice.crash();
  alice.state = std::move(first_device);
  alice.start();
  for (int i = 0; i < 10; ++i) {
    alice.send(bob, "with the first keys");
  }
  BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() == 10; }));
  BOOST_TEST(bob[Counter::nacks_sent] == 0U);
  BOOST_TEST(bob.rows('K') == manager::FriendBook::keys_held - 10);
}

// Alice has two devices, and so has bob. The first ones have met, and the second ones.
BOOST_FIXTURE_TEST_CASE(installations_that_meet_first_exchange_their_bundles, Pair) {
  const auto change = [this](User& whose, std::unique_ptr<store::MemoryState> disk) {
    whose.crash();
    auto old = std::exchange(whose.state, std::move(disk));
    whose.start();
    give_nodes(whose);
    return old;
  };
  auto first_of_alice = change(alice, std::make_unique<store::MemoryState>());
  (void)change(bob, std::make_unique<store::MemoryState>());
  meet(alice, bob, 1min);
  (void)change(alice, std::move(first_of_alice));
  meet(alice, bob, 3min);
  alice.send(bob, "to your second one");
  bob.send(alice, "to your first one");
  run(1h);
  BOOST_TEST(bob.shown.size() == 1U);
  BOOST_TEST(alice.shown.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(delivery_is_reported_once_when_an_installation_goes_away, HandWorld) {
  using protocol::FriendPacketType;
  const auto root = crypto::KeyPair::generate(eve.random());
  const auto give = [&](std::uint64_t version, crypto::Instance replaces) {
    auto head = eve.head(root, version, 0);
    head.replaces = replaces;
    eve.sign(head);
    eve.give(FriendPacketType::bundle_head, head);
    run(1s);
  };
  eve.instance = crypto::Instance{99};
  give(1, {});
  const auto id = *bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes("to both of yours"));
  run(1s);
  eve.instance = crypto::Instance{100};
  give(1, {});
  eve.give(FriendPacketType::receipt, protocol::LiveReceipt{crypto::Instance{100}, {id}});
  run(1s);
  BOOST_TEST(bob.told(id).ends_with("delivered"));
  give(2, crypto::Instance{99});  // the other one is no more
  BOOST_TEST(std::ranges::count_if(bob.states, [&](const auto& status) {
               return status.id == id && status.state == manager::MessageState::delivered;
             }) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_message_first_stored_then_sent_live_is_not_cancelled, Pair) {
  for (const auto& node : nodes) {
    node->switch_off();
  }
  const auto id = alice.send(bob, "seen");
  run(1s);
  friend_filter = [&](const FriendPacket& packet) { return packet.from == &bob; };  // bob's receipt is lost
  connect(alice, bob);
  BOOST_TEST(run(2s, [&] { return bob.shown.size() == 1; }));
  bob.crash();
  alice.crash();
  alice.start();
  BOOST_TEST(!alice.manager->cancel(id));
}

BOOST_FIXTURE_TEST_CASE(a_message_sent_live_is_not_cancelled_after_a_restart, Pair) {
  connect(alice, bob);
  friend_filter = [&](const FriendPacket& packet) { return packet.from == &bob; };  // bob's receipt is lost
  const auto id = alice.send(bob, "seen");
  BOOST_TEST(run(2s, [&] { return bob.shown.size() == 1; }));
  bob.crash();
  alice.crash();
  alice.start();
  BOOST_TEST(!alice.manager->cancel(id));  // at once, too
  run(100ms);
  BOOST_TEST(!alice.manager->cancel(id));
  run(1min);
  BOOST_TEST(alice.told(id).find("cancelled") == std::string::npos, alice.told(id));
}

// Both the copy and what it was copied from make the version after the last one.
BOOST_FIXTURE_TEST_CASE(a_bundle_of_a_restored_state_is_not_taken_for_an_older_one, Pair) {
  const auto other_home_node = [&](std::size_t place) {
    (void)alice.manager->remove_home_node(nodes[place]->known().id);
    run(1s);
  };
  const auto old = alice.state->crash_copy();
  connect(alice, bob);
  other_home_node(0);
  alice.crash();
  alice.state = old->crash_copy();
  alice.start();
  other_home_node(1);  // before they meet
  meet(alice, bob, 10s);
  const auto before = nodes[1]->metrics.value(Counter::node_stored);
  const auto id = bob.send(alice, "to the nodes that you have");
  run(10s);
  BOOST_TEST(bob.told(id).find("stored:2/2") != std::string::npos, bob.told(id));
  BOOST_TEST(nodes[1]->metrics.value(Counter::node_stored) == before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
