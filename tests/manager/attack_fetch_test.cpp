// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <numeric>

#include "eye.hpp"
#include "hand_friend.hpp"

// Mail that waits for us is fetched whatever we send, and whatever one node says.

namespace toxasync::test {

namespace {

/// As the variable says, for the measurement at full size.
std::size_t wanted(const char* variable, std::size_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoul(text, nullptr, 10) : otherwise;
}

/// Alice, who has many friends, all of them offline, and three nodes that all share.
struct Popular : World {
  explicit Popular(std::size_t count) {
    for (int i = 0; i < 3; ++i) {
      add_node();
    }
    give_nodes(alice);
    eve.take_bundle();
    eve.go();
    for (std::size_t i = 0; i < count; ++i) {
      others.push_back(std::make_unique<HandFriend>(*this, alice, 5000 + i));
      HandFriend& other = *others.back();
      other.come();
      auto head = other.head(crypto::KeyPair::generate(other.random()), 1, 0);
      head.home_nodes.clear();
      for (const auto& node : nodes) {
        head.home_nodes.push_back({node->keys.id(), {{node->endpoint}}});
      }
      other.sign(head);
      other.give(protocol::FriendPacketType::bundle_head, head);
      other.go();
    }
    run(1s);
  }
  /// Messages to all friends, of which none arrives yet.
  void write(std::size_t each) {
    for (const auto& node : nodes) {
      node->switch_off();
    }
    for (const auto& other : others) {
      for (std::size_t i = 0; i < each; ++i) {
        const auto sent = alice.manager->send(other->key(), crypto::MessageKind::normal, as_bytes("hello"));
        BOOST_TEST_REQUIRE(sent.has_value());
      }
    }
    run(1s);
    alice.crash();
    for (const auto& node : nodes) {
      node->switch_on();
    }
  }
  void leave_mail(std::uint64_t sequence) {
    const auto letter = eve.seal({.text = "for you", .sequence = sequence, .floor = sequence});
    for (const auto& node : nodes) {
      eve.store(*node, letter);
    }
  }
  /// How long it takes until Alice shows one more message.
  milliseconds until_shown() {
    const SteadyTime begun = clock.steady();
    const std::size_t before = alice.shown.size();
    BOOST_TEST(run(3h, [&] { return alice.shown.size() > before; }));
    return clock.steady() - begun;
  }

  User& alice = add_user();
  HandFriend eve{*this, alice};
  std::vector<std::unique_ptr<HandFriend>> others;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_fetch)

BOOST_AUTO_TEST_CASE(mail_for_us_does_not_wait_for_mail_to_many_friends) {
  Popular world(wanted("TOXASYNC_ATTACK_FRIENDS", 300));
  world.write(wanted("TOXASYNC_ATTACK_MESSAGES", 2));
  world.leave_mail(1);
  world.alice.start();
  std::vector<milliseconds> shown;
  for (std::uint64_t sequence = 2; sequence <= 5; ++sequence) {  // in the midst of it
    shown.push_back(world.until_shown());
    world.leave_mail(sequence);
  }
  shown.push_back(world.until_shown());
  BOOST_TEST(shown.front() <= 2min);
  BOOST_TEST(std::accumulate(shown.begin(), shown.end(), 0ms) <= 10min);
  for (const milliseconds time : shown) {
    BOOST_TEST_MESSAGE("shown after " << time.count() << " ms");
  }
  BOOST_TEST_MESSAGE(world.live_records() << " envelopes were stored");
  BOOST_TEST(world.live_records() > 3 * 64U);  // and the sending goes on
}

BOOST_FIXTURE_TEST_CASE(a_node_whose_mailboxes_do_not_end_is_asked_seldom, HandWorld) {
  // As far as Bob can see: whatever he deletes, the node has something for him.
  std::uint64_t number = 0;
  const auto roots = roots_of(bob);
  after_event = [&] {
    for (const bool real : {true, false}) {
      for (auto e = now_epoch(*this) - 1; e <= now_epoch(*this) + 1; ++e) {
        const auto where = real ? box_in(roots.at(0).real, e, eve.key()) : box_in(roots.at(0).cover, e);
        while (nodes[0]->store.live_in(where.p) < 100) {
          Bytes bytes(limits::small_envelope);
          bytes[0] = 1;
          store_le(++number, bytes.data() + 20);
          const auto before = nodes[0]->store.live_in(where.p);
          nodes[0]->put(where, bytes, clock.unix_time() + 24h, clock.unix_time());
          if (nodes[0]->store.live_in(where.p) == before) {
            nodes[0]->lose_disk();  // it holds what was deleted, as an honest node would: no room is left
          }
        }
      }
    }
  };
  Eye eye(*this);
  run(5min);
  const auto polls = [&](const StorageNode& node) {
    return std::ranges::count_if(eye.requests, [&](const Eye::Request& request) {
      return request.node == &node && Eye::is_poll(request);
    });
  };
  // Six mailboxes were asked for before the first of them was found to be endless.
  constexpr auto windows =
      static_cast<std::ptrdiff_t>(client::RetrieveOperation::most_envelopes_of_box / 12 + 3);
  BOOST_TEST(polls(*nodes[0]) <= 7 * windows);
  BOOST_TEST(bob[Counter::refused_envelope_header] <=
             7 * (client::RetrieveOperation::most_envelopes_of_box + 12));
  eye.requests.clear();
  run(2h);
  BOOST_TEST(polls(*nodes[0]) <= 3 * 6 * windows);
  BOOST_TEST(polls(*nodes[1]) >= 60);  // the others as often as before
}

BOOST_AUTO_TEST_CASE(mail_comes_after_two_weeks_though_old_roots_are_polled_too) {
  Pair world(1, 3);
  User& other = world.add_user();
  for (int i = 0; i < 6; ++i) {  // each removal makes a new root, and the old one is polled for two weeks
    world.befriend(world.bob, other);
    world.meet(world.bob, other);
    world.run(1h);
    world.unfriend(world.bob, other);
    world.run(1h);
    world.meet(world.alice, world.bob);
  }
  world.bob.crash();
  world.run(days(13));
  const auto id = world.alice.send(world.bob, "while you were away");
  world.run(1min);
  world.alice.crash();
  world.bob.start();
  BOOST_TEST(world.run(1h, [&] { return world.bob.shown.size() == 1; }), world.alice.told(id));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
