// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/time.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "adapters/toxcore_courier/courier.hpp"
#include "adapters/toxcore_courier/friend_transport.hpp"
#include "crypto/curve.hpp"
#include "tests/adapters/courier_host.hpp"
#include "tests/support/packet_inbox.hpp"
#include "tests/support/quiet_log.hpp"
#include "tests/support/samples.hpp"

using namespace toxasync;
using namespace toxasync::test;

namespace {

constexpr SteadyTime start{};

protocol::NodeId some_node_id() {
  crypto::SystemRandom random;
  return protocol::NodeId(crypto::SigningKey(random.array<32>()).public_key());
}

struct Crypto {
  Crypto() { BOOST_REQUIRE(crypto::initialise()); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(courier, Crypto)

// --- The window ---

BOOST_AUTO_TEST_CASE(at_most_sixty_frames_are_in_flight) {
  FrameWindow window;
  for (int i = 0; i < 60; ++i) {
    BOOST_TEST(window.hold(frame(), start));
    BOOST_TEST(window.next(start).has_value());
    window.sent();
  }
  BOOST_TEST(window.hold(frame(), start));
  BOOST_TEST(!window.next(start).has_value());
  BOOST_TEST(window.on_ack(15));
  BOOST_TEST(window.in_flight() == 45U);
  BOOST_TEST(window.next(start).has_value());
}

BOOST_AUTO_TEST_CASE(held_frames_are_limited_and_expire) {
  FrameWindow window;
  for (std::size_t i = 0; i < FrameWindow::max_held; ++i) {
    BOOST_TEST(window.hold(frame(), start + milliseconds(i)));
  }
  BOOST_TEST(!window.hold(frame(), start + 100ms));
  BOOST_TEST(window.hold(frame(), start + FrameWindow::max_hold));  // The first one has gone.
  BOOST_TEST(!window.hold(frame(), start + FrameWindow::max_hold));
  BOOST_TEST(window.next(start + 2 * FrameWindow::max_hold).has_value() == false);
  BOOST_TEST(window.held() == 0U);
}

BOOST_AUTO_TEST_CASE(an_ack_of_frames_never_sent_is_refused) {
  FrameWindow window;
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST(window.hold(frame(), start));
    BOOST_TEST(window.next(start).has_value());
    window.sent();
  }
  BOOST_TEST(!window.on_ack(21));
  BOOST_TEST(!window.on_ack(0xffffffff));
  BOOST_TEST(window.on_ack(15));
  BOOST_TEST(!window.on_ack(14));
  BOOST_TEST(window.in_flight() == 5U);
  window.connected();
  BOOST_TEST(window.in_flight() == 0U);
}

BOOST_AUTO_TEST_CASE(an_ack_is_due_after_fifteen_frames) {
  FrameWindow window;
  for (int i = 0; i < 14; ++i) {
    window.on_frame();
    BOOST_TEST(!window.ack().has_value());
  }
  window.on_frame();
  BOOST_TEST(to_hex(window.ack().value()) == "a40f000000");
  window.on_frame();
  BOOST_TEST(to_hex(window.ack().value()) == "a410000000");  // It had not left.
  window.ack_sent();
  BOOST_TEST(!window.ack().has_value());
}

// --- A node ---

BOOST_AUTO_TEST_CASE(a_node_accepts_couriers_with_the_greeting_only) {
  Host node(End::node);
  node.knock("Hello");
  node.knock(std::string(protocol::courier_greeting).append(" "));
  node.knock("");
  BOOST_TEST(node.transport.friends() == 0U);
  BOOST_TEST(node.count(Counter::refused_courier) == 3U);
  node.knock();
  BOOST_TEST(node.transport.friends() == 1U);
  BOOST_TEST(tox_self_get_friend_list_size(node.tox.get()) == 1U);
}

BOOST_AUTO_TEST_CASE(a_courier_that_is_idle_or_offline_gives_way) {
  Host node(End::node, 3);
  std::vector<crypto::Point> couriers;
  for (int i = 0; i < 3; ++i) {
    couriers.push_back(node.knock());
    node.connect(couriers.back());
  }
  node.pass(FriendTransport::courier_active);
  node.transport.on_authentic(FriendTransport::route_to_key(couriers[0]));
  node.transport.on_authentic(FriendTransport::route_to_key(couriers[2]));
  node.receive(couriers[1], frame());
  const auto taken = node.knock();  // In place of the one that made no authentic request.
  BOOST_TEST(node.transport.friends() == 3U);
  BOOST_TEST(node.number(taken) != UINT32_MAX);
  BOOST_TEST(node.number(couriers[1]) == UINT32_MAX);
  node.connect(taken);
  node.connect(couriers[2], false);
  const auto next = node.knock();  // In place of the one that is offline.
  BOOST_TEST(node.number(next) != UINT32_MAX);
  BOOST_TEST(node.number(couriers[2]) == UINT32_MAX);
  BOOST_TEST(node.number(couriers[0]) != UINT32_MAX);
  BOOST_TEST(tox_self_get_friend_list_size(node.tox.get()) == 3U);
}

BOOST_AUTO_TEST_CASE(offline_and_idle_couriers_are_removed) {
  Host node(End::node);
  const auto gone = node.knock();
  const auto idle = node.knock();
  const auto busy = node.knock();
  for (const auto& key : {idle, busy}) {
    node.connect(key);
  }
  node.pass(FriendTransport::courier_offline);
  BOOST_TEST(node.number(gone) == UINT32_MAX);
  BOOST_TEST(node.transport.friends() == 2U);
  node.receive(busy, frame());
  node.pass(FriendTransport::courier_idle - FriendTransport::courier_offline);
  BOOST_TEST(node.number(idle) == UINT32_MAX);
  BOOST_TEST(node.number(busy) != UINT32_MAX);
  BOOST_TEST(node.count(Counter::couriers_removed) == 2U);
}

BOOST_AUTO_TEST_CASE(new_couriers_are_rate_limited) {
  Host node(End::node, 1000);
  for (std::uint32_t i = 0; i < FriendTransport::couriers_at_once + 10; ++i) {
    node.knock();
  }
  BOOST_TEST(node.transport.friends() == FriendTransport::couriers_at_once);
  BOOST_TEST(node.count(Counter::refused_courier) == 10U);
  node.pass(FriendTransport::next_courier);
  node.knock();
  node.knock();
  BOOST_TEST(node.transport.friends() == FriendTransport::couriers_at_once + 1);
}

BOOST_AUTO_TEST_CASE(frames_are_delivered_after_iterate_with_their_route) {
  Host node(End::node);
  const auto key = node.knock();
  node.connect(key);
  node.receive(key, frame(0xa2));
  BOOST_TEST(node.inbox.packets.empty());
  node.pass(1ms);
  BOOST_REQUIRE(node.inbox.packets.size() == 1U);
  BOOST_TEST((node.inbox.packets[0] == frame(0xa2)));
  const Route& from = node.inbox.routes[0];
  BOOST_TEST((from.transport == TransportKind::toxcore_friends));
  BOOST_TEST((from.endpoint.family == Endpoint::keyed));
  BOOST_TEST(!protocol::is_usable_address(from.endpoint, true));
  BOOST_TEST((id_from<crypto::Point>(from.sendback_bytes()) == key));
  BOOST_TEST(node.transport.send(from, frame(0xa3)));
}

BOOST_AUTO_TEST_CASE(invalid_frames_are_refused_and_the_queue_is_limited) {
  Host node(End::node);
  const auto key = node.knock();
  node.connect(key);
  node.receive(key, Bytes(10, 0xb0));
  node.receive(key, Bytes(limits::frame + 1, 0xa0));
  BOOST_TEST(node.count(Counter::refused_kind) == 2U);
  node.receive(key, protocol::encode_friend_ack(1));
  BOOST_TEST(node.count(Counter::refused_friend_ack) == 1U);
  for (std::size_t i = 0; i < FriendTransport::queue_limit + 5; ++i) {
    node.receive(key, frame());
  }
  BOOST_TEST(node.count(Counter::refused_overloaded) == 5U);
  node.pass(1ms);
  BOOST_TEST(node.inbox.packets.size() == FriendTransport::queue_limit);
}

BOOST_AUTO_TEST_CASE(a_node_sends_to_couriers_only) {
  Host node(End::node);
  const crypto::Point stranger = crypto::KeyPair::generate(node.random).public_key;
  BOOST_TEST(!node.transport.send(FriendTransport::route_to_key(stranger), frame(0xa1)));
  BOOST_TEST(!node.transport.send(Route{TransportKind::udp, {4, {127, 0, 0, 1}, 1}, 0, {}}, frame(0xa1)));
  const auto key = node.knock();
  const Route to = FriendTransport::route_to_key(key);
  BOOST_TEST(!node.transport.send(to, Bytes(limits::frame + 1, 0xa1)));
  for (std::size_t i = 0; i < FrameWindow::max_held; ++i) {
    BOOST_TEST(node.transport.send(to, frame(0xa1)));
  }
  BOOST_TEST(!node.transport.send(to, frame(0xa1)));
  BOOST_TEST(node.count(Counter::refused_friend_window) == 1U);
}

BOOST_AUTO_TEST_CASE(friends_of_a_profile_are_removed) {
  Host before(End::node);
  before.knock();
  FriendTransport again(before.tox.get(), End::node, 4, Telemetry(before.metrics, before.log));
  BOOST_TEST(tox_self_get_friend_list_size(before.tox.get()) == 0U);
}

// --- A courier's end ---

BOOST_AUTO_TEST_CASE(sending_to_a_node_id_adds_the_node_as_friend) {
  Host client(End::courier);
  const auto id = some_node_id();
  const Route to = client.transport.route_to_node(id, {});
  BOOST_TEST(!protocol::is_usable_address(to.endpoint, true));
  BOOST_TEST(tox_self_get_friend_list_size(client.tox.get()) == 0U);
  BOOST_TEST(client.transport.send(to, frame()));
  BOOST_TEST(client.transport.send(to, frame()));
  BOOST_TEST(client.count(Counter::courier_requests) == 1U);
  BOOST_TEST(client.number(protocol::tox_key_of(id).value()) != UINT32_MAX);
}

BOOST_AUTO_TEST_CASE(a_node_id_that_is_no_key_has_no_route) {
  Host client(End::courier);
  BOOST_TEST(!client.transport.send(client.transport.route_to_node(test::numbered<protocol::NodeId>(1), {}),
                                    frame()));
  BOOST_TEST(!client.transport.send(
      client.transport.route_to_node(test::numbered<protocol::NodeId>(2), {4, {127, 0, 0, 1}, 1}), frame()));
  BOOST_TEST(client.transport.friends() == 0U);
}

BOOST_AUTO_TEST_CASE(unused_nodes_are_removed_and_their_number_is_limited) {
  Host client(End::courier, 2);
  const auto first = some_node_id();
  const auto second = some_node_id();
  const auto key = [](const protocol::NodeId& id) { return protocol::tox_key_of(id).value(); };
  BOOST_TEST(client.transport.send(client.transport.route_to_node(first, {}), frame()));
  BOOST_TEST(client.transport.send(client.transport.route_to_node(second, {}), frame()));
  client.connect(key(first));
  client.connect(key(second));
  BOOST_TEST(!client.transport.send(client.transport.route_to_node(some_node_id(), {}), frame()));
  client.pass(FriendTransport::node_unused / 2);
  BOOST_TEST(client.transport.send(client.transport.route_to_node(second, {}), frame()));
  client.pass(FriendTransport::node_unused / 2);
  BOOST_TEST(client.number(key(first)) == UINT32_MAX);
  BOOST_TEST(client.number(key(second)) != UINT32_MAX);
}

// --- The thread ---

BOOST_AUTO_TEST_CASE(a_courier_has_a_new_key_and_blocks_signals) {
  Metrics metrics;
  test::QuietLog log;
  CourierSettings settings;
  settings.udp = false;
  static std::atomic<int> handled_elsewhere{0};
  static const std::thread::id here = std::this_thread::get_id();
  std::signal(SIGALRM, [](int) { handled_elsewhere += std::this_thread::get_id() == here ? 0 : 1; });
  const auto first = Courier::start(settings, Telemetry(metrics, log));
  const auto second = Courier::start(settings, Telemetry(metrics, log));
  BOOST_REQUIRE((first.has_value() && second.has_value()));
  BOOST_TEST(((*first)->tox_key() != (*second)->tox_key()));
  const itimerval every_ms{{0, 1000}, {0, 1000}};
  const itimerval never{};
  setitimer(ITIMER_REAL, &every_ms, nullptr);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  while (std::chrono::steady_clock::now() < until) {
    (*first)->poll();
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  std::signal(SIGALRM, SIG_DFL);
  BOOST_TEST(handled_elsewhere == 0);
}

BOOST_AUTO_TEST_CASE(a_courier_respects_the_clients_tox_options) {
  const ToxOptionsPointer client(tox_options_new(nullptr));
  tox_options_set_udp_enabled(client.get(), true);  // A client that forgot to switch it off.
  tox_options_set_ipv6_enabled(client.get(), false);
  tox_options_set_local_discovery_enabled(client.get(), false);
  tox_options_set_proxy_type(client.get(), TOX_PROXY_TYPE_SOCKS5);
  tox_options_set_proxy_host(client.get(), "127.0.0.1");
  tox_options_set_proxy_port(client.get(), 9050);
  const CourierSettings settings = CourierSettings::of(*client);
  const ToxOptionsPointer ours = settings.tox_options();
  BOOST_TEST(!tox_options_get_udp_enabled(ours.get()));
  BOOST_TEST(!tox_options_get_ipv6_enabled(ours.get()));
  BOOST_TEST(!tox_options_get_local_discovery_enabled(ours.get()));
  BOOST_TEST(tox_options_get_proxy_type(ours.get()) == TOX_PROXY_TYPE_SOCKS5);
  BOOST_TEST(std::string(tox_options_get_proxy_host(ours.get())) == "127.0.0.1");
  BOOST_TEST(tox_options_get_proxy_port(ours.get()) == 9050U);
  BOOST_TEST(tox_options_get_savedata_type(ours.get()) == TOX_SAVEDATA_TYPE_NONE);
}

BOOST_AUTO_TEST_CASE(a_courier_needs_a_usable_proxy) {
  Metrics metrics;
  test::QuietLog log;
  CourierSettings settings;
  settings.udp = false;
  settings.proxy_type = TOX_PROXY_TYPE_SOCKS5;
  settings.proxy_host = "127.0.0.1";
  const auto courier = Courier::start(settings, Telemetry(metrics, log));
  BOOST_REQUIRE(courier.has_error());
  BOOST_TEST(courier.error() == TOX_ERR_NEW_PROXY_BAD_PORT);
}

BOOST_AUTO_TEST_CASE(the_queue_to_the_courier_thread_is_limited) {
  Metrics metrics;
  test::QuietLog log;
  CourierSettings settings;
  settings.udp = false;
  const auto courier = Courier::start(settings, Telemetry(metrics, log));
  BOOST_REQUIRE(courier.has_value());
  const Route to = (*courier)->route_to_node(some_node_id(), {});
  std::size_t taken = 0;
  for (std::size_t i = 0; i < 200 * Courier::queue_limit && metrics.value(Counter::refused_overloaded) == 0;
       ++i) {
    taken += (*courier)->send(to, frame()) ? 1 : 0;
  }
  BOOST_TEST(metrics.value(Counter::refused_overloaded) != 0U);
  BOOST_TEST(taken >= Courier::queue_limit);
  BOOST_TEST(!(*courier)->send(to, Bytes(1, 0xb0)));
}

BOOST_AUTO_TEST_SUITE_END()
