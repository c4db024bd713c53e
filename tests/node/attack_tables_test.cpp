// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "harness.hpp"

// Nobody takes the places of others in a node's tables by coming often: docs/admission.md, "Tables".

namespace toxasync::test {
namespace {

using protocol::RetrieveOp;
using protocol::StoreStatus;

/// An address in 2001:db8::/32: `network` makes the /48, `of_48` the /56.
Endpoint ipv6(std::uint16_t network, std::uint8_t of_48, std::uint16_t provider = 0xb80d) {
  Endpoint endpoint{6, {0x20, 1}, 1};
  store_le(provider, endpoint.ip.data() + 2);
  store_le(network, endpoint.ip.data() + 4);
  endpoint.ip[6] = of_48;
  endpoint.ip[15] = 1;
  return endpoint;
}
Endpoint courier(std::uint32_t number) {
  Endpoint endpoint{Endpoint::keyed, {}, 0};
  store_le(number, endpoint.ip.data());
  return endpoint;
}

/// A node of few places, and somebody who fetches there and somebody who stores.
struct Fixture {
  static constexpr std::size_t places = 64;

  NodeHarness node;
  HandClient owner;
  HandClient sender;
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());
  std::uint64_t seed = 10'000;

  explicit Fixture(std::size_t sessions = places, const Endpoint& home = ipv4(0x010101),
                   const Endpoint& friends = ipv4(0x020202))
      : node(config(sessions)),
        owner(node, 100, MockTransport::route_to(home)),
        sender(node, 500, MockTransport::route_to(friends)) {
    owner.greet();
    sender.greet();
    BOOST_TEST_REQUIRE(subscribe(owner, mailbox));
    const auto other = test_mailbox(node.epoch(), 8);
    BOOST_TEST_REQUIRE(sender.ask(sender.store_request(other.mailbox, test_envelope(1))).has_value());
  }
  static node::NodeConfig config(std::size_t sessions) {
    node::NodeConfig made;
    made.sessions = sessions;
    made.key_agreements_burst = 1000;
    return made;
  }

  bool subscribe(HandClient& who, const crypto::OwnedMailbox& at) {
    auto request = who.retrieve_request(at);
    request.op = RetrieveOp::subscribe;
    who.sign(request, at);
    return who.ask(request).size() == 1;
  }
  /// Whether it was answered at once.
  bool store() {
    bool stored = false;
    const auto request = sender.store_request(mailbox.mailbox, test_envelope(++seed));
    node.node.on_packet(node.transport, sender.route(), sender.seal(request), node.clock.now());
    node.node.tick(node.clock.now());
    announced = false;
    for (const auto& [to, packet] : node.transport.take()) {
      const auto response = sender.read<protocol::StoreResponse>(packet);
      stored = stored || (response && response->status == StoreStatus::stored);
      announced = announced || owner.read<protocol::Page>(packet).has_value();
    }
    return stored;
  }
  bool list(HandClient& who, const crypto::OwnedMailbox& at) {
    return !who.ask(who.retrieve_request(at)).empty();
  }

  enum class What { session, proof, subscription };
  /// Somebody comes from there, opens a session and goes.
  void come(const Endpoint& from, What what = What::session) {
    node.clock.advance(6ms);
    HandClient guest(node, ++seed, MockTransport::route_to(from));
    guest.greet();
    const auto at = test_mailbox(node.epoch(), what == What::session ? 77 : seed);
    switch (what) {
      case What::session:
        static_cast<void>(guest.ask(guest.store_request(at.mailbox, test_envelope(seed))));
        break;
      case What::proof:
        list(guest, at);
        break;
      case What::subscription:
        subscribe(guest, at);
        break;
    }
  }
  /// What the attack is to end: sessions of others, and their announcements.
  void expect_all_served() {
    const auto opened = node[Counter::sessions_opened];
    BOOST_TEST(store());
    BOOST_TEST(announced);
    BOOST_TEST(list(owner, mailbox));
    BOOST_TEST(node[Counter::sessions_opened] == opened);
  }

  bool announced = false;
};

void attack(const std::function<Endpoint(std::uint32_t)>& from, std::uint32_t count = 4 * Fixture::places,
            std::size_t sessions = Fixture::places) {
  for (const auto what : {Fixture::What::session, Fixture::What::proof, Fixture::What::subscription}) {
    BOOST_TEST_CONTEXT("guests do " << static_cast<int>(what)) {
      Fixture test(sessions);
      for (std::uint32_t i = 0; i < count; ++i) {
        test.come(from(i), what);
      }
      test.expect_all_served();
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_node_tables)

BOOST_AUTO_TEST_CASE(one_ipv6_48_evicts_nobody_else) {
  attack([](std::uint32_t i) { return ipv6(1, static_cast<std::uint8_t>(i)); });
}

BOOST_AUTO_TEST_CASE(one_ipv6_48_evicts_nobody_else_at_full_size) {
  Fixture test(node::NodeConfig{}.sessions);
  for (std::uint32_t i = 0; i < 4224; ++i) {
    test.come(ipv6(1, static_cast<std::uint8_t>(i)));
  }
  test.expect_all_served();
}

BOOST_AUTO_TEST_CASE(one_ipv6_32_evicts_nobody_else) {
  attack([](std::uint32_t i) { return ipv6(static_cast<std::uint16_t>(i), 0); });
}

BOOST_AUTO_TEST_CASE(one_ipv4_address_evicts_nobody_else) {
  attack([](std::uint32_t) { return ipv4(0x050505); }, 2 * Fixture::places);
}

BOOST_AUTO_TEST_CASE(one_ipv4_24_evicts_nobody_else) {
  attack([](std::uint32_t i) { return ipv4(0x050500 + i % 256); });
}

BOOST_AUTO_TEST_CASE(couriers_together_evict_nobody_else) {
  attack(courier);
}

BOOST_AUTO_TEST_CASE(an_owner_beside_attackers_in_a_48_stays) {
  Fixture test(Fixture::places, ipv6(1, 0));
  for (std::uint32_t i = 0; i < 4 * Fixture::places; ++i) {
    test.come(ipv6(1, static_cast<std::uint8_t>(1 + i % 255)));
  }
  test.expect_all_served();
}

BOOST_AUTO_TEST_CASE(an_owner_at_the_attackers_address_stays) {
  Fixture test(Fixture::places, ipv4(0x050505));
  for (std::uint32_t i = 0; i < Fixture::places + 16; ++i) {
    test.come(ipv4(0x050505));
  }
  test.expect_all_served();
}

BOOST_AUTO_TEST_CASE(a_courier_that_owns_a_mailbox_outlives_others) {
  Fixture test(Fixture::places, courier(1'000'000));
  for (std::uint32_t i = 0; i < 4 * Fixture::places; ++i) {
    test.come(courier(i));
  }
  test.expect_all_served();
}

BOOST_AUTO_TEST_CASE(newcomers_of_other_networks_get_a_place) {
  Fixture test;
  for (std::uint32_t i = 0; i < 4 * Fixture::places; ++i) {
    test.come(ipv6(1, static_cast<std::uint8_t>(i)), Fixture::What::proof);
  }
  HandClient late(test.node, 900, MockTransport::route_to(ipv4(0x070707)));
  late.greet();
  BOOST_TEST(test.list(late, test.mailbox));
  const auto opened = test.node[Counter::sessions_opened];
  for (std::uint32_t i = 0; i < Fixture::places; ++i) {
    test.come(ipv6(1, static_cast<std::uint8_t>(i)), Fixture::What::proof);
  }
  BOOST_TEST(test.list(late, test.mailbox));
  BOOST_TEST(test.node[Counter::sessions_opened] == opened + Fixture::places);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
