// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "rig.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/test_log.hpp"

namespace toxasync::test {

namespace {

/// Finds nodes by their ids, wherever they are said to be.
struct KeyedTransport final : Transport {
  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_friends; }
  [[nodiscard]] Route route_to_node(const NodeId& node_id, const Endpoint&) const noexcept override {
    Route route{TransportKind::toxcore_friends, {Endpoint::keyed, {}, 0}, 32, {}};
    std::copy(node_id.begin(), node_id.end(), route.sendback.begin());
    return route;
  }
  bool send(const Route& to, ByteView /*packet*/) noexcept override {
    routes.push_back(to);
    return true;
  }
  void set_receiver(PacketReceiver* /*receiver*/) noexcept override {}
  std::vector<Route> routes;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_transport_chooses_the_route_to_a_node) {
  KeyedTransport transport;
  SeededRandom random(1);
  TestTelemetry telemetry;
  RecordingListener listener;
  client::Client client(transport, random, telemetry.get(), nullptr);
  const auto with_address = numbered<NodeId>(1);
  const auto without_address = numbered<NodeId>(2);
  client.set_node({with_address, {ipv4(1)}});
  client.set_node({without_address, {}});
  client.peers(with_address, listener, {SteadyTime{1s}, UnixTime{1s}});
  client.peers(without_address, listener, {SteadyTime{1s}, UnixTime{1s}});
  BOOST_REQUIRE(transport.routes.size() == 2U);
  BOOST_TEST((id_from<NodeId>(transport.routes[0].sendback_bytes()) == with_address));
  BOOST_TEST((id_from<NodeId>(transport.routes[1].sendback_bytes()) == without_address));
}

}  // namespace toxasync::test
