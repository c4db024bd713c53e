// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"

// Any node of the DHT forwards packets of strangers, which then come from its address: docs/admission.md,
// "Forwarded packets".

namespace toxasync::test {
namespace {

using protocol::StoreStatus;

Route direct(const Endpoint& from) {
  Route route = MockTransport::route_to(from);
  route.transport = TransportKind::toxcore_dispatcher;
  return route;
}

/// As toxcore's forwarding.c makes it: authenticator 32, kind 1, the address that the forwarder saw.
Route forwarded(const Endpoint& forwarder, std::uint32_t origin) {
  Route route = direct(forwarder);
  route.sendback_size = 40;
  store_le(origin, route.sendback.data() + 34);
  return route;
}

struct Fixture {
  NodeHarness node;
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());
  const Endpoint forwarder = ipv4(0x010203);
  std::uint64_t seed = 1000;

  explicit Fixture(const store::StoreLimits& limits = {}) : node({}, limits) {}

  /// A new client there, and whether it was served.
  bool serves(const Route& from, std::size_t size = limits::small_envelope, StoreStatus* status = nullptr) {
    node.clock.advance(1ms);
    HandClient client(node, ++seed, from);
    client.greet();
    return stores(client, size, status);
  }
  bool stores(HandClient& client, std::size_t size = limits::small_envelope, StoreStatus* status = nullptr) {
    const auto response = client.ask(client.store_request(mailbox.mailbox, test_envelope(++seed, size)));
    if (response && status != nullptr) {
      *status = response->status;
    }
    return response && response->status == StoreStatus::stored;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_forwarder)

BOOST_FIXTURE_TEST_CASE(a_forwarders_own_requests_are_not_spent_by_others, Fixture) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    static_cast<void>(serves(forwarded(forwarder, 7)));
  }
  BOOST_TEST(!serves(forwarded(forwarder, 7)));
  BOOST_TEST(serves(direct(forwarder)));
}

BOOST_FIXTURE_TEST_CASE(who_is_known_behind_a_forwarder_stays_served, Fixture) {
  HandClient known(node, 1, forwarded(forwarder, 9));
  known.greet();
  BOOST_TEST(stores(known));
  for (std::uint32_t i = 0; i < 200; ++i) {
    static_cast<void>(serves(forwarded(forwarder, 7)));
  }
  BOOST_TEST(stores(known));
}

BOOST_FIXTURE_TEST_CASE(one_attacker_behind_many_forwarders_is_not_many, Fixture) {
  std::size_t served = 0;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    served += serves(forwarded(ipv4(0x010000 + 256 * i), 7)) ? 1 : 0;
  }
  BOOST_TEST(served <= 600U);
  BOOST_TEST(serves(direct(forwarder)));
}

BOOST_AUTO_TEST_CASE(space_behind_forwarders_is_not_the_forwarders) {
  Fixture test({.capacity_bytes = 256 << 10, .box_bytes = 1 << 20, .box_messages = 10'000});
  auto status = StoreStatus::stored;
  for (std::uint32_t i = 0; i < 120; ++i) {  // More than half full, so that space is shared.
    BOOST_TEST_REQUIRE(test.serves(direct(ipv4(0x100000 + 0x10000 * (i % 60))), limits::large_envelope));
  }
  HandClient attacker(test.node, 1, forwarded(test.forwarder, 7));
  attacker.greet();
  for (std::uint32_t i = 0; i < 400 && test.stores(attacker, limits::large_envelope, &status); ++i) {
  }
  BOOST_TEST((status == StoreStatus::node_full));
  BOOST_TEST(test.serves(direct(test.forwarder), limits::large_envelope));
  BOOST_TEST(test.serves(forwarded(test.forwarder, 9), limits::large_envelope));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
