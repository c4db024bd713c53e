// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "client/exchange.hpp"
#include "rig.hpp"

namespace toxasync::test {
namespace {

using client::StoreOutcome;

/// The outcome of a store on a node that shows this descriptor, and that it was counted as refused.
void check_descriptor_refused(Rig& rig, ScriptedNode& node,
                              std::function<Bytes(const protocol::FrameHeader&)> descriptor) {
  node.descriptor_hook = std::move(descriptor);
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::unreachable);
  BOOST_TEST(rig.telemetry[Counter::refused_descriptor] == 5);
  BOOST_TEST(rig.telemetry[Counter::client_cookies] == 0);
  BOOST_TEST(node.stores_served == 0);
}

/// With one field changed and signed again by the node.
template <class Change>
void check_signed_descriptor_refused(Change&& change) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  check_descriptor_refused(rig, node, [&](const auto&) {
    auto descriptor = node.descriptor();
    change(descriptor, rig.clock.unix_time());
    return node.sign(descriptor);
  });
}

BOOST_AUTO_TEST_SUITE(client_cookie)

BOOST_AUTO_TEST_CASE(a_forged_descriptor_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  check_descriptor_refused(rig, node, [&](const auto&) {
    Bytes bytes = node.sign(node.descriptor());
    bytes[40] ^= 1;  // in N
    return bytes;
  });
}

BOOST_AUTO_TEST_CASE(the_descriptor_of_another_node_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  ScriptedNode& other = rig.add_node();
  check_descriptor_refused(rig, node, [&](const auto&) { return other.sign(other.descriptor()); });
}

BOOST_AUTO_TEST_CASE(an_expired_descriptor_is_refused) {
  check_signed_descriptor_refused(
      [](auto& descriptor, UnixTime now) { descriptor.valid_until_s = since_1970_s(now - days(1) - 1s); });
}

BOOST_AUTO_TEST_CASE(a_descriptor_with_a_key_of_low_order_is_refused) {
  check_signed_descriptor_refused([](auto& descriptor, UnixTime) { descriptor.key = {}; });
}

BOOST_AUTO_TEST_CASE(a_truncated_or_empty_descriptor_is_refused) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{64}, std::size_t{100}}) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    check_descriptor_refused(rig, node, [&, size](const auto&) {
      Bytes bytes = node.sign(node.descriptor());
      bytes.resize(size);
      return bytes;
    });
  }
}

BOOST_AUTO_TEST_CASE(a_descriptor_is_accepted_up_to_a_day_after_its_validity) {
  for (const bool late : {false, true}) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    node.descriptor_hook = [&](const auto&) {
      auto descriptor = node.descriptor();
      const UnixTime now = rig.clock.unix_time();
      descriptor.valid_from_s = since_1970_s(late ? now - days(14) : now + days(60));
      descriptor.valid_until_s = late ? since_1970_s(now - days(1) + 1min) : UINT64_MAX;
      return node.sign(descriptor);
    };
    const auto id = rig.store(node);
    rig.run();
    BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  }
}

BOOST_AUTO_TEST_CASE(a_forged_cookie_reply_does_not_block_the_genuine_one) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto id = rig.store(node);
  const auto request = *protocol::read_frame_header(rig.network.log().front().bytes);
  const Bytes forged = protocol::make_cookie_reply(request, {}, Bytes(231));
  rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), forged, rig.clock.now());
  BOOST_TEST(rig.telemetry[Counter::refused_descriptor] == 1);
  const auto start = rig.clock.steady();
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.stored.at(id).at - start == 2 * Rig::round_trip);
}

BOOST_AUTO_TEST_CASE(signature_checks_are_bounded_under_forged_cookie_replies) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.silent = true;
  rig.store(node);
  const auto request = *protocol::read_frame_header(rig.network.log().front().bytes);
  const Bytes forged = protocol::make_cookie_reply(request, {}, Bytes(231));
  for (int i = 0; i < 1000; ++i) {
    rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), forged, rig.clock.now());
  }
  BOOST_TEST(rig.telemetry[Counter::refused_descriptor] == client::Exchange::bad_descriptors_per_attempt);
}

BOOST_AUTO_TEST_CASE(a_cookie_reply_to_nothing_under_way_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  const Bytes cookie_reply = rig.network.log()[1].bytes;
  BOOST_REQUIRE(cookie_reply.size() < limits::frame);
  node.silent = true;
  rig.store(node);
  const auto sent = rig.network.log().size();
  const auto give = [&](ByteView packet) {
    rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), packet, rig.clock.now());
  };
  give(cookie_reply);  // the nonce of a request that has been answered
  Bytes other_session = cookie_reply;
  other_session[18] ^= 1;
  give(other_session);
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 2);
  BOOST_TEST(rig.telemetry[Counter::client_cookies] == 1);
  BOOST_TEST(rig.network.log().size() == sent);
}

BOOST_AUTO_TEST_CASE(a_cookie_reply_is_used_once) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.network.set_conditions({0, 1000, Rig::one_way, 0ms});  // everything comes twice
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.telemetry[Counter::client_cookies] == 1);
  const auto sent = std::ranges::count_if(rig.network.log(), [&](const auto& packet) {  //
    return packet.from == rig.transport.endpoint();
  });
  BOOST_TEST(sent == 2);
}

BOOST_AUTO_TEST_CASE(a_node_that_refuses_all_cookies_does_not_make_clients_loop) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.never_content = true;
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::unreachable);
  BOOST_TEST(node.requests.size() == 5 * (1 + client::Exchange::cookie_replies_per_attempt));
}

BOOST_AUTO_TEST_CASE(a_node_with_a_new_key_each_time_does_not_make_clients_loop) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.rotate_always = true;
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::unreachable);
  BOOST_TEST(node.requests.size() <= 5 * (1 + client::Exchange::cookie_replies_per_attempt));
}

BOOST_AUTO_TEST_CASE(an_aged_cookie_costs_one_round_trip) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  node.age_cookies();
  const auto start = rig.clock.steady();
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.stored.at(id).at - start == 2 * Rig::round_trip);
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 0);
}

BOOST_AUTO_TEST_CASE(every_answer_renews_the_cookie) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  for (int i = 0; i < 5; ++i) {  // the cookie of each answer is that of the next age
    node.store_hook = [&](protocol::StoreResponse&) { node.age_cookies(); };
    rig.store(node);
    rig.run();
  }
  BOOST_TEST(node.cookie_replies == 1);
}

BOOST_AUTO_TEST_CASE(a_rotated_node_key_rekeys_all_sessions_of_the_node) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  for (std::uint64_t mailbox = 0; mailbox < 3; ++mailbox) {
    rig.store(node, mailbox);
  }
  rig.run();
  node.rotate_key();
  node.cookie_replies = 0;
  const auto first = rig.store(node, 0);
  rig.run();
  BOOST_TEST(rig.outcome(first) == StoreOutcome::stored);
  BOOST_TEST(node.cookie_replies == 1);
  const auto second = rig.store(node, 1);  // knows the new N by now
  const auto third = rig.store(node, 2);
  rig.run();
  BOOST_TEST(rig.outcome(second) == StoreOutcome::stored);
  BOOST_TEST(rig.outcome(third) == StoreOutcome::stored);
  BOOST_TEST(node.cookie_replies == 1);
  BOOST_TEST(node.tags_refused == 0);
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 0);
}

BOOST_AUTO_TEST_CASE(a_key_rotated_under_a_retrieve_does_not_disturb_it) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 60);
  node.pages_hook = [&](const auto&, auto&) {
    if (node.retrieves.size() == 2) {
      rig.network.set_filter([&](auto&) {
        node.rotate_key();
        rig.network.set_filter({});
        return false;
      });
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
}

BOOST_AUTO_TEST_CASE(session_keys_differ_by_purpose_mailbox_and_node) {
  Rig rig;
  ScriptedNode& first = rig.add_node();
  ScriptedNode& second = rig.add_node();
  for (std::uint64_t mailbox = 0; mailbox < 3; ++mailbox) {
    for (ScriptedNode* node : {&first, &second}) {
      rig.store(*node, mailbox);
      rig.store(*node, mailbox);
      rig.retrieve(*node, mailbox);
    }
  }
  rig.run();
  std::set<crypto::Point> keys;
  for (ScriptedNode* node : {&first, &second}) {
    for (const auto& seen : node->requests) {
      keys.insert(seen.header.session);
    }
  }
  BOOST_TEST(keys.size() == 2 * 3 * 2);
}

BOOST_AUTO_TEST_CASE(a_first_packet_shows_no_cookie_and_nothing_but_random_bytes) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.silent = true;
  rig.store(node);
  rig.run();
  const auto& log = rig.network.log();
  BOOST_REQUIRE(log.size() == 5);
  std::set<Bytes> boxes;
  for (const auto& packet : log) {
    BOOST_TEST(packet.bytes.size() == limits::frame);
    BOOST_TEST((protocol::read_frame_header(packet.bytes)->cookie == protocol::Cookie{}));
    boxes.emplace(packet.bytes.begin() + limits::frame_header, packet.bytes.end());
    std::map<std::uint8_t, int> counts;
    for (const auto byte : *boxes.begin()) {
      ++counts[byte];
    }
    BOOST_TEST(counts.size() > 240);  // of 256, in 1298 random bytes
  }
  BOOST_TEST(boxes.size() == 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
