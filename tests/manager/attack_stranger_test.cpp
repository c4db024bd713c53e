// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "hand_friend.hpp"
#include "manager/polling/mailbox_watch.hpp"

// A stranger who has the Tox id can compute the public mailboxes, make any number of nodes near them, and
// have those found: they learn nothing by it (docs/protocol.md, section 9).

namespace toxasync::test {

namespace {

constexpr manager::Nospam nospam{1, 2, 3, 4};

struct Neighbours final : NodeFinder {
  std::vector<Endpoint> candidates() override { return endpoints; }
  std::vector<Endpoint> endpoints;
};

crypto::Point public_mailbox(const User& whose, crypto::Epoch epoch) {
  return crypto::public_mailbox(whose.key, nospam, epoch)->address.p;
}

manager::ToxAddress address_of(const User& whose) {
  manager::ToxAddress address{};
  std::ranges::copy(whose.key, address.begin());
  std::ranges::copy(nospam, address.begin() + 32);
  for (std::size_t i = 0; i < 36; ++i) {
    address[36 + i % 2] ^= address[i];
  }
  return address;
}

/// Bob, his home node, and three nodes that others made and his client has found.
struct Stalked : World {
  Stalked() {
    add_node();
    bob.manager->set_nospam(nospam);
    for (int i = 0; i < 3; ++i) {
      found.push_back(&add_node());
      neighbours.endpoints.push_back(found.back()->endpoint);
    }
    bob.manager->find_nodes(neighbours);
  }
  void name_home_node() { BOOST_TEST_REQUIRE(bob.manager->add_home_node(home().known()).has_value()); }
  StorageNode& home() { return *nodes.front(); }
  [[nodiscard]] bool is_found(const StorageNode* node) const {
    return std::ranges::find(found, node) != found.end();
  }
  /// Requests about public mailboxes of Bob's at nodes for which `at` holds.
  template <class At>
  [[nodiscard]] std::size_t public_requests(const At& at) const {
    std::set<crypto::Point> mailboxes;
    const auto last = now_epoch(*this) + 1;
    for (auto e = last - manager::MailboxWatch::epochs_back - 8; e <= last; ++e) {
      mailboxes.insert(public_mailbox(bob, e));
    }
    return static_cast<std::size_t>(std::ranges::count_if(eye.requests, [&](const Eye::Request& request) {
      return at(request.node) && mailboxes.contains(request.mailbox);
    }));
  }
  [[nodiscard]] std::size_t at_found() const {
    return public_requests([this](const StorageNode* node) { return is_found(node); });
  }
  [[nodiscard]] std::size_t at(const StorageNode& which) const {
    return public_requests([&](const StorageNode* node) { return node == &which; });
  }
  /// Polls and stores of any mailbox at a found node.
  [[nodiscard]] std::size_t mail_at_found() const {
    return static_cast<std::size_t>(std::ranges::count_if(eye.requests, [&](const Eye::Request& request) {
      const bool mail = request.kind == protocol::FrameKind::store || Eye::is_poll(request);
      return mail && is_found(request.node);
    }));
  }

  User& bob = add_user();
  std::vector<StorageNode*> found;
  Neighbours neighbours;
  Eye eye{*this};
};

/// A friend of Bob's, played by the test, whose bundle names a node.
struct Friend {
  Friend(Stalked& world, StorageNode& node) : hand(world, world.bob) {
    hand.take_bundle();
    auto head = hand.head(crypto::KeyPair::generate(hand.random()), 1, 0);
    head.home_nodes.front() = {node.keys.id(), {{node.endpoint}}};
    hand.sign(head);
    hand.give(protocol::FriendPacketType::bundle_head, head);
    hand.go();
  }
  HandFriend hand;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_stranger)

BOOST_FIXTURE_TEST_CASE(a_found_node_is_not_asked_for_the_public_mailbox, Stalked) {
  name_home_node();
  run(8h);
  BOOST_TEST(bob[Counter::nodes_discovered] >= 3U);
  BOOST_TEST(at_found() == 0U);
  BOOST_TEST(at(home()) > 50U);
}

BOOST_FIXTURE_TEST_CASE(a_found_node_is_asked_for_no_pair_mailbox, Stalked) {
  name_home_node();
  HandFriend asked(*this, bob, 77);  // Bob has asked them to be a friend, and they have not accepted
  asked.go();
  run(8h);
  BOOST_TEST(bob[Counter::nodes_discovered] >= 3U);
  BOOST_TEST(mail_at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_found_node_that_became_a_home_node_is_not_asked, Stalked) {
  run(8h);  // Bob has named none: his client has picked some
  BOOST_TEST(mail_at_found() > 0U);
  BOOST_TEST(at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_friends_node_is_asked_when_it_has_answered, Stalked) {
  name_home_node();
  StorageNode& theirs = add_node();
  theirs.switch_off();
  Friend alice(*this, theirs);
  BOOST_TEST(bob.manager->send(alice.hand.key(), crypto::MessageKind::normal, as_bytes("hello")).has_value());
  run(3h);
  BOOST_TEST(at(theirs) == 0U);
  theirs.switch_on();
  run(10h);  // an address that has never answered gets a packet each six hours
  BOOST_TEST(at(theirs) > 0U);
  BOOST_TEST(at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_former_friends_node_is_not_asked_any_longer, Stalked) {
  name_home_node();
  StorageNode& theirs = add_node();
  Friend alice(*this, theirs);
  BOOST_TEST(bob.manager->send(alice.hand.key(), crypto::MessageKind::normal, as_bytes("hello")).has_value());
  run(3h);
  BOOST_TEST(at(theirs) > 0U);
  bob.friends.erase(alice.hand.key());
  bob.manager->on_friend_removed(alice.hand.key());
  run(1h);
  eye.requests.clear();
  run(8h);
  BOOST_TEST(at(theirs) == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_home_node_that_was_removed_is_not_asked_any_longer, Stalked) {
  name_home_node();
  run(3h);
  BOOST_TEST(at(home()) > 0U);
  BOOST_TEST(bob.manager->remove_home_node(home().known().id).has_value());
  run(1h);
  eye.requests.clear();
  run(8h);
  BOOST_TEST(at(home()) == 0U);
}

BOOST_FIXTURE_TEST_CASE(switched_off_no_node_is_asked, Stalked) {
  bob.crash();
  bob.config.public_mailbox = false;
  bob.start();
  bob.manager->set_nospam(nospam);
  name_home_node();
  run(8h);
  BOOST_TEST(at(home()) == 0U);
  BOOST_TEST(at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_request_is_left_at_no_found_node, Stalked) {
  User& alice = add_user();
  alice.manager->find_nodes(neighbours);
  BOOST_TEST(alice.manager->send_friend_request(address_of(bob), as_bytes("it is me")).has_value());
  run(8h);
  BOOST_TEST(alice[Counter::nodes_discovered] >= 3U);
  BOOST_TEST(at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(strangers_meet_by_a_node_of_the_recipients, Stalked) {
  name_home_node();
  User& alice = add_user();
  alice.manager->find_nodes(neighbours);
  BOOST_TEST(alice.manager->add_home_node(home().known()).has_value());  // handed on with the Tox id
  BOOST_TEST(alice.manager->send_friend_request(address_of(bob), as_bytes("it is me")).has_value());
  BOOST_TEST(run(3h, [&] { return bob.requests.size() == 1; }));
  BOOST_TEST(at_found() == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_public_mailbox_is_asked_for_in_a_time_of_its_own, Stalked) {
  name_home_node();
  run(1h);
  std::vector<milliseconds> waits;
  std::set<crypto::Point> ours;
  std::set<crypto::Point> others;
  for (int start = 0; start < 12; ++start) {
    bob.crash();
    eye.requests.clear();
    bob.start();
    bob.manager->set_nospam(nospam);
    const auto begun = clock.now().wall;
    BOOST_TEST(run(1h, [&] { return at(home()) > 0; }));
    waits.push_back(clock.now().wall - begun);
    for (const auto& request : eye.requests) {
      const bool is_public = request.mailbox == public_mailbox(bob, now_epoch(*this));
      (is_public ? ours : others).insert(request.session);
    }
  }
  BOOST_TEST(std::ranges::count_if(waits, [](milliseconds wait) { return wait > 15s; }) >= 8);
  const auto [shortest, longest] = std::ranges::minmax(waits);
  BOOST_TEST(longest - shortest >= bob.config.poll_interval);  // it is random
  BOOST_TEST(!ours.empty());
  for (const auto& session : ours) {
    BOOST_TEST(!others.contains(session));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
