// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"
#include "node/cookie_jar.hpp"

namespace toxasync::test {
namespace {

using node::CookieJar;
using node::NodeConfig;
using protocol::FrameKind;

struct Fixture {
  bool ready = crypto::initialise();
  SeededRandom random{1};
  CookieJar jar{random};
  Route route = [this] {
    Route made = MockTransport::route_to(ipv4(5));
    made.sendback_size = 20;
    random.fill(MutableBytes(made.sendback).first(20));
    return made;
  }();
  crypto::Point x{random.array<32>()};
  SteadyTime now{100 * CookieJar::window_length};
};

/// How many packets of ours the node answered with more than a cookie reply.
std::uint64_t sessions(const NodeHarness& node) {
  return node[Counter::sessions_opened];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_cookie)

BOOST_FIXTURE_TEST_CASE(a_cookie_is_valid_for_its_source_and_session_only, Fixture) {
  const auto cookie = jar.bake(route, x, now);
  BOOST_TEST(jar.accepts(cookie, route, x, now));
  auto other = route;
  other.transport = TransportKind::udp;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.endpoint.family = 6;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.endpoint.ip[3] ^= 1;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.endpoint.ip[15] ^= 1;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.endpoint.port ^= 0x100;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.sendback[19] ^= 1;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  other = route;
  other.sendback_size = 19;
  BOOST_TEST(!jar.accepts(cookie, other, x, now));
  auto other_x = x;
  other_x[31] ^= 1;
  BOOST_TEST(!jar.accepts(cookie, route, other_x, now));
}

BOOST_FIXTURE_TEST_CASE(a_byte_cannot_move_between_the_sendback_and_the_session, Fixture) {
  auto shifted = route;
  shifted.sendback_size = 21;
  shifted.sendback[20] = x[0];
  crypto::Point rest{};
  std::copy(x.begin() + 1, x.end(), rest.begin());
  BOOST_TEST(!jar.accepts(jar.bake(route, x, now), shifted, rest, now));
}

BOOST_FIXTURE_TEST_CASE(every_bit_of_a_cookie_counts, Fixture) {
  const auto cookie = jar.bake(route, x, now);
  for (std::size_t bit = 0; bit < cookie.size() * 8; ++bit) {
    auto wrong = cookie;
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    BOOST_TEST(!jar.accepts(wrong, route, x, now));
  }
}

BOOST_FIXTURE_TEST_CASE(a_cookie_lasts_two_minutes_and_never_four, Fixture) {
  for (const SteadyTime born :
       {now, now + 1ms, now + CookieJar::window_length / 2, now + CookieJar::window_length - 1ms}) {
    const auto cookie = jar.bake(route, x, born);
    BOOST_TEST(jar.accepts(cookie, route, x, born + CookieJar::window_length));
    BOOST_TEST(!jar.accepts(cookie, route, x, born + 2 * CookieJar::window_length));
  }
}

BOOST_FIXTURE_TEST_CASE(a_cookie_of_another_start_of_the_node_is_refused, Fixture) {
  const CookieJar after_restart(random);
  BOOST_TEST(!after_restart.accepts(jar.bake(route, x, now), route, x, now));
}

BOOST_AUTO_TEST_CASE(a_cookie_reply_is_small_and_needs_no_key_agreement) {
  NodeConfig config;
  config.addresses.assign(7, ipv4(9));  // four are announced
  config.key_agreements_burst = 0;      // no key agreement is allowed at all
  config.key_agreements_per_minute = 0;
  NodeHarness node(config);
  HandClient client(node);
  const auto request = client.unknowing_frame(FrameKind::retrieve);
  const auto replies = node.exchange(client.route(), request);
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  const Bytes& reply = replies[0];
  BOOST_TEST(reply.size() <= request.size());
  BOOST_TEST(node[Counter::refused_cookie] == 1U);
  BOOST_TEST(node[Counter::cookies_sent] == 1U);
  BOOST_TEST(node[Counter::refused_rate] == 0U);
  BOOST_TEST(sessions(node) == 0U);

  const auto asked = must(protocol::read_frame_header(request));
  const auto header = must(protocol::read_frame_header(reply));
  BOOST_TEST((header.kind == FrameKind::retrieve_response));
  BOOST_TEST(header.session == asked.session);
  BOOST_TEST(header.nonce == asked.nonce);
  BOOST_TEST((header.cookie != asked.cookie));
  const auto descriptor =
      protocol::NodeDescriptor::decode_signed(ByteView(reply).subspan(limits::frame_header));
  BOOST_TEST_REQUIRE(descriptor.has_value());
  BOOST_TEST(descriptor->id == node.keys.id());
  BOOST_TEST(descriptor->key == node.keys.current().pair.public_key);
  BOOST_TEST(descriptor->addresses.size() == limits::addresses_per_node);
  BOOST_TEST(unix_time(descriptor->valid_until_s) == node.clock.unix_time() + days(7));
}

BOOST_AUTO_TEST_CASE(the_cookie_of_the_reply_opens_the_door) {
  NodeHarness node;
  HandClient client(node);
  client.greet();
  const auto mailbox = test_mailbox(node.epoch());
  BOOST_TEST(client.ask(client.store_request(mailbox.mailbox, test_envelope(1))).has_value());
  BOOST_TEST(sessions(node) == 1U);
}

BOOST_AUTO_TEST_CASE(a_frame_without_a_valid_cookie_gets_only_a_cookie_reply) {
  NodeHarness node;
  HandClient client(node);
  client.greet();
  const auto mailbox = test_mailbox(node.epoch());
  const auto good = client.cookie();
  const auto try_with = [&](const protocol::Cookie& cookie, const Route& route) {
    const auto before = node[Counter::refused_cookie];
    client.set_cookie(cookie);
    const auto replies =
        node.exchange(route, client.seal(client.store_request(mailbox.mailbox, test_envelope(1))));
    BOOST_TEST(replies.size() == 1U);
    BOOST_TEST(replies.at(0).size() == limits::frame_header + node.node.descriptor().size());
    BOOST_TEST(node[Counter::refused_cookie] == before + 1);
  };
  HandClient neighbour(node, 200);
  neighbour.greet();
  try_with({}, client.route());                             // none
  try_with(neighbour.cookie(), client.route());             // made for another X
  try_with(good, MockTransport::route_to(ipv4(2)));         // from another address
  try_with(good, MockTransport::route_to(ipv4(1, 33446)));  // from another port
  node.clock.advance(2 * CookieJar::window_length);
  try_with(good, client.route());  // too old
  BOOST_TEST(sessions(node) == 0U);
  BOOST_TEST(node.store.stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE(the_cookie_of_each_answer_serves_the_next_request) {
  NodeHarness node;
  HandClient client(node);
  client.greet();
  const auto mailbox = test_mailbox(node.epoch());
  for (std::uint64_t i = 0; i < 20; ++i) {
    node.clock.advance(119s);
    BOOST_TEST(client.ask(client.store_request(mailbox.mailbox, test_envelope(i))).has_value());
    node.clock.advance(119s);
    BOOST_TEST(client.ask(client.retrieve_request(mailbox)).size() >= 1U);
  }
  BOOST_TEST(node[Counter::cookies_sent] == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
