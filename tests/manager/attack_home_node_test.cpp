// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "protocol/frame.hpp"
#include "world.hpp"

// Some of somebody's home nodes do not keep to the protocol. (The simulator found these.)

namespace toxasync::test {
namespace {

/// The first node tells another address of its own in each descriptor.
void tell_ever_new_addresses(World& world) {
  world.network.set_filter([&world, number = 0U](MockNetwork::Packet& packet) mutable {
    const ByteView bytes(packet.bytes);
    StorageNode& node = *world.nodes[0];
    if (packet.from != node.endpoint || bytes.size() == limits::frame) {
      return false;
    }
    auto descriptor = protocol::NodeDescriptor::decode_signed(bytes.subspan(limits::frame_header));
    if (descriptor) {
      descriptor->addresses = {{ipv4(70'000 + ++number)}};
      packet.bytes.resize(limits::frame_header);
      const Bytes told = descriptor->encode_signed(node.keys.signer());
      packet.bytes.insert(packet.bytes.end(), told.begin(), told.end());
    }
    return false;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_home_node)

BOOST_AUTO_TEST_CASE(silent_nodes_hold_up_no_mail_at_others) {
  Pair world(1, 5);
  world.bob.crash();  // nothing is confirmed by what they fetch
  world.nodes[0]->switch_off();
  world.nodes[1]->switch_off();
  std::vector<crypto::MessageId> sent;
  for (int i = 0; i < 150; ++i) {
    sent.push_back(world.alice.send(world.bob, "hello"));
  }
  BOOST_TEST(world.run(2min, [&] {
    return std::ranges::all_of(sent, [&](const auto& id) {
      const auto status = world.alice.manager->status(id);
      return status && status->stored == 3;
    });
  }));
}

BOOST_AUTO_TEST_CASE(a_node_that_tells_ever_new_addresses_costs_few_bundles) {
  Pair world;
  world.run(1h);
  const auto before = world.alice[Counter::bundles_mailed];
  tell_ever_new_addresses(world);
  world.run(24h);
  BOOST_TEST(world.alice[Counter::bundles_mailed] > before);  // else the test tells nothing
  BOOST_TEST(world.alice[Counter::bundles_mailed] <= before + 4 + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
