// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "client/discoveries.hpp"
#include "rig.hpp"

namespace toxasync::test {
namespace {

struct Fixture : Rig {
  client::OperationId discover(const Endpoint& at) {
    listener.forbidden = true;
    const auto id = client->discover(at, listener, clock.now());
    listener.forbidden = false;
    return id;
  }
  const Bytes& found(client::OperationId id) const { return listener.discovered.at(id).descriptor; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(client_discover, Fixture)

BOOST_AUTO_TEST_CASE(an_unknown_node_is_found_by_its_address_in_one_round_trip) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  node.told_at = {ipv4(51)};
  const auto id = discover(ipv4(50));
  const auto begun = clock.steady();
  run();
  BOOST_TEST(clock.steady() - begun == round_trip);
  BOOST_TEST((listener.discovered.at(id).at == ipv4(50)));
  const auto read = protocol::NodeDescriptor::decode_signed(found(id));
  BOOST_REQUIRE(read);
  BOOST_TEST((read->id == node.id()));
  BOOST_TEST((read->addresses.at(0).endpoint == ipv4(51)));
  BOOST_TEST(node.requests.size() == 1U);
  BOOST_TEST(client->operations() == 0U);
  BOOST_TEST(listener.called_inside == 0U);
}

BOOST_AUTO_TEST_CASE(an_address_that_does_not_answer_gets_two_packets) {
  const auto id = discover(ipv4(50));
  run();
  BOOST_TEST(found(id).empty());
  BOOST_TEST(network.log().size() == client::Discoveries::attempts);
  BOOST_TEST(client->next_deadline() == never);
}

BOOST_AUTO_TEST_CASE(a_lost_packet_is_sent_again_with_another_nonce) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  unsigned sent = 0;
  network.set_filter([&](MockNetwork::Packet& packet) { return packet.to == ipv4(50) && ++sent == 1; });
  const auto id = discover(ipv4(50));
  run();
  BOOST_TEST(!found(id).empty());
  BOOST_TEST(sent == 2U);
}

BOOST_AUTO_TEST_CASE(a_first_packet_of_a_discovery_looks_like_any_other) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  discover(ipv4(50));
  discover(ipv4(50));
  run();
  const auto& first = node.requests.at(0).header;
  const auto& second = node.requests.at(1).header;
  BOOST_TEST((first.kind == protocol::FrameKind::retrieve));
  BOOST_TEST((first.cookie == protocol::Cookie{}));
  BOOST_TEST(crypto::is_canonical(first.session));
  BOOST_TEST((first.session != second.session));
}

BOOST_AUTO_TEST_CASE(forged_or_expired_descriptors_are_not_discoveries) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  node.descriptor_hook = [&](const protocol::FrameHeader&) {
    Bytes forged = node.sign(node.descriptor());
    forged[40] ^= 1;
    return forged;
  };
  const auto forged = discover(ipv4(50));
  run();
  BOOST_TEST(found(forged).empty());
  node.descriptor_hook = [&](const protocol::FrameHeader&) {
    auto old = node.descriptor();
    old.valid_until_s = since_1970_s(clock.unix_time() - days(2));
    return node.sign(old);
  };
  const auto old = discover(ipv4(50));
  run();
  BOOST_TEST(found(old).empty());
  BOOST_TEST(telemetry[Counter::refused_descriptor] == 4U);
}

BOOST_AUTO_TEST_CASE(an_answer_that_echoes_neither_x_nor_nonce_is_none) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  network.set_filter([&](MockNetwork::Packet& packet) {
    if (packet.from == ipv4(50)) {
      packet.bytes[limits::frame_header - 1] ^= 1;  // of the nonce
    }
    return false;
  });
  const auto id = discover(ipv4(50));
  run();
  BOOST_TEST(found(id).empty());
  BOOST_TEST(telemetry[Counter::refused_answer] == 2U);
}

BOOST_AUTO_TEST_CASE(discoveries_past_the_limit_end_at_once_unanswered) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  std::vector<client::OperationId> ids;
  for (std::size_t i = 0; i <= client::Discoveries::most; ++i) {
    ids.push_back(discover(ipv4(50)));
  }
  run();
  BOOST_TEST(found(ids.back()).empty());
  BOOST_TEST(!found(ids.front()).empty());
  BOOST_TEST(node.requests.size() == client::Discoveries::most);
  BOOST_TEST(!found([&] {
                const auto id = discover(ipv4(50));
                run();
                return id;
              }())
                  .empty());
}

BOOST_AUTO_TEST_CASE(an_abandoned_discovery_is_not_reported) {
  ScriptedNode node(network, clock, 9, {ipv4(50)});
  client->abandon(discover(ipv4(50)), clock.now());
  run();
  BOOST_TEST(listener.discovered.empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(client_peers, Fixture)

BOOST_AUTO_TEST_CASE(each_descriptor_of_other_nodes_is_verified) {
  ScriptedNode& node = add_node();
  ScriptedNode other(network, clock, 9, {ipv4(50)});
  const Bytes good = other.sign(other.descriptor());
  Bytes forged = good;
  forged[50] ^= 1;
  auto expired = other.descriptor();
  expired.valid_until_s = 1'700'000'000;
  node.peers = {forged, good, other.sign(expired), {}};
  const auto id = client->peers(node.id(), listener, clock.now());
  run();
  BOOST_TEST(listener.peers.at(id).answered);
  BOOST_REQUIRE(listener.peers.at(id).descriptors.size() == 1U);
  BOOST_TEST(listener.peers.at(id).descriptors[0] == good);
  BOOST_TEST(telemetry[Counter::refused_descriptor] == 3U);
}

BOOST_AUTO_TEST_CASE(asking_for_peers_has_a_session_of_its_own) {
  ScriptedNode& node = add_node();
  client->peers(node.id(), listener, clock.now());
  run();
  retrieve(node);
  run();
  client->peers(node.id(), listener, clock.now());
  run();
  BOOST_REQUIRE(node.requests.size() == 5U);
  BOOST_TEST((node.requests[0].header.session == node.requests[4].header.session));
  BOOST_TEST((node.requests[0].header.session != node.requests[2].header.session));
}

BOOST_AUTO_TEST_CASE(asking_a_silent_or_unknown_node_for_others_ends) {
  ScriptedNode& node = add_node();
  node.silent = true;
  const auto silent = client->peers(node.id(), listener, clock.now());
  const auto unknown = client->peers({}, listener, clock.now());
  run();
  BOOST_TEST(!listener.peers.at(silent).answered);
  BOOST_TEST(!listener.peers.at(unknown).answered);
  BOOST_TEST(listener.reported_twice == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(client_node_news, Fixture)

BOOST_AUTO_TEST_CASE(an_answer_is_reported_with_the_descriptor_it_proves) {
  ScriptedNode& node = add_node();
  store(node);
  run();
  BOOST_REQUIRE(listener.news.size() == 1U);
  BOOST_TEST((listener.news[0].node == node.id()));
  BOOST_TEST(listener.news[0].answered);
  BOOST_TEST((listener.news[0].from == node.endpoints()[0]));
  BOOST_TEST(listener.news[0].descriptor == node.sign(node.descriptor()));
  store(node);
  run();
  BOOST_TEST(listener.news.size() == 1U);
  clock.advance(1min);
  store(node);
  run();
  BOOST_REQUIRE(listener.news.size() == 2U);
  BOOST_TEST(listener.news[1].descriptor.empty());
}

BOOST_AUTO_TEST_CASE(a_new_descriptor_is_reported_when_an_answer_proves_its_key) {
  ScriptedNode& node = add_node();
  store(node);
  run();
  const Bytes old = node.sign(node.descriptor());
  node.rotate_key();
  node.told_at = {ipv4(200)};
  // Somebody on the way sends the old descriptor again: it is taken, and proves nothing.
  unsigned replayed = 0;
  node.descriptor_hook = [&](const protocol::FrameHeader&) {
    return ++replayed <= 2 ? old : node.sign(node.descriptor());
  };
  store(node, 1);
  run();
  BOOST_REQUIRE(listener.news.size() == 2U);
  BOOST_TEST(listener.news[1].descriptor == node.sign(node.descriptor()));
}

BOOST_AUTO_TEST_CASE(an_answer_in_another_session_proves_no_old_descriptor) {
  ScriptedNode& node = add_node();
  store(node);
  run();
  const Bytes old = node.sign(node.descriptor());
  node.rotate_key();
  node.told_at = {ipv4(200)};
  store(node);
  run();
  unsigned replayed = 0;
  node.descriptor_hook = [&](const protocol::FrameHeader&) {
    return ++replayed == 1 ? old : node.sign(node.descriptor());
  };
  store(node, 1);  // its first packet is answered with the old one
  clock.advance(1min);
  store(node);
  run();
  BOOST_TEST(replayed >= 2U);
  for (std::size_t i = 1; i < listener.news.size(); ++i) {
    BOOST_TEST(listener.news[i].descriptor != old);
  }
}

BOOST_AUTO_TEST_CASE(a_failure_and_the_first_answer_after_it_are_reported) {
  ScriptedNode& node = add_node();
  store(node);
  run();
  node.silent = true;
  store(node);
  run();
  BOOST_REQUIRE(listener.news.size() == 2U);
  BOOST_TEST(!listener.news[1].answered);
  node.silent = false;
  store(node);
  run(1s);
  BOOST_REQUIRE(listener.news.size() == 3U);
  BOOST_TEST(listener.news[2].answered);
}

BOOST_AUTO_TEST_CASE(of_many_addresses_each_has_its_turn) {
  ScriptedNode node(network, clock, 9, {ipv4(90)});
  std::vector<Endpoint> endpoints;
  for (std::uint32_t i = 0; i < 12; ++i) {
    endpoints.push_back(ipv4(79 + i));  // the last one is right
  }
  client->set_node({node.id(), endpoints});
  unsigned operations = 0;
  for (auto outcome = client::StoreOutcome::unreachable; outcome != client::StoreOutcome::stored;) {
    const auto id = store(node);
    run();
    outcome = this->outcome(id);
    BOOST_REQUIRE(++operations <= 3U);
  }
  client->set_node({node.id(), endpoints});  // set again: it continues where it was
  const auto id = store(node);
  run(100ms);
  BOOST_TEST(this->outcome(id) == client::StoreOutcome::stored);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
