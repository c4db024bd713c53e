// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

// A friend who fills a mailbox, or writes in another's name: docs/protocol.md, sections 3 and 4.

namespace toxasync::test {

namespace {

/// Bob has two friends: Alice is honest, Eve knows all that a friend of Bob knows, and has spoken to nodes.
struct Hostile : Pair {
  Hostile() { eve.take_bundle(); }

  /// Fills a box at every node, to its quota.
  void fill(const crypto::WritableMailbox& box) {
    const auto now = clock.unix_time();
    for (const auto& node : nodes) {
      for (std::uint32_t i = 0; i < 1100; ++i) {
        Bytes junk(limits::large_envelope, 1);
        store_le(i, junk.data() + 100);
        node->put(box.address, junk, now + 24h, now);
      }
    }
  }
  [[nodiscard]] crypto::Epoch epoch() const { return crypto::epoch_at(clock.unix_time()).value(); }
  [[nodiscard]] crypto::WritableMailbox own_box() const {
    return crypto::friends_mailbox(eve.bundle.root, epoch()).value();
  }
  /// A box in Bob's mailbox that Eve makes up.
  [[nodiscard]] crypto::WritableMailbox made_up_box() {
    auto root = eve.bundle.root;
    root.write_secret = crypto::Wiped<32>(eve.random().array<32>());
    return crypto::friends_mailbox(root, epoch()).value();
  }
  bool alice_reaches_bob() {
    const auto id = alice.send(bob, "from Alice");
    return run(10min, [&] { return alice.told(id).find("stored:3/3") != std::string::npos; }) &&
           run(10min, [&] { return bob.shown.size() == 1; });
  }

  HandFriend eve{*this, bob};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_box)

BOOST_FIXTURE_TEST_CASE(a_friend_fills_only_their_own_box, Hostile) {
  bob.crash();  // nothing is fetched meanwhile
  fill(own_box());
  const auto id = alice.send(bob, "from Alice");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(boxes_that_a_friend_makes_up_are_not_listed, Hostile) {
  for (int i = 0; i < 3; ++i) {
    fill(made_up_box());
  }
  const auto records = live_records();
  const auto headers = bob[Counter::refused_envelope_header];
  BOOST_TEST(alice_reaches_bob());
  run(1h);
  BOOST_TEST(bob[Counter::refused_envelope_header] == headers);  // none was fetched
  BOOST_TEST(live_records() == records);
}

BOOST_FIXTURE_TEST_CASE(a_removed_friend_is_cut_off_at_the_next_poll, Hostile) {
  bob.friends.erase(eve.key());
  bob.manager->on_friend_removed(eve.key());
  fill(own_box());  // the root is still the same
  const auto records = live_records();
  run(10min);
  BOOST_TEST(live_records() == records);
  BOOST_TEST(alice_reaches_bob());
}

BOOST_FIXTURE_TEST_CASE(a_header_in_another_friends_name_does_nothing, Hostile) {
  // Eve knows M and P, and even which pre-key ids Alice may use. She cannot know Alice's u.
  const auto roots = bob.rows('F');
  for (const bool own_w : {true, false}) {
    auto box = own_w ? own_box() : made_up_box();
    box.header_secret = {};
    const auto nobody = crypto::KeyPair::generate(eve.random()).public_key;
    const crypto::EnvelopeHeader header{alice.key, crypto::Instance{7}, crypto::pre_key_id(nobody),
                                        eve.random().id<crypto::MessageId>()};
    crypto::EnvelopeBody body;
    body.text = Bytes(10, 'x');
    const crypto::KeyPair pretended{eve.pair().secret.clone(), crypto::Point(alice.key.bytes())};
    const auto sealed =
        crypto::seal_envelope(pretended, bob.key, nobody, box, header, body, {}, eve.random());
    BOOST_TEST_REQUIRE(sealed.has_value());
    for (const auto& node : nodes) {
      node->put(box.address, *sealed, clock.unix_time() + 24h, clock.unix_time());
    }
    eve.give(protocol::FriendPacketType::envelope, protocol::LiveEnvelope{box.epoch, box.address.p, *sealed});
  }
  run(2h);
  BOOST_TEST(bob.rows('D') == 0);  // no nack is due to anybody
  BOOST_TEST(bob[Counter::refused_pre_key_unknown] == 0U);
  BOOST_TEST(bob[Counter::refused_envelope_header] > 0U);
  BOOST_TEST(bob.rows('F') == roots);
  BOOST_TEST(alice_reaches_bob());
}

BOOST_FIXTURE_TEST_CASE(what_a_stranger_seals_in_a_friends_box_is_refused, HandWorld) {
  const auto stranger = crypto::KeyPair::generate(eve.random());
  eve.store(*nodes[0], eve.seal_as(stranger, {}));
  BOOST_TEST(run(10min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob[Counter::refused_envelope_body] == 1);
  BOOST_TEST(bob.shown.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
