// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <memory>

#include "harness.hpp"

namespace toxasync::test {
namespace {

using node::NodeConfig;
using protocol::FrameKind;
using protocol::StoreStatus;

/// A point of order 8 (RFC 7748, section 7): its agreement with any scalar is zero.
const crypto::Point low_order =
    id_from_hex<crypto::Point>("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").value();

struct Fixture {
  NodeHarness node;
  HandClient client{node};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());

  Fixture() { client.greet(); }

  protocol::StoreRequest request(std::uint64_t seed = 1) {
    return client.store_request(mailbox.mailbox, test_envelope(seed));
  }
  Bytes frame() { return client.seal(request()); }
  /// A frame from x with a good cookie and a random box.
  Bytes frame_of(const crypto::Point& x) {
    Bytes packet = client.unknowing_frame();
    std::ranges::copy(x, packet.begin() + 18);
    const auto replies = node.exchange(client.route(), packet);
    const auto cookie = must(protocol::read_frame_header(replies.at(0))).cookie;
    std::ranges::copy(cookie, packet.begin() + 2);
    return packet;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(node_admission)

BOOST_FIXTURE_TEST_CASE(a_frame_of_any_other_length_is_refused_without_an_answer, Fixture) {
  const Bytes good = frame();
  std::uint64_t refused = 0;
  for (std::size_t size = 0; size < good.size(); ++size) {
    BOOST_TEST(node.exchange(client.route(), ByteView(good).first(size)).empty());
    BOOST_TEST(node[Counter::refused_length] == ++refused);
  }
  for (const std::size_t size : {1373U, 1500U, 2048U, 65535U}) {
    Bytes longer = good;
    longer.resize(size);
    BOOST_TEST(node.exchange(client.route(), longer).empty());
    BOOST_TEST(node[Counter::refused_length] == ++refused);
  }
  BOOST_TEST(node[Counter::cookies_sent] == 1U);  // the greeting's
  BOOST_TEST(client.exchange(good).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(kinds_that_are_no_requests_are_refused_without_an_answer, Fixture) {
  std::uint64_t refused = 0;
  for (int kind = 0; kind < 256; ++kind) {
    if (kind == 0xa0 || kind == 0xa2) {
      continue;
    }
    Bytes packet = frame();
    packet[0] = static_cast<std::uint8_t>(kind);
    BOOST_TEST(node.exchange(client.route(), packet).empty());
    BOOST_TEST(node[Counter::refused_kind] == ++refused);
  }
}

BOOST_FIXTURE_TEST_CASE(another_version_is_refused_without_an_answer, Fixture) {
  std::uint64_t refused = 0;
  for (const int version : {0, 2, 3, 255}) {
    Bytes packet = frame();
    packet[1] = static_cast<std::uint8_t>(version);
    BOOST_TEST(node.exchange(client.route(), packet).empty());
    BOOST_TEST(node[Counter::refused_version] == ++refused);
  }
}

BOOST_FIXTURE_TEST_CASE(a_valid_frame_with_any_byte_changed_is_never_accepted, Fixture) {
  BOOST_TEST((client.ask(request(1)).value().status == StoreStatus::stored));  // the session exists
  const Bytes good = client.seal(request(2));
  SeededRandom random(3);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] ^= static_cast<std::uint8_t>(1U << random.below(8));
    for (const Bytes& reply : node.exchange(client.route(), changed)) {
      BOOST_TEST(reply.size() < limits::frame);  // a cookie reply
    }
  }
  for (std::size_t bit = 0; bit < 8 * limits::frame_header; ++bit) {
    Bytes changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    for (const Bytes& reply : node.exchange(client.route(), changed)) {
      BOOST_TEST(reply.size() < limits::frame);
    }
  }
  BOOST_TEST(node[Counter::node_stored] == 1U);
  BOOST_TEST(node[Counter::sessions_opened] == 1U);
  BOOST_TEST(node.store.stats().messages == 1U);
  BOOST_TEST(client.exchange(good).size() == 1U);  // it was valid all the time
  BOOST_TEST(node[Counter::node_stored] == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_forged_box_gets_a_cookie_reply_and_is_counted, Fixture) {
  const auto replies = client.exchange(client.unknowing_frame());
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  BOOST_TEST(protocol::NodeDescriptor::decode_signed(ByteView(replies[0]).subspan(limits::frame_header))
                 .has_value());
  BOOST_TEST(node[Counter::refused_frame_forged] == 1U);
  BOOST_TEST(node[Counter::sessions_opened] == 0U);
}

BOOST_FIXTURE_TEST_CASE(forged_frames_do_not_disturb_a_session_and_cost_it_no_tokens, Fixture) {
  BOOST_TEST((client.ask(request(1)).value().status == StoreStatus::stored));
  for (int i = 0; i < 200; ++i) {  // more than the tokens of a source
    client.exchange(client.unknowing_frame());
  }
  BOOST_TEST(node[Counter::refused_frame_forged] == 200U);
  BOOST_TEST(node[Counter::refused_rate] == 0U);
  BOOST_TEST((client.ask(request(2)).value().status == StoreStatus::stored));
}

BOOST_FIXTURE_TEST_CASE(a_second_encoding_of_a_session_point_is_refused_for_nothing, Fixture) {
  std::uint64_t refused = 0;
  for (const crypto::Point& x : second_encodings()) {
    const Bytes packet = frame_of(x);
    for (int i = 0; i < 100; ++i) {  // more than the tokens of a source: it costs none
      BOOST_TEST(node.exchange(client.route(), packet).empty());
      BOOST_TEST(node[Counter::refused_session_point] == ++refused);
    }
  }
  BOOST_TEST(node[Counter::refused_rate] == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_session_point_of_low_order_is_refused, Fixture) {
  crypto::Point one{};
  one[0] = 1;
  for (const crypto::Point& x : {crypto::Point{}, one, low_order}) {
    BOOST_TEST(node.exchange(client.route(), frame_of(x)).empty());
  }
  BOOST_TEST(node[Counter::refused_session_point] == 3U);
  BOOST_TEST(node[Counter::sessions_opened] == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_replayed_frame_draws_nothing, Fixture) {
  const Bytes store = frame();
  BOOST_TEST(client.exchange(store).size() == 1U);
  BOOST_TEST(node.exchange(client.route(), store).empty());
  const Bytes retrieve = client.seal(client.retrieve_request(mailbox));
  BOOST_TEST(client.exchange(retrieve).size() == 1U);
  BOOST_TEST(node.exchange(client.route(), retrieve).empty());
  BOOST_TEST(node[Counter::refused_replay] == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_repeated_old_or_zero_counter_draws_nothing, Fixture) {
  const auto numbered = [&](std::uint64_t counter) {
    auto made = request(counter);
    made.counter = counter;
    client.sign(made, mailbox.mailbox);
    return client.exchange(client.seal(made)).size();
  };
  BOOST_TEST(numbered(100) == 1U);
  BOOST_TEST(numbered(100) == 0U);
  BOOST_TEST(numbered(0) == 0U);
  BOOST_TEST(numbered(36) == 0U);  // 64 behind
  BOOST_TEST(numbered(37) == 1U);
  BOOST_TEST(numbered(37) == 0U);
  BOOST_TEST(numbered(~std::uint64_t{0}) == 1U);
  BOOST_TEST(numbered(101) == 0U);
  BOOST_TEST(node[Counter::refused_replay] == 5U);
}

BOOST_FIXTURE_TEST_CASE(a_malformed_message_draws_nothing_and_is_counted, Fixture) {
  Bytes good(limits::plaintext);
  const std::size_t size = must(wire::encode_padded(request(), good)).size();
  std::uint64_t refused = 0;
  const auto refuses = [&](const Bytes& plain, FrameKind kind) {
    BOOST_TEST(client.exchange(client.seal(kind, plain)).empty());
    BOOST_TEST(node[Counter::refused_message_malformed] == ++refused);
  };
  for (std::size_t cut = 0; cut < size; ++cut) {  // its length says less than there is
    Bytes plain = good;
    store_le(static_cast<std::uint16_t>(cut), plain.data());
    refuses(plain, FrameKind::store);
  }
  Bytes plain = good;
  plain.back() = 1;  // padding
  refuses(plain, FrameKind::store);
  plain = good;
  store_le(std::uint16_t{0xffff}, plain.data());
  refuses(plain, FrameKind::store);
  plain = good;
  store_le(static_cast<std::uint16_t>(limits::large_envelope + 1),
           plain.data() + 2 + limits::store_fields - 2);
  refuses(plain, FrameKind::store);
  refuses(good, FrameKind::retrieve);  // a store request in a retrieve frame
  BOOST_TEST(node.store.stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE(another_rate_of_key_agreement_counts_at_once) {
  NodeConfig config;
  config.key_agreements_burst = 2;
  NodeHarness node(config);
  HandClient first(node, 1);
  first.greet();
  const auto mailbox = test_mailbox(node.epoch());
  BOOST_TEST(first.ask(first.store_request(mailbox.mailbox, test_envelope(1))).has_value());
  HandClient second(node, 2);
  second.greet();
  node.clock.advance(1s);
  BOOST_TEST(!second.ask(second.store_request(mailbox.mailbox, test_envelope(2))).has_value());
  node.node.set_key_agreement_rate(2, 120);
  node.clock.advance(1s);
  BOOST_TEST((second.ask(second.store_request(mailbox.mailbox, test_envelope(2))).value().status ==
              StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_source_without_tokens_gets_no_key_agreement) {
  NodeConfig config;
  config.key_agreements_burst = 2;
  config.key_agreements_per_minute = 8;  // one in 7.5 s
  NodeHarness node(config);
  const auto mailbox = test_mailbox(node.epoch());
  HandClient first(node, 1);
  first.greet();
  HandClient second(node, 2);
  second.greet();
  const auto store = [&](HandClient& client, std::uint64_t seed) {
    return client.ask(client.store_request(mailbox.mailbox, test_envelope(seed)));
  };
  BOOST_TEST((store(first, 1).value().status == StoreStatus::stored));  // X and W
  BOOST_TEST(!store(second, 2).has_value());                            // no key to answer with
  BOOST_TEST(node[Counter::refused_rate] == 1U);
  BOOST_TEST((store(first, 3).value().status == StoreStatus::stored));  // what is known costs nothing

  HandClient elsewhere(node, 3, MockTransport::route_to(ipv4(2)));
  elsewhere.greet();
  BOOST_TEST((store(elsewhere, 4).value().status == StoreStatus::stored));

  node.clock.advance(14999ms);
  BOOST_TEST(!store(second, 2).has_value());
  node.clock.advance(1ms);
  BOOST_TEST((store(second, 2).value().status == StoreStatus::stored));
  BOOST_TEST(node[Counter::refused_rate] == 2U);

  const auto another = test_mailbox(node.epoch(), 1);  // one more key agreement for a known X
  const auto later = second.ask(second.store_request(another.mailbox, test_envelope(2))).value();
  BOOST_TEST((later.status == StoreStatus::try_later));
  BOOST_TEST(later.retry_after_s == 8U);
  const auto page = second.ask(second.retrieve_request(another)).at(0);
  BOOST_TEST(page.flags == protocol::Page::flag_try_later);
  BOOST_TEST(page.retry_after_s == 8U);
  node.clock.advance(seconds{later.retry_after_s});
  BOOST_TEST((second.ask(second.store_request(another.mailbox, test_envelope(2))).value().status ==
              StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_source_that_asks_for_more_than_it_is_granted_is_served_with_what_it_is) {
  NodeConfig config;
  config.key_agreements_burst = 16;
  config.key_agreements_per_minute = 16;
  NodeHarness node(config);
  const auto mailbox = test_mailbox(node.epoch());
  std::size_t served = 0;
  for (std::uint64_t second = 0; second < 600; ++second) {  // 60 new sessions a minute
    HandClient client(node, second);
    client.greet();
    const auto answer = client.ask(client.store_request(mailbox.mailbox, test_envelope(second)));
    served += answer && answer->status == StoreStatus::stored ? 1 : 0;
    node.clock.advance(1s);
  }
  BOOST_TEST(served >= 8U + 79U);
  BOOST_TEST(served <= 8U + 80U);
}

BOOST_AUTO_TEST_CASE(the_session_table_is_bounded_and_keeps_the_recently_used) {
  NodeConfig config;
  config.sessions = 3;
  NodeHarness node(config);
  const auto mailbox = test_mailbox(node.epoch());
  std::vector<std::unique_ptr<HandClient>> clients;
  for (std::uint64_t i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<HandClient>(node, i));
    clients.back()->greet();
    BOOST_TEST(!clients.back()->ask(clients.back()->retrieve_request(mailbox)).empty());
    BOOST_TEST(!clients.front()->ask(clients.front()->retrieve_request(mailbox)).empty());
  }
  BOOST_TEST(node[Counter::sessions_opened] == 5U);
  BOOST_TEST(node[Counter::sessions_evicted] == 2U);
  BOOST_TEST(!clients[1]->ask(clients[1]->retrieve_request(mailbox)).empty());  // comes back as a new one
  BOOST_TEST(node[Counter::sessions_opened] == 6U);
}

BOOST_AUTO_TEST_CASE(an_answer_to_an_evicted_session_is_dropped_and_counted) {
  NodeConfig config;
  config.sessions = 1;
  NodeHarness node(config);
  const auto mailbox = test_mailbox(node.epoch());
  HandClient first(node, 1);
  first.greet();
  HandClient second(node, 2);
  second.greet();
  node.store.hold_completions(true);
  BOOST_TEST(first.exchange(first.seal(first.store_request(mailbox.mailbox, test_envelope(1)))).empty());
  BOOST_TEST(second.exchange(second.seal(second.retrieve_request(mailbox))).empty());
  node.store.hold_completions(false);
  const auto replies = node.tick();
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  BOOST_TEST(second.open(replies[0]).has_value());
  BOOST_TEST(node[Counter::refused_session_unknown] == 1U);
}

BOOST_AUTO_TEST_CASE(answers_take_the_route_of_the_request_in_full_frames) {
  NodeHarness node;
  Route route = MockTransport::route_to(ipv4(77, 1234));
  route.transport = TransportKind::toxcore_dispatcher;
  route.sendback_size = 254;
  route.sendback.fill(9);
  HandClient client(node, 1, route);
  client.greet();
  const auto mailbox = test_mailbox(node.epoch());
  RecordingTransport other;
  node.node.on_packet(other, route, client.seal(client.store_request(mailbox.mailbox, test_envelope(1))),
                      node.clock.now());
  node.node.on_packet(other, route, client.seal(client.retrieve_request(mailbox)), node.clock.now());
  BOOST_TEST(node.tick().empty());
  const auto sent = other.take();
  BOOST_TEST(sent.size() == 2U);
  for (const auto& [to, packet] : sent) {
    BOOST_TEST(packet.size() == limits::frame);
    BOOST_TEST((to.transport == route.transport && to.endpoint == route.endpoint));
    BOOST_TEST(std::ranges::equal(to.sendback_bytes(), route.sendback_bytes()));
    BOOST_TEST(client.open(packet).has_value());
  }
}

BOOST_FIXTURE_TEST_CASE(no_answer_goes_to_a_transport_that_was_dropped, Fixture) {
  node.store.hold_completions(true);
  BOOST_TEST(client.exchange(frame()).empty());
  node.node.drop_transport(node.transport);
  node.store.hold_completions(false);
  BOOST_TEST(node.tick().empty());
  BOOST_TEST(node[Counter::node_stored] == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_packet_that_the_transport_refuses_is_counted, Fixture) {
  node.transport.set_broken(true);
  BOOST_TEST(client.exchange(frame()).empty());
  BOOST_TEST(node[Counter::send_failed] == 1U);
}

BOOST_FIXTURE_TEST_CASE(frames_and_bytes_are_counted_in_both_directions, Fixture) {
  client.exchange(frame());
  BOOST_TEST(node[Counter::frames_in] == 2U);
  BOOST_TEST(node[Counter::bytes_in] == 2 * limits::frame);
  BOOST_TEST(node[Counter::frames_out] == 2U);
  BOOST_TEST(node[Counter::bytes_out] ==
             limits::frame + limits::frame_header + node.node.descriptor().size());
}

BOOST_FIXTURE_TEST_CASE(the_deadline_asks_for_a_tick_while_requests_wait, Fixture) {
  node.tick();
  const auto idle = node.node.next_deadline();
  BOOST_TEST(idle > node.clock.steady());
  BOOST_TEST(idle <= node.clock.steady() + 1s);
  node.node.on_packet(node.transport, client.route(), frame(), node.clock.now());
  BOOST_TEST(node.node.next_deadline() <= node.clock.steady());
  node.store.hold_completions(true);
  node.tick();
  BOOST_TEST(node.node.next_deadline() > node.clock.steady());
  BOOST_TEST(node.node.next_deadline() < idle);  // MemoryStore cannot wake the node
}

BOOST_FIXTURE_TEST_CASE(junk_without_a_valid_cookie_is_not_amplified, Fixture) {
  BOOST_TEST((client.ask(request(1)).value().status == StoreStatus::stored));  // a session that is known
  const std::vector<Bytes> good = {client.seal(request(2)), client.seal(client.retrieve_request(mailbox)),
                                   client.unknowing_frame()};
  SeededRandom random(12);
  std::size_t drew_something = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes packet = good[random.below(good.size())];
    Route from = client.route();
    if (random.chance(500)) {  // the same bytes, cookie too, from elsewhere
      from.endpoint.ip[3] ^= static_cast<std::uint8_t>(1 + random.below(255));
    } else if (random.chance(500)) {
      from.endpoint.port ^= static_cast<std::uint16_t>(1 + random.below(65535));
    } else {
      packet[2 + random.below(16)] ^= static_cast<std::uint8_t>(1 + random.below(255));
    }
    for (std::uint64_t changes = random.below(4); changes > 0; --changes) {
      packet[random.below(2) == 0 ? random.below(2) : 18 + random.below(packet.size() - 18)] =
          static_cast<std::uint8_t>(random.below(256));
    }
    if (random.chance(200)) {
      packet.resize(random.below(2000));
    }
    std::size_t drew = 0;
    for (const Bytes& reply : node.exchange(from, packet)) {
      drew += reply.size();
    }
    BOOST_TEST(drew <= packet.size() / 4);
    BOOST_TEST((drew == 0 || packet.size() == limits::frame));
    drew_something += drew != 0 ? 1 : 0;
  }
  BOOST_TEST(drew_something > 1000U);
  BOOST_TEST(node[Counter::sessions_opened] == 1U);
  BOOST_TEST(node[Counter::node_stored] == 1U);
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_FIXTURE_TEST_CASE(random_packets_do_no_harm, Fixture) {
  SeededRandom random(11);
  for (int i = 0; i < 2000; ++i) {
    Bytes packet(random.chance(500) ? limits::frame : random.below(1500));
    random.fill(packet);
    if (!packet.empty() && random.chance(700)) {
      packet[0] = static_cast<std::uint8_t>(0xa0 + random.below(4));
    }
    if (packet.size() > 1) {
      packet[1] = 1;
    }
    for (const Bytes& reply : node.exchange(client.route(), packet)) {
      BOOST_TEST(reply.size() <= packet.size());
    }
  }
  BOOST_TEST(client.exchange(frame()).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
