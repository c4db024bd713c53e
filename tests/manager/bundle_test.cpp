// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

using protocol::FriendPacketType;

BOOST_AUTO_TEST_SUITE(manager_bundle)

BOOST_AUTO_TEST_CASE(two_friends_exchange_bundles_when_both_are_online) {
  Pair world(1, 3, false);
  world.keep_friend_log = true;
  BOOST_TEST(!world.alice.manager->friend_ready(world.bob.key));
  world.meet(world.alice, world.bob);
  BOOST_TEST(world.alice.manager->friend_ready(world.bob.key));
  BOOST_TEST(world.bob.manager->friend_ready(world.alice.key));
  BOOST_TEST(!world.alice.ready.empty());
  BOOST_TEST(!world.friend_log.empty());
  for (const auto& packet : world.friend_log) {
    BOOST_TEST(packet.bytes.size() <= limits::friend_packet);
  }
}

BOOST_FIXTURE_TEST_CASE(a_bundle_that_was_acknowledged_is_not_sent_again, Pair) {
  const auto sent = alice[Counter::bundles_sent];
  meet(alice, bob);
  BOOST_TEST(alice[Counter::bundles_sent] == sent);
}

BOOST_AUTO_TEST_CASE(an_exchange_that_was_cut_off_is_taken_up_at_the_next_meeting) {
  for (unsigned cut_ms = 1; cut_ms < 400; cut_ms += 13) {
    Pair world(cut_ms, 1, false);
    world.meet(world.alice, world.bob, milliseconds(cut_ms));
    world.meet(world.alice, world.bob);
    BOOST_TEST(world.alice.manager->friend_ready(world.bob.key));
    BOOST_TEST(world.bob.manager->friend_ready(world.alice.key));
    world.bob.crash();
    for (int i = 0; i < 5; ++i) {
      world.alice.send(world.bob, "after a cut");
    }
    world.run(10s);
    world.bob.start();
    BOOST_TEST(world.run(1min, [&] { return world.bob.shown.size() == 5; }));
  }
}

BOOST_AUTO_TEST_CASE(without_home_nodes_there_is_no_bundle) {
  World world;
  User& alice = world.add_user();
  User& bob = world.add_user();
  world.befriend(alice, bob);
  world.meet(alice, bob);
  BOOST_TEST(!alice.manager->friend_ready(bob.key));
  BOOST_TEST(alice[Counter::bundles_sent] == 0);
}

BOOST_FIXTURE_TEST_CASE(a_new_home_node_is_sent_to_friends_who_are_online, HandWorld) {
  StorageNode& fourth = add_node();
  BOOST_TEST(bob.manager->add_home_node(fourth.known()).has_value());
  run(1s);
  eve.take_what_came();
  BOOST_TEST(eve.bundle.home_nodes.size() == 4);
}

BOOST_FIXTURE_TEST_CASE(only_a_friend_who_answers_is_given_one_time_keys, World) {
  User& bob = add_user();
  add_node();
  give_nodes(bob);
  HandFriend mute(*this, bob);
  mute.come();
  run(2s);
  const auto heads = mute.take<protocol::BundleHead>(FriendPacketType::bundle_head);
  BOOST_REQUIRE(heads.size() == 1);
  BOOST_TEST(heads[0].one_time_count == 0);
  BOOST_TEST(bob.rows('K') == 0);
}

BOOST_FIXTURE_TEST_CASE(used_one_time_keys_are_topped_up_while_the_friend_is_online, HandWorld) {
  BOOST_TEST(eve.keys.size() == 100);
  for (std::uint64_t i = 1; i <= 75; ++i) {
    eve.send({.sequence = i, .floor = i});
    run(50ms);
  }
  run(1s);
  eve.take_what_came();
  BOOST_TEST(bob.shown.size() == 75);
  BOOST_TEST(eve.keys.size() > 150);
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_not_the_friends_own_is_refused, HandWorld) {
  HandFriend mallory(*this, bob, 666);
  const auto root = crypto::KeyPair::generate(eve.random());
  const auto head = eve.head(root, 1, 0);  // made by eve for bob
  BOOST_TEST(refused(Counter::refused_bundle, [&] { mallory.give(FriendPacketType::bundle_head, head); }) ==
             1);
  BOOST_TEST(!bob.manager->friend_ready(mallory.key()));
  BOOST_TEST(refused(Counter::refused_bundle, [&] { eve.give(FriendPacketType::bundle_head, head); }) == 0);
  BOOST_TEST(bob.manager->friend_ready(eve.key()));
}

BOOST_FIXTURE_TEST_CASE(hostile_bundle_packets_are_refused_and_counted, HandWorld) {
  const auto root = crypto::KeyPair::generate(eve.random());
  const auto one = [&](const std::function<void()>& action) {
    return refused(Counter::refused_bundle, action);
  };
  BOOST_TEST(one([&] { eve.give(FriendPacketType::bundle_keys, eve.some_keys(1, 0, 5)); }) == 1);  // no head
  BOOST_TEST(one([&] { eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 201)); }) == 1);
  BOOST_TEST(one([&] {  // out of order
               eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 10));
               eve.give(FriendPacketType::bundle_keys, eve.some_keys(1, 5, 5));
             }) == 1);
  BOOST_TEST(one([&] {  // more than announced
               eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 10));
               eve.give(FriendPacketType::bundle_keys, eve.some_keys(1, 0, 11));
             }) == 1);
  BOOST_TEST(one([&] {  // of another version
               eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 10));
               eve.give(FriendPacketType::bundle_keys, eve.some_keys(2, 0, 10));
             }) == 1);
  BOOST_TEST(one([&] {
               auto head = eve.head(root, 1, 0);
               head.root_mac[0] ^= 1;
               eve.sign(head);
               eve.give(FriendPacketType::bundle_head, head);
             }) == 1);
  BOOST_TEST(one([&] {
               eve.give(FriendPacketType::bundle_taken,
                        protocol::BundleTaken{{crypto::Instance{1}, 1}, crypto::Instance{1}});
             }) == 1);
  BOOST_TEST(one([&] {  // a truncated head: no nodes, and nothing else
               auto packet =
                   protocol::make_friend_packet(FriendPacketType::bundle_head, eve.head(root, 1, 0));
               packet.resize(packet.size() - 53);
               bob.manager->on_friend_packet(eve.key(), packet);
             }) == 1);
  BOOST_TEST(!bob.manager->friend_ready(eve.key()));
}

BOOST_AUTO_TEST_CASE(local_addresses_in_a_bundle_are_refused_unless_allowed) {
  World world;
  world.add_node();
  User& bob = world.add_user();
  bob.crash();
  bob.config.allow_local_addresses = false;
  bob.start();
  HandFriend eve(world, bob);
  const auto root = crypto::KeyPair::generate(eve.random());
  eve.come();
  eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 0));
  world.run(1s);
  BOOST_TEST(bob[Counter::refused_bundle] == 1);
  BOOST_TEST(!bob.manager->friend_ready(eve.key()));
  BOOST_TEST(
      (bob.manager->add_home_node(world.nodes[0]->known()).error() == manager::NodeError::bad_address));
}

BOOST_FIXTURE_TEST_CASE(one_friend_cannot_send_the_mail_for_another_astray, Pair) {
  HandFriend eve(*this, alice);
  auto head = eve.head(crypto::KeyPair::generate(eve.random()), 1, 0);
  head.home_nodes.clear();
  User& carol = add_user();  // has one node that is not alice's
  StorageNode& hers = add_node();
  befriend(alice, carol);
  (void)carol.manager->add_home_node(hers.known());
  meet(alice, carol);
  head.home_nodes.push_back({hers.keys.id(), {{ipv4(66)}}});
  eve.sign(head);
  eve.come();
  eve.give(FriendPacketType::bundle_head, head);
  run(1s);
  carol.crash();
  const auto id = alice.send(carol, "not astray");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:1/1"); }));
}

BOOST_FIXTURE_TEST_CASE(a_friend_removed_and_added_again_can_be_written_to, Pair) {
  unfriend(bob, alice);
  bob.friends.insert(alice.key);
  bob.manager->on_friend_added(alice.key);
  meet(alice, bob);
  bob.crash();
  for (int i = 0; i < 3; ++i) {
    alice.send(bob, "again");
  }
  run(10s);
  bob.start();
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 3; }));
  BOOST_TEST(std::ranges::none_of(bob.shown, &manager::ReceivedMessage::late));
}

BOOST_FIXTURE_TEST_CASE(a_state_restored_from_a_copy_recovers_at_the_next_meeting, Pair) {
  const auto old = bob.state->crash_copy();
  bob.crash();
  bob.start();
  StorageNode& fourth = add_node();
  (void)bob.manager->add_home_node(fourth.known());
  meet(alice, bob);  // alice has a later bundle than the copy knows of
  bob.crash();
  bob.state = old->crash_copy();
  bob.start();
  meet(alice, bob);
  meet(alice, bob);
  bob.crash();
  alice.send(bob, "restored");
  run(10s);
  bob.start();
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_friend_with_a_later_bundle_than_ours_gets_a_new_instance, HandWorld) {
  const auto old = eve.bundle.version;
  eve.keys.clear();
  eve.give(FriendPacketType::bundle_taken,
           protocol::BundleTaken{{old.instance, old.version + 5}, eve.instance});
  run(1s);
  eve.take_what_came();
  BOOST_TEST((eve.bundle.version.instance != old.instance));
  BOOST_TEST(eve.keys.size() == 100);
}

BOOST_FIXTURE_TEST_CASE(expired_keys_are_not_used_after_the_bundle_was_renewed, Pair) {
  for (User* const user : {&alice, &bob}) {  // polls are not what this is about
    user->crash();
    user->config.poll_interval = 24h;
    user->start();
  }
  for (int week = 0; week < 9; ++week) {  // they meet, but write nothing: keys grow old unused
    run(days(7));
    meet(alice, bob);
  }
  bob.crash();
  for (int i = 0; i < 3; ++i) {
    alice.send(bob, "late but readable");
  }
  run(10s);
  bob.start();
  BOOST_TEST(run(2min, [&] { return bob.shown.size() == 3; }));
  BOOST_TEST(bob[Counter::refused_pre_key_unknown] == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
