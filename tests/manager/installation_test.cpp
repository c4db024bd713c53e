// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <utility>

#include "hand_friend.hpp"

// Several installations of one friend, lost states and old copies of them (docs/protocol.md, sections 4 and
// 5).

namespace toxasync::test {

namespace {

/// Bob's devices: one is in use at a time, the others lie in a drawer.
struct Devices : Pair {
  using Disk = std::unique_ptr<store::MemoryState>;

  static Disk empty_disk() { return std::make_unique<store::MemoryState>(); }
  /// Bob goes on with another disk; the one that Bob had.
  Disk change(Disk disk) {
    bob.crash();
    Disk old = std::exchange(bob.state, std::move(disk));
    bob.start();
    give_nodes(bob);
    return old;
  }
  void let_alice_confirm(const crypto::MessageId& id) {
    BOOST_TEST(run(6h, [&] { return alice.told(id).ends_with("delivered"); }));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_installation)

BOOST_FIXTURE_TEST_CASE(a_message_comes_to_both_devices_of_a_friend_once_each, Devices) {
  Disk first = change(empty_disk());
  meet(alice, bob);
  bob.crash();
  const auto id = alice.send(bob, "to both");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 1; }));
  let_alice_confirm(id);
  Disk second = change(std::move(first));
  BOOST_TEST(run(1h, [&] { return bob.shown.size() == 2; }));
  BOOST_TEST((bob.shown[1].id == id));
  run(3h);
  BOOST_TEST(bob.shown.size() == 2);
  BOOST_TEST(alice[Counter::messages_confirmed] == 1);
  BOOST_TEST(alice.rows('O') == 0);
  (void)change(std::move(second));
  run(1h);
  BOOST_TEST(bob.shown.size() == 2);
}

BOOST_FIXTURE_TEST_CASE(a_fourth_device_replaces_the_one_not_heard_of_for_longest, Devices) {
  std::vector<Disk> drawer;
  for (int i = 0; i < 3; ++i) {
    drawer.push_back(change(empty_disk()));
    meet(alice, bob);
    run(1min);
  }
  BOOST_TEST(alice.rows('T') == limits::instances_per_friend);
  bob.crash();
  const auto id = alice.send(bob, "to three");
  run(1min);
  BOOST_TEST(alice.rows('V') >= limits::instances_per_friend);  // and what a bundle by mail takes
  bob.start();
  let_alice_confirm(id);
}

BOOST_FIXTURE_TEST_CASE(mail_to_a_lost_state_comes_after_the_next_meeting, Devices) {
  bob.crash();
  const auto id = alice.send(bob, "sealed for what is lost");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  (void)change(empty_disk());
  run(10min);
  BOOST_TEST(bob.shown.empty());
  meet(alice, bob);
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 1; }));
  let_alice_confirm(id);
}

BOOST_FIXTURE_TEST_CASE(mail_to_a_lost_state_is_reported_when_they_do_not_meet, Devices) {
  bob.crash();
  const auto id = alice.send(bob, "sealed for what is lost");
  run(1min);
  (void)change(empty_disk());
  BOOST_TEST(run(26h, [&] { return alice.told(id).ends_with("expired"); }));
}

BOOST_FIXTURE_TEST_CASE(a_restored_recipient_gets_all_mail_without_a_meeting, Devices) {
  alice.crash();
  alice.config.push = false;  // else bob's new keys are there before bob's nacks
  alice.start();
  Disk old = bob.state->crash_copy();
  // Uses up keys until new ones come, which the copy does not know of.
  for (int i = 0; i < 80; ++i) {
    alice.send(bob, "before");
  }
  BOOST_TEST(run(6h, [&] {
    return bob.shown.size() == 80 && alice.manager->outbox_size() == 0 &&
           alice[Counter::bundles_accepted] >= 3;
  }));
  run(1h);
  bob.crash();
  std::vector<crypto::MessageId> ids;
  ids.reserve(30);
  for (int i = 0; i < 30; ++i) {
    ids.push_back(alice.send(bob, "after " + std::to_string(i)));
  }
  run(10min);
  bob.shown.clear();
  (void)change(std::move(old));
  std::set<crypto::MessageId> shown;
  BOOST_TEST(run(12h, [&] {
    for (const auto& message : bob.shown) {
      shown.insert(message.id);
    }
    return std::ranges::all_of(ids, [&](const auto& id) { return shown.contains(id); });
  }));
  BOOST_TEST(bob[Counter::nacks_sent] > 0);
  for (const auto& id : ids) {
    let_alice_confirm(id);
  }
}

BOOST_FIXTURE_TEST_CASE(a_restored_sender_loses_nothing_that_they_send, Devices) {
  Disk old = alice.state->crash_copy();
  bob.crash();
  for (int i = 0; i < 5; ++i) {
    alice.send(bob, "first life " + std::to_string(i));
  }
  run(1min);
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 5; }));
  alice.crash();
  alice.state = std::move(old);
  alice.start();
  bob.crash();
  std::vector<crypto::MessageId> ids;
  ids.reserve(5);
  for (int i = 0; i < 5; ++i) {  // with the same pre-keys and places again
    ids.push_back(alice.send(bob, "second life " + std::to_string(i)));
  }
  run(1min);
  bob.start();
  BOOST_TEST(run(12h, [&] { return bob.shown.size() == 10; }));
  BOOST_TEST(bob[Counter::refused_pre_key_unknown] > 0);  // a nack, or a bundle in its place, was the answer
  for (const auto& id : ids) {
    let_alice_confirm(id);
  }
  BOOST_TEST(bob.shown.size() == 10);
}

BOOST_FIXTURE_TEST_CASE(a_later_bundle_that_the_first_signer_did_not_sign_is_refused, HandWorld) {
  const auto root = crypto::KeyPair::generate(eve.random());
  eve.give(protocol::FriendPacketType::bundle_head, eve.head(root, 1, 0));
  run(1s);
  const auto first_signer = std::exchange(eve.signer, crypto::SigningKey(ByteArray<32>{8}));
  BOOST_TEST(refused(Counter::refused_bundle,
                     [&] { eve.give(protocol::FriendPacketType::bundle_head, eve.head(root, 2, 0)); }) == 1);
  auto replacing = eve.head(root, 3, 0);
  replacing.version.instance = crypto::Instance{1234};
  replacing.replaces = eve.instance;
  ByteArray<32> shared{};
  BOOST_REQUIRE(crypto::x25519(shared, root.secret.bytes(), crypto::Point(bob.key.bytes())));
  replacing.root_mac = protocol::root_mac(shared, replacing.root.m, eve.key(), bob.key, replacing.version);
  eve.sign(replacing);
  BOOST_TEST(refused(Counter::refused_bundle,
                     [&] { eve.give(protocol::FriendPacketType::bundle_head, replacing); }) == 1);
  BOOST_TEST(bob.rows('T') == 1);
  replacing.sign(first_signer, eve.key(), bob.key);
  BOOST_TEST(refused(Counter::refused_bundle,
                     [&] { eve.give(protocol::FriendPacketType::bundle_head, replacing); }) == 0);
  BOOST_TEST(bob.rows('T') == 1);
}

BOOST_FIXTURE_TEST_CASE(nacks_that_strangers_provoke_are_limited, HandWorld) {
  HandFriend mallory(*this, bob, 31);
  mallory.take_bundle();
  // Mallory knows bob's root, and so can name eve as the sender of what nobody can open.
  for (int i = 0; i < 100; ++i) {
    auto sealed =
        mallory.seal_as(mallory.pair(), {.pre_key = crypto::KeyPair::generate(mallory.random()).public_key});
    bob.manager->on_friend_packet(
        mallory.key(), protocol::make_friend_packet(protocol::FriendPacketType::envelope, sealed.live));
  }
  run(1min);
  BOOST_TEST(bob[Counter::nacks_sent] <= 32);
  BOOST_TEST(bob[Counter::refused_nack_limit] == 68);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
