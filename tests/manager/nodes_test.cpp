// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"
#include "manager/nodes/home_node_selector.hpp"
#include "protocol/bundle.hpp"

// Nodes that clients get to know, pick and follow by themselves.

namespace toxasync::test {
namespace {

std::set<protocol::NodeId> homes_of(const User& user) {
  std::set<protocol::NodeId> ids;
  for (const auto& home : user.manager->home_nodes()) {
    ids.insert(home.node.id);
  }
  return ids;
}

/// Alice has named no home nodes; Bob has, all that there are, and each of them has another friend of
/// Alice's, who was seen once.
struct Unnamed : World {
  explicit Unnamed(std::size_t node_count = 3) {
    for (std::size_t i = 0; i < node_count; ++i) {
      add_node();
    }
    befriend(alice, bob);
    give_nodes(bob);
    meet(alice, bob);
    for (std::size_t i = 0; i < node_count; ++i) {
      User& other = add_user();
      befriend(alice, other);
      (void)other.manager->add_home_node(nodes[i]->known());
      meet(alice, other);
      other.crash();
    }
  }
  bool has_homes(std::size_t count, milliseconds limit = 10min) {
    return run(limit, [&] { return homes_of(alice).size() == count; });
  }
  User& alice = add_user();
  User& bob = add_user();
};

/// A node whose machine has several addresses, one after the other.
struct MovingNode {
  struct End final : PacketReceiver {
    End(MovingNode& owner, const Endpoint& at) : node(owner), transport(owner.world.network.add(at)) {
      transport.set_receiver(this);
    }
    void on_packet(const Route& from, ByteView packet) noexcept override {
      node.node->on_packet(transport, from, packet, node.world.clock.now());
      node.node->tick(node.world.clock.now());
    }
    MovingNode& node;
    MockTransport& transport;
  };

  explicit MovingNode(World& where) : world(where) {}
  /// Starts (again) with these addresses in its descriptor.
  void start(const std::vector<Endpoint>& told) {
    node::NodeConfig config;
    config.addresses = told;
    node =
        std::make_unique<node::Node>(store, keys, random, Telemetry(metrics, log), config, world.clock.now());
  }
  void appear_at(const Endpoint& at) { ends[at] = std::make_unique<End>(*this, at); }
  void vanish_from(const Endpoint& at) {
    ends.erase(at);
    world.network.remove(at);
  }

  World& world;
  QuietLog log;
  Metrics metrics;
  store::MemoryStore store;
  SeededRandom random{99};
  node::NodeKeys keys = node::NodeKeys::ephemeral(random, world.clock.unix_time());
  std::unique_ptr<node::Node> node;
  std::map<Endpoint, std::unique_ptr<End>> ends;
};

struct ListedFinder final : NodeFinder {
  std::vector<Endpoint> candidates() override {
    ++asked;
    return endpoints;
  }
  std::vector<Endpoint> endpoints;
  unsigned asked = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_nodes)

BOOST_FIXTURE_TEST_CASE(a_client_without_home_nodes_picks_good_ones_for_its_bundles, Unnamed) {
  BOOST_TEST(homes_of(alice).empty());
  BOOST_TEST(!bob.manager->friend_ready(alice.key));
  BOOST_TEST(has_homes(3));
  BOOST_TEST(alice[Counter::nodes_picked] == 3U);
  meet(alice, bob);
  BOOST_TEST(bob.manager->friend_ready(alice.key));
  alice.crash();
  const auto id = bob.send(alice, "to homes that were picked");
  BOOST_TEST(run(1min, [&] { return bob.told(id).ends_with("stored:3/3"); }));
  bob.crash();
  alice.start();
  BOOST_TEST(homes_of(alice).size() == 3U);
  BOOST_TEST(run(1min, [&] { return alice.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_friend_who_names_many_nodes_gets_one_picked, World) {
  for (int i = 0; i < 5; ++i) {
    add_node();
  }
  User& alice = add_user();
  User& bob = add_user();
  befriend(alice, bob);
  give_nodes(bob);
  meet(alice, bob);
  BOOST_TEST(run(10min, [&] { return homes_of(alice).size() == 1; }));
  run(6h);
  BOOST_TEST(homes_of(alice).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(no_node_is_picked_in_the_first_minute, Unnamed) {
  alice.crash();
  alice.start();
  run(manager::HomeNodeSelector::first_after - 1s);
  BOOST_TEST(homes_of(alice).empty());
  BOOST_TEST(alice.manager->add_home_node(nodes[0]->known()).has_value());
  run(3h);
  BOOST_TEST((homes_of(alice) == std::set{nodes[0]->known().id}));
  BOOST_TEST(alice[Counter::nodes_picked] == 0U);
}

BOOST_FIXTURE_TEST_CASE(no_node_is_picked_when_that_is_switched_off, Unnamed) {
  alice.crash();
  alice.config.pick_home_nodes = false;
  alice.start();
  run(3h);
  BOOST_TEST(homes_of(alice).empty());
  BOOST_TEST(alice[Counter::nodes_asked] == 3U);  // the routine question, and no search
}

BOOST_FIXTURE_TEST_CASE(picked_nodes_are_replaced_by_those_that_the_user_names, Unnamed) {
  BOOST_REQUIRE(has_homes(3));
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(alice.manager->add_home_node(add_node().known()).has_value());
  }
  run(4h);
  const auto homes = homes_of(alice);
  BOOST_TEST(homes.size() == 5U);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(!homes.contains(nodes[i]->known().id));
  }
  const auto added = alice.manager->add_home_node(add_node().known());
  BOOST_TEST((!added && added.error() == manager::NodeError::too_many));
}

BOOST_FIXTURE_TEST_CASE(a_picked_node_that_the_user_names_becomes_the_users, Unnamed) {
  BOOST_REQUIRE(has_homes(3));
  const auto mine = nodes[1]->known();
  BOOST_TEST(alice.manager->add_home_node(mine).has_value());
  run(4h);
  BOOST_TEST((homes_of(alice) == std::set{mine.id}));
}

BOOST_AUTO_TEST_CASE(unreachable_picked_nodes_are_replaced_one_at_a_time) {
  Unnamed world(5);
  User& alice = world.alice;
  BOOST_REQUIRE(world.has_homes(3));
  world.meet(alice, world.bob);
  world.bob.crash();
  const auto before = homes_of(alice);
  std::vector<StorageNode*> off;
  for (const auto& node : world.nodes) {
    if (before.contains(node->known().id) && off.size() < 2) {
      off.push_back(node.get());
      node->switch_off();
    }
  }
  world.run(days(3) - 2h);
  BOOST_TEST((homes_of(alice) == before));
  // The nodes that are left must have answered lately to be picked; nobody asks them but for this.
  const auto kept = [&] {
    const auto now = homes_of(alice);
    return std::ranges::count_if(before, [&](const auto& id) { return now.contains(id); });
  };
  BOOST_TEST(world.run(days(2), [&] { return kept() == 2; }));
  const auto first = world.clock.steady();
  BOOST_TEST(homes_of(alice).size() == 3U);
  BOOST_TEST(world.run(days(2), [&] { return kept() == 1; }));
  BOOST_TEST(world.clock.steady() - first >= manager::HomeNodeSelector::replacements_apart);
  BOOST_TEST(homes_of(alice).size() == 3U);
  BOOST_TEST(alice[Counter::nodes_replaced] == 2U);
  // Bob has not heard of it: what Bob stores on the old ones is found, when they are back.
  for (StorageNode* node : off) {
    node->switch_on();
  }
  for (const auto& node : world.nodes) {
    if (node.get() != off[0]) {
      node->switch_off();
    }
  }
  world.bob.start();
  world.bob.send(alice, "to the old address");
  BOOST_TEST(world.run(2h, [&] { return alice.shown.size() == 1; }));
}

BOOST_AUTO_TEST_CASE(a_nodes_new_address_is_learnt_and_sent_to_friends) {
  Pair world(1, 0, false);
  MovingNode node(world);
  const Endpoint old_address = ipv4(0x010101);
  const Endpoint new_address = ipv4(0x020202);
  node.start({old_address});
  node.appear_at(old_address);
  const client::KnownNode known{node.keys.id(), {old_address}};
  for (User* user : {&world.alice, &world.bob}) {
    BOOST_TEST(user->manager->add_home_node(known).has_value());
  }
  world.meet(world.alice, world.bob);
  world.run(5min);
  node.start({new_address});
  node.appear_at(new_address);
  world.run(10min);
  node.vanish_from(old_address);
  world.bob.crash();
  const auto id = world.alice.send(world.bob, "where it is now");
  BOOST_TEST(world.run(1min, [&] { return world.alice.told(id).ends_with("stored:1/1"); }));
  world.bob.start();
  BOOST_TEST(world.run(1min, [&] { return world.bob.shown.size() == 1; }));

  // Carol never saw the old one: Bob's bundle names the new one.
  User& carol = world.add_user();
  BOOST_TEST(carol.manager->add_home_node(known).has_value());
  world.befriend(world.bob, carol);
  world.keep_friend_log = true;
  world.meet(world.bob, carol);
  bool named = false;
  for (const auto& packet : world.friend_log) {
    const auto read = protocol::read_friend_packet(packet.bytes);
    protocol::BundleHead head;
    if (packet.from == &world.bob && read && read->type == protocol::FriendPacketType::bundle_head &&
        wire::decode(read->message, head) == wire::Error::none) {
      named = true;
      BOOST_TEST((head.home_nodes.at(0).addresses.at(0).endpoint == new_address));
    }
  }
  BOOST_TEST(named);
}

BOOST_FIXTURE_TEST_CASE(wrong_addresses_of_a_friend_do_not_delay_mail_of_others, World) {
  add_node();
  add_node();
  User& bob = add_user();
  BOOST_TEST(bob.manager->add_home_node(nodes[1]->known()).has_value());
  // Eve names Alice's home node before Alice does, with addresses of her choice.
  HandFriend eve(*this, bob);
  eve.take_bundle();
  SeededRandom random(3);
  auto head = eve.head(crypto::KeyPair::generate(random), 1, 0);
  BOOST_TEST((head.home_nodes.at(0).id == nodes[0]->known().id));
  head.home_nodes[0].addresses.clear();
  for (std::uint32_t i = 0; i < limits::addresses_per_node; ++i) {
    head.home_nodes[0].addresses.push_back({ipv4(0x300000 + i)});
  }
  eve.sign(head);
  eve.give(protocol::FriendPacketType::bundle_head, head);
  run(1s);
  BOOST_TEST(bob.manager->friend_ready(eve.key()));
  User& alice = add_user();
  BOOST_TEST(alice.manager->add_home_node(nodes[0]->known()).has_value());
  befriend(alice, bob);
  meet(alice, bob);
  alice.crash();
  const auto id = bob.send(alice, "in spite of Eve");
  BOOST_TEST(run(1min, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  const auto again = bob.send(alice, "and at once, now that the node has answered");
  BOOST_TEST(run(1s, [&] { return bob.told(again).ends_with("stored:1/1"); }));
}

BOOST_FIXTURE_TEST_CASE(one_node_named_by_nodes_is_picked_beside_those_of_friends, World) {
  add_node();
  StorageNode& told_1 = add_node();
  StorageNode& told_2 = add_node();
  User& alice = add_user();
  User& bob = add_user();
  befriend(alice, bob);
  BOOST_TEST(bob.manager->add_home_node(nodes[0]->known()).has_value());
  meet(alice, bob);
  std::vector<Bytes> descriptors;
  for (StorageNode* told : {&told_1, &told_2}) {
    node::NodeConfig config;
    config.addresses = {told->endpoint};
    told->node = std::make_unique<node::Node>(told->store, told->keys, told->random,
                                              Telemetry(told->metrics, told->log), config, clock.now());
    descriptors.push_back(told->node->descriptor());
  }
  nodes[0]->node->set_peers(descriptors);
  BOOST_TEST(run(1h, [&] { return homes_of(alice).size() == 2; }));
  run(6h);
  const auto homes = homes_of(alice);
  BOOST_TEST(homes.size() == 2U);
  BOOST_TEST(homes.contains(nodes[0]->known().id));
}

BOOST_FIXTURE_TEST_CASE(a_node_is_asked_for_others_once_a_day_while_few_are_known, World) {
  add_node();
  User& alice = add_user();
  give_nodes(alice);
  run(9min);
  BOOST_TEST(alice[Counter::nodes_asked] == 0U);  // a program that has just started has better things to do
  run(1h);
  BOOST_TEST(alice[Counter::nodes_asked] == 1U);
  run(days(10));
  BOOST_TEST(alice[Counter::nodes_asked] >= 8U);
  BOOST_TEST(alice[Counter::nodes_asked] <= 14U);
  alice.crash();
  alice.start();
  const auto asked = alice[Counter::nodes_asked];
  run(1h);
  BOOST_TEST(alice[Counter::nodes_asked] <= asked + 1);
  std::vector<Bytes> many;
  SeededRandom random(5);
  // So many that enough come to be known before the first ones, who do not answer, are given up.
  for (std::uint32_t i = 0; i < 4 * manager::NodeDiscovery::enough; ++i) {
    const crypto::SigningKey signer(random.array<32>());
    protocol::NodeDescriptor descriptor;
    descriptor.id = protocol::NodeId(signer.public_key());
    descriptor.key = crypto::KeyPair::generate(random).public_key;
    descriptor.valid_from_s = since_1970_s(clock.unix_time());
    descriptor.valid_until_s = since_1970_s(clock.unix_time() + days(30));
    descriptor.addresses = {{ipv4(0x500000 + i)}};
    many.push_back(descriptor.encode_signed(signer));
  }
  nodes[0]->node->set_peers(many);
  run(days(60));
  const auto enough = alice[Counter::nodes_asked];
  run(days(20));
  BOOST_TEST(alice[Counter::nodes_asked] == enough);
}

BOOST_FIXTURE_TEST_CASE(a_client_without_friends_finds_nodes_by_its_hosts_addresses, World) {
  for (int i = 0; i < 4; ++i) {
    add_node();
  }
  ListedFinder finder;
  for (std::uint32_t i = 0; i < 20; ++i) {
    finder.endpoints.push_back(ipv4(0x600000 + i));  // neighbours who never heard of us
  }
  for (const auto& node : nodes) {
    finder.endpoints.push_back(node->endpoint);
  }
  User& alice = add_user();
  alice.manager->find_nodes(finder);
  run(1min);
  BOOST_TEST(alice[Counter::nodes_probed] >= 3U);
  BOOST_TEST(alice[Counter::nodes_probed] <= 5U);
  BOOST_TEST(run(30min, [&] { return homes_of(alice).size() == 3; }));
  run(2h);
  BOOST_TEST(alice[Counter::nodes_discovered] == 4U);
  BOOST_TEST(alice[Counter::nodes_probed] == 24U);  // each once
  run(24h);
  BOOST_TEST(alice[Counter::nodes_probed] <= 48U);
}

BOOST_FIXTURE_TEST_CASE(a_client_that_is_a_node_names_found_nodes_not_its_home_nodes, World) {
  // Alice's home node, and one that she found.
  add_node();
  StorageNode& found = add_node();
  node::NodeConfig config;
  config.addresses = {found.endpoint};
  found.node = std::make_unique<node::Node>(found.store, found.keys, found.random,
                                            Telemetry(found.metrics, found.log), config, clock.now());
  User& alice = add_user();
  BOOST_TEST(alice.manager->add_home_node(nodes[0]->known()).has_value());
  store::MemoryStore store;
  auto keys = node::NodeKeys::ephemeral(*alice.random, clock.unix_time());
  alice.manager->serve(store, keys, {});
  ListedFinder near_alice;
  near_alice.endpoints = {found.endpoint, alice.endpoint};
  alice.manager->find_nodes(near_alice);
  run(3h);

  ListedFinder near_carol;
  near_carol.endpoints = {alice.endpoint};
  User& carol = add_user();
  carol.manager->find_nodes(near_carol);
  BOOST_TEST(run(1h, [&] { return homes_of(carol).size() == 2; }));
  BOOST_TEST((homes_of(carol) == std::set{keys.id(), found.known().id}));
  alice.manager.reset();  // before the store
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
