// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "adapters/addresses/asio_endpoint.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "tests/support/packet_inbox.hpp"
#include "tests/support/quiet_log.hpp"

using namespace toxasync;

namespace {

struct Peer {
  explicit Peer(const std::string& address = "127.0.0.1") {
    auto opened = UdpTransport::open(io, {address, 0}, Telemetry(metrics, log));
    BOOST_REQUIRE(opened.has_value());
    transport = std::move(*opened);
    transport->set_receiver(&inbox);
  }

  [[nodiscard]] Route route(const char* address = "127.0.0.1") const {
    Route to;
    to.transport = TransportKind::udp;
    to.endpoint = from_asio({boost::asio::ip::make_address(address), transport->port()});
    return to;
  }

  boost::asio::io_context io;
  Metrics metrics;
  test::QuietLog log;
  test::PacketInbox inbox;
  std::unique_ptr<UdpTransport> transport;
};

/// Runs `step` until `done`; false when it takes too long.
template <class Step, class Done>
bool run_until(Step step, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    step();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Bytes frame(std::uint8_t fill) {
  return Bytes(1372, fill);
}

/// By the system's word, not by that of what is tested.
boost::test_tools::assertion_result has_ipv6_loopback(boost::unit_test::test_unit_id /*test*/) {
  std::ifstream addresses("/proc/net/if_inet6");
  bool found = false;
  for (std::string line; std::getline(addresses, line);) {
    found = found || line.starts_with("00000000000000000000000000000001 ");
  }
  boost::test_tools::assertion_result result(found);
  result.message() << "this machine has no IPv6 loopback address";
  return result;
}

/// A test with this is reported as skipped on a machine where it cannot be run.
const auto needs_ipv6 = boost::unit_test::precondition(has_ipv6_loopback);

}  // namespace

BOOST_AUTO_TEST_CASE(a_polled_transport_answers_by_the_received_route) {
  Peer a;
  Peer b;
  BOOST_REQUIRE(a.transport->send(b.route(), frame(1)));
  BOOST_REQUIRE(run_until([&] { b.transport->poll(); }, [&] { return !b.inbox.packets.empty(); }));
  BOOST_TEST(b.inbox.packets[0] == frame(1));
  BOOST_TEST((b.inbox.routes[0].transport == TransportKind::udp));
  BOOST_TEST((b.inbox.routes[0].endpoint == a.route().endpoint));
  BOOST_REQUIRE(b.transport->send(b.inbox.routes[0], frame(2)));
  BOOST_REQUIRE(run_until([&] { a.transport->poll(); }, [&] { return !a.inbox.packets.empty(); }));
  BOOST_TEST(a.inbox.packets[0] == frame(2));
}

BOOST_AUTO_TEST_CASE(a_poll_reads_at_most_the_given_number_of_packets) {
  Peer a;
  Peer b;
  for (int i = 0; i < 5; ++i) {
    BOOST_REQUIRE(a.transport->send(b.route(), frame(3)));
  }
  std::size_t polls = 0;
  BOOST_REQUIRE(run_until(
      [&] {
        BOOST_TEST(b.transport->poll(2) <= 2);
        ++polls;
      },
      [&] { return b.inbox.packets.size() == 5; }));
  BOOST_TEST(polls >= 3);
}

BOOST_AUTO_TEST_CASE(an_io_context_receives_bursts_of_any_length) {
  Peer a;
  Peer b;
  std::size_t bursts = 0;
  b.transport->start([&] { ++bursts; });
  constexpr std::size_t count = UdpTransport::burst + 10;
  for (std::size_t i = 0; i < count; ++i) {
    BOOST_REQUIRE(a.transport->send(b.route(), Bytes(10, 1)));
  }
  BOOST_REQUIRE(run_until([&] { b.io.poll(); }, [&] { return b.inbox.packets.size() == count; }));
  BOOST_TEST(bursts >= 2);
}

BOOST_AUTO_TEST_CASE(a_transport_may_be_destroyed_while_it_waits) {
  Peer a;
  Peer b;
  b.transport->start({});
  b.io.poll();
  BOOST_REQUIRE(a.transport->send(b.route(), frame(1)));
  b.transport.reset();
  b.io.restart();
  b.io.poll();
  BOOST_TEST(b.inbox.packets.empty());
}

BOOST_AUTO_TEST_CASE(a_datagram_over_2048_bytes_is_dropped_and_counted) {
  Peer a;
  Peer b;
  BOOST_REQUIRE(a.transport->send(b.route(), Bytes(2049)));
  BOOST_REQUIRE(a.transport->send(b.route(), Bytes(2048)));
  BOOST_REQUIRE(run_until([&] { b.transport->poll(); }, [&] { return !b.inbox.packets.empty(); }));
  BOOST_TEST(b.inbox.packets.size() == 1);
  BOOST_TEST(b.inbox.packets[0].size() == 2048);
  BOOST_TEST(b.metrics.value(Counter::refused_length) == 1);
}

BOOST_AUTO_TEST_CASE(a_closed_peer_does_not_affect_other_peers) {
  Peer a;
  Peer b;
  Route gone;
  {
    const Peer c;
    gone = c.route();
  }
  for (int i = 0; i < 3; ++i) {
    a.transport->send(gone, frame(1));  // Draws ICMP errors.
    a.transport->poll();
    BOOST_TEST(a.transport->send(b.route(), frame(2)));
  }
  BOOST_REQUIRE(run_until([&] { b.transport->poll(); }, [&] { return b.inbox.packets.size() == 3; }));
}

BOOST_AUTO_TEST_CASE(an_ipv4_mapped_address_is_sent_to_by_ipv4) {
  Peer a;
  Peer b;
  Route to = b.route();
  to.endpoint = Endpoint{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, b.transport->port()};
  BOOST_REQUIRE(a.transport->send(to, frame(1)));
  BOOST_REQUIRE(run_until([&] { b.transport->poll(); }, [&] { return !b.inbox.packets.empty(); }));
}

BOOST_AUTO_TEST_CASE(both_families_share_a_port, *needs_ipv6) {
  Peer a("");
  BOOST_TEST(a.transport->has_ipv4());
  Peer b("");
  BOOST_REQUIRE(b.transport->send(a.route(), frame(1)));
  BOOST_REQUIRE(b.transport->send(a.route("::1"), frame(2)));
  BOOST_REQUIRE(run_until([&] { a.transport->poll(); }, [&] { return a.inbox.packets.size() == 2; }));
}

BOOST_AUTO_TEST_CASE(an_answer_leaves_from_the_address_of_the_request) {
  Peer node("");
  Peer a;
  const Route asked = node.route("127.0.0.2");
  BOOST_REQUIRE(a.transport->send(asked, frame(1)));
  BOOST_REQUIRE(run_until([&] { node.transport->poll(); }, [&] { return !node.inbox.packets.empty(); }));
  BOOST_REQUIRE(node.transport->send(node.inbox.routes[0], frame(2)));
  BOOST_REQUIRE(run_until([&] { a.transport->poll(); }, [&] { return !a.inbox.packets.empty(); }));
  BOOST_TEST((a.inbox.routes[0].endpoint == asked.endpoint));
  BOOST_TEST(a.transport->send(a.inbox.routes[0], frame(3)));  // and so back and forth
}

BOOST_AUTO_TEST_CASE(an_ipv6_answer_leaves_from_the_address_of_the_request, *needs_ipv6) {
  Peer node("");
  Peer a("");
  BOOST_REQUIRE(node.transport->has_ipv6());
  BOOST_REQUIRE(a.transport->send(node.route("::1"), frame(1)));
  BOOST_REQUIRE(run_until([&] { node.transport->poll(); }, [&] { return !node.inbox.packets.empty(); }));
  BOOST_TEST(node.inbox.routes[0].sendback_size == 16);
  BOOST_REQUIRE(node.transport->send(node.inbox.routes[0], frame(2)));
  BOOST_REQUIRE(run_until([&] { a.transport->poll(); }, [&] { return !a.inbox.packets.empty(); }));
  BOOST_TEST((a.inbox.routes[0].endpoint == node.route("::1").endpoint));
}

BOOST_AUTO_TEST_CASE(send_returns_false_for_unreachable_routes) {
  Peer a;
  Route nowhere;
  BOOST_TEST(!a.transport->send(nowhere, frame(1)));
  Route relayed = a.route();
  relayed.sendback_size = 1;
  BOOST_TEST(!a.transport->send(relayed, frame(1)));
  relayed.sendback_size = 4;
  relayed.transport = TransportKind::toxcore_dispatcher;
  BOOST_TEST(!a.transport->send(relayed, frame(1)));
  Route v6 = a.route("::1");
  BOOST_TEST(!a.transport->send(v6, frame(1)));  // Bound to an IPv4 address only.
  BOOST_TEST(!a.transport->send(a.route(), Bytes(70000)));
}

BOOST_AUTO_TEST_CASE(a_used_port_and_a_host_name_are_errors) {
  Peer a;
  const Telemetry telemetry(a.metrics, a.log);
  const auto taken = UdpTransport::open(a.io, {"127.0.0.1", a.transport->port()}, telemetry);
  BOOST_REQUIRE(taken.has_error());
  BOOST_TEST((taken.error() == boost::system::errc::address_in_use));
  const auto words = UdpTransport::open(a.io, {"localhost", 0}, telemetry);
  BOOST_REQUIRE(words.has_error());
  BOOST_TEST((words.error() == boost::system::errc::invalid_argument));
}
