// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "harness.hpp"
#include "protocol/peers.hpp"

namespace toxasync::test {
namespace {

struct Fixture {
  NodeHarness node{{.addresses = {ipv4(77)}}};  // so that it could name itself
  HandClient client{node};

  Fixture() { client.greet(); }

  /// The signed descriptor of some other node.
  Bytes other(std::uint64_t seed, bool with_address = true, seconds valid = days(1)) const {
    SeededRandom random(seed + 1000);
    const crypto::SigningKey signer(random.array<32>());
    protocol::NodeDescriptor descriptor;
    descriptor.id = NodeId(signer.public_key());
    descriptor.key = crypto::KeyPair::generate(random).public_key;
    descriptor.valid_from_s = since_1970_s(node.clock.unix_time());
    descriptor.valid_until_s = since_1970_s(node.clock.unix_time() + valid);
    if (with_address) {
      descriptor.addresses = {{ipv4(static_cast<std::uint32_t>(seed))}};
    }
    return descriptor.encode_signed(signer);
  }
  std::vector<Bytes> ask() {
    std::vector<Bytes> named;
    protocol::RetrieveRequest request;
    request.counter = client.next_counter();
    request.op = protocol::RetrieveOp::peers;
    const auto got = client.exchange(client.seal(request));
    BOOST_REQUIRE(got.size() == 1U);
    BOOST_TEST(got[0].size() == limits::frame);
    auto answer = client.read<protocol::Peers>(got[0]);
    BOOST_REQUIRE(answer);
    BOOST_TEST(answer->node_time_s == since_1970_s(node.clock.unix_time()));
    for (auto& peer : answer->descriptors) {
      named.push_back(std::move(peer.bytes));
    }
    return named;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_peers, Fixture)

BOOST_AUTO_TEST_CASE(a_node_that_knows_no_others_says_so_in_a_whole_frame) {
  BOOST_TEST(ask().empty());
}

BOOST_AUTO_TEST_CASE(four_known_nodes_are_named_and_in_time_each_of_them) {
  std::vector<Bytes> all;
  for (std::uint64_t i = 1; i <= 9; ++i) {
    all.push_back(other(i));
  }
  node.node.set_peers(all);
  std::set<Bytes> seen;
  for (int i = 0; i < 40; ++i) {
    const auto named = ask();
    BOOST_TEST(named.size() == limits::peers_per_answer);
    BOOST_TEST(std::set<Bytes>(named.begin(), named.end()).size() == named.size());
    seen.insert(named.begin(), named.end());
  }
  BOOST_TEST((seen == std::set<Bytes>(all.begin(), all.end())));
  BOOST_TEST(node[Counter::node_peers_told] == 160U);
}

BOOST_AUTO_TEST_CASE(unusable_nodes_are_not_named) {
  Bytes forged = other(3);
  forged[40] ^= 1;
  node.node.set_peers({node.node.descriptor(), other(1, false), forged, other(4, true, 50s), other(5)});
  node.clock.advance(50s);
  const auto named = ask();
  BOOST_REQUIRE(named.size() == 1U);
  const auto read = protocol::NodeDescriptor::decode_signed(named[0]);
  BOOST_TEST((read->addresses.at(0).endpoint == ipv4(5)));
}

BOOST_AUTO_TEST_CASE(only_so_many_are_kept) {
  std::vector<Bytes> many;
  for (std::uint64_t i = 1; i <= node::Node::peers_kept + 5; ++i) {
    many.push_back(other(i));
  }
  node.node.set_peers(many);
  std::set<Bytes> seen;
  for (int i = 0; i < 400; ++i) {
    const auto named = ask();
    seen.insert(named.begin(), named.end());
  }
  BOOST_TEST(seen.size() == node::Node::peers_kept);
}

BOOST_AUTO_TEST_CASE(no_node_is_named_without_a_cookie_or_for_a_replay) {
  node.node.set_peers({other(1)});
  HandClient stranger(node, 200, MockTransport::route_to(ipv4(3)));
  protocol::RetrieveRequest request;
  request.counter = 1;
  request.op = protocol::RetrieveOp::peers;
  const auto first = stranger.exchange(stranger.seal(request));
  BOOST_REQUIRE(first.size() == 1U);
  BOOST_TEST(first[0].size() < limits::frame);  // a cookie reply
  BOOST_TEST(stranger.exchange(stranger.seal(request)).size() == 1U);
  BOOST_TEST(stranger.exchange(stranger.seal(request)).empty());
  BOOST_TEST(node[Counter::refused_replay] == 1U);
}

BOOST_AUTO_TEST_CASE(the_question_names_no_mailbox_and_touches_none) {
  node.node.set_peers({other(1)});
  const auto mailbox = test_mailbox(node.epoch());
  const Bytes envelope = test_envelope(1);
  BOOST_TEST(
      (client.ask(client.store_request(mailbox.mailbox, envelope))->status == protocol::StoreStatus::stored));
  auto request =
      client.retrieve_request(mailbox, 1, 0, {crypto::envelope_id(mailbox.mailbox.address, envelope)});
  request.op = protocol::RetrieveOp::peers;
  client.sign(request, mailbox);
  const auto got = client.exchange(client.seal(request));
  BOOST_REQUIRE(got.size() == 1U);
  BOOST_TEST(client.read<protocol::Peers>(got[0]).has_value());
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
