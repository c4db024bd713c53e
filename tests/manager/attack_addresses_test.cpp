// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"
#include "manager/nodes/address_budget.hpp"
#include "node_book_fixture.hpp"

// Friends name the addresses of strangers as those of their nodes.

namespace toxasync::test {
namespace {

using manager::AddressBudget;

/// A public address of a stranger's.
Endpoint stranger(std::uint8_t host, std::uint16_t port = 33445) {
  return {4, {9, 9, 9, host}, port};
}

/// A user with a home node of their own, and a friend played by the test.
struct Named : World {
  Named() {
    bob.crash();
    bob.config.cover = false;
    bob.start();
    add_node();
    give_nodes(bob);
    network.set_filter([this](MockNetwork::Packet& packet) {
      if (packet.to.ip[0] == 9) {
        ++packets;
        ++to[packet.to];
      }
      return packet.to.ip[0] == 9;
    });
    eve.take_bundle();
  }
  /// Five nodes of Eve's, four addresses each.
  void name(const std::function<Endpoint(std::size_t)>& address) {
    auto head = eve.head(root, ++version, 0);
    head.home_nodes.clear();
    for (std::size_t node = 0; node < limits::home_nodes; ++node) {
      protocol::HomeNode home{protocol::NodeId(crypto::SigningKey(eve.random().array<32>()).public_key()),
                              {}};
      for (std::size_t i = 0; i < limits::addresses_per_node; ++i) {
        home.addresses.push_back({address(node * limits::addresses_per_node + i)});
      }
      head.home_nodes.push_back(home);
    }
    eve.sign(head);
    eve.give(protocol::FriendPacketType::bundle_head, head);
    run(1s);
  }
  void queue_messages(std::size_t count) {
    eve.go();
    for (std::size_t i = 0; i < count; ++i) {
      BOOST_TEST(
          bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes("x"), days(3)).has_value());
    }
  }

  std::uint64_t packets = 0;
  std::map<Endpoint, std::uint64_t> to;
  User& bob = add_user();
  HandFriend eve{*this, bob};
  crypto::KeyPair root = crypto::KeyPair::generate(eve.random());
  std::uint64_t version = 5;
};

/// A friend's node tells ever new addresses of its own, and each is sent a packet.
struct Described : BookFixture {
  void describe(Signer& node, const std::vector<Endpoint>& at) {
    answers(node.id(), node.descriptor(at), address(1));
    for (const Endpoint& endpoint : at) {
      if (book->may_send(node.id(), endpoint, clock.now())) {
        ++sent;
        book->on_sent(node.id(), endpoint, clock.now());
      }
    }
  }
  /// Ever new addresses.
  void describe_often(Signer& node) {
    for (int i = 0; i < 20; ++i) {
      ++last;
      describe(node, {address(last % 200 + 10, last / 200), address(last % 200 + 10, 100 + last / 200)});
    }
  }
  std::int64_t sent = 0;
  std::uint32_t last = 0;
};

/// A friend's node that the user has not named.
struct Unconfigured : World {
  Unconfigured() {
    for (int i = 0; i < 2; ++i) {
      add_node();
    }
    (void)alice.manager->add_home_node(nodes[0]->known());
    (void)bob.manager->add_home_node(nodes[1]->known());
    befriend(alice, bob);
    meet(alice, bob);
  }
  User& alice = add_user();
  User& bob = add_user();
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_addresses)

BOOST_FIXTURE_TEST_CASE(strangers_named_as_nodes_get_a_few_packets_a_day, Named) {
  name([](std::size_t i) { return stranger(static_cast<std::uint8_t>(i + 1)); });
  queue_messages(100);
  run(1min - 1s);
  BOOST_TEST(to.size() == 20U);
  BOOST_TEST(packets == 20U);
  run(24h);
  for (const auto& [address, count] : to) {
    BOOST_TEST(count <= 8U);
  }
  BOOST_TEST(packets <= 2 * AddressBudget::packets_per_friend);
}

BOOST_FIXTURE_TEST_CASE(a_stranger_named_with_many_ports_gets_no_more, Named) {
  name([](std::size_t i) { return stranger(1, static_cast<std::uint16_t>(1000 + i)); });
  queue_messages(100);
  run(24h);
  BOOST_TEST(packets <= AddressBudget::packets_per_host + 24h / AddressBudget::host_each);
}

BOOST_FIXTURE_TEST_CASE(ever_new_addresses_are_limited_for_each_friend, Named) {
  std::uint8_t host = 0;
  queue_messages(0);
  for (int i = 0; i < 48; ++i) {
    eve.come();
    name([&](std::size_t) {
      ++host;
      return Endpoint{
          4, {9, static_cast<std::uint8_t>(host % 2 + 1), static_cast<std::uint8_t>(i), host}, 33445};
    });
    if (i == 0) {
      queue_messages(20);
    }
    eve.go();
    run(30min);
  }
  BOOST_TEST(packets > 20U);
  BOOST_TEST(packets <= 2 * AddressBudget::packets_per_friend);
}

BOOST_FIXTURE_TEST_CASE(what_a_node_says_of_itself_is_counted_for_who_named_it, Described) {
  std::vector<protocol::HomeNode> homes;
  std::vector<Signer> nodes;
  for (std::uint64_t i = 0; i < 15; ++i) {
    nodes.emplace_back(i + 5);
    homes.push_back({nodes.back().id(), {{address(1)}}});
  }
  book->claim(numbered<FriendKey>(1), homes);
  learn(3, Origin::peers);
  claim(2, node_id(4), {address(4)});
  for (Signer& node : nodes) {
    describe_often(node);
  }
  BOOST_TEST(sent == AddressBudget::packets_per_friend);
  BOOST_TEST(book->may_send(node_id(3), address(3), clock.now()));
  BOOST_TEST(book->may_send(node_id(4), address(4), clock.now()));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_many_friends_name_has_one_share, Described) {
  Signer node{5};
  for (std::uint8_t who = 1; who <= 20; ++who) {
    claim(who, node.id(), {address(1)});
  }
  claim(1, node.id(), {address(1)});
  describe_often(node);
  BOOST_TEST(sent == AddressBudget::packets_per_node);
  claim(1, node_id(4), {address(4)});
  BOOST_TEST(book->may_send(node_id(4), address(4), clock.now()));
}

BOOST_FIXTURE_TEST_CASE(what_hosts_were_sent_is_counted_over_restarts, Named) {
  name([](std::size_t i) { return stranger(1, static_cast<std::uint16_t>(1000 + i)); });
  queue_messages(20);
  for (int i = 0; i < 48; ++i) {
    run(30min);
    bob.crash();
    bob.start();
  }
  BOOST_TEST(packets <= AddressBudget::packets_per_host + 24h / AddressBudget::host_each + 1);
}

BOOST_AUTO_TEST_CASE(a_node_that_holds_its_answers_leads_no_packets_elsewhere) {
  World world;
  User& bob = world.add_user();
  bob.crash();
  bob.config.cover = false;
  bob.start();
  world.add_node();
  world.give_nodes(bob);
  StorageNode& hostile = world.add_node();
  std::vector<Bytes> held;
  std::uint64_t packets = 0;
  std::uint64_t answers = 0;
  world.network.set_filter([&](MockNetwork::Packet& packet) {
    if (packet.to == stranger(1)) {
      ++packets;
      for (const Bytes& answer : std::exchange(held, {})) {
        ++answers;
        world.network.inject(stranger(1), bob.endpoint, answer);
      }
      return true;
    }
    if (packet.from == hostile.endpoint && packet.bytes.size() == limits::frame) {
      held.push_back(packet.bytes);
      return true;
    }
    return false;
  });
  HandFriend eve(world, bob);
  eve.take_bundle();
  auto head = eve.head(crypto::KeyPair::generate(eve.random()), 5, 0);
  head.home_nodes = {{hostile.keys.id(), {{hostile.endpoint}, {stranger(1)}}}};
  eve.sign(head);
  eve.give(protocol::FriendPacketType::bundle_head, head);
  world.run(1s);
  eve.go();
  for (int i = 0; i < 400; ++i) {
    (void)bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes("x"), days(3));
    if (i % 100 == 99) {
      world.run(6h);
    }
  }
  BOOST_TEST(answers > 0U);
  BOOST_TEST(packets <= AddressBudget::packets_per_host + 24h / AddressBudget::host_each);
}

BOOST_FIXTURE_TEST_CASE(a_friends_node_that_answers_gets_all_at_once, Unconfigured) {
  alice.crash();
  const auto id = bob.send(alice, std::string(60000, 'x'));
  BOOST_TEST(run(10s, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  BOOST_TEST(bob[Counter::packets_held_back] == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_has_fallen_silent_gets_a_packet_now_and_then, Unconfigured) {
  alice.crash();
  const auto first = bob.send(alice, "reaches it");
  BOOST_TEST(run(10s, [&] { return bob.told(first).ends_with("stored:1/1"); }));
  nodes[0]->switch_off();
  std::uint64_t packets = 0;
  network.set_filter([&](MockNetwork::Packet& packet) {
    packets += packet.to == nodes[0]->endpoint && packet.from == bob.endpoint ? 1 : 0;
    return false;
  });
  for (int i = 0; i < 50; ++i) {
    bob.send(alice, "waits");
  }
  run(2h);
  packets = 0;
  run(3h);
  BOOST_TEST(packets > 0U);
  BOOST_TEST(packets <= 3U * 6 + 1);
  nodes[0]->switch_on();
  BOOST_TEST(run(12min, [&] { return live_records() >= 51; }));
}

BOOST_FIXTURE_TEST_CASE(a_home_node_that_is_off_gets_a_packet_a_minute, Unconfigured) {
  nodes[1]->switch_off();
  std::uint64_t packets = 0;
  network.set_filter([&](MockNetwork::Packet& packet) {
    packets += packet.to == nodes[1]->endpoint && packet.from == bob.endpoint ? 1 : 0;
    return false;
  });
  run(2h);
  packets = 0;
  run(3h);
  BOOST_TEST(packets > 0U);
  BOOST_TEST(packets <= 3U * 60 + 1);
  alice.send(bob, "waits for the node");
  run(1min);
  nodes[1]->switch_on();
  BOOST_TEST(run(15min, [&] { return bob.shown.size() == 1; }));
}

BOOST_AUTO_TEST_CASE(a_home_node_without_room_is_asked_with_one_envelope_at_a_time) {
  Pair world(1, 1);
  world.bob.crash();
  std::size_t sent = 0;
  for (; sent < 40; ++sent) {  // a mailbox holds 1 MiB of one friend
    world.alice.send(world.bob, std::string(60000, 'x'));
  }
  world.run(2h);
  std::uint64_t packets = 0;
  world.network.set_filter([&](MockNetwork::Packet& packet) {
    packets += packet.from == world.alice.endpoint ? 1 : 0;
    return false;
  });
  world.run(3h);
  BOOST_TEST(packets > 3U * 60 / 15);
  BOOST_TEST(packets < 1000U, packets << " packets");  // her own polls are among them
  world.network.set_filter({});
  world.bob.start();
  BOOST_TEST(world.run(12h, [&] { return world.bob.shown.size() == sent; }), world.bob.shown.size());
}

BOOST_FIXTURE_TEST_CASE(a_first_packet_that_is_lost_is_sent_again_soon, Unconfigured) {
  alice.crash();
  nodes[0]->switch_off();
  const auto id = bob.send(alice, "hello");
  run(30s);
  nodes[0]->switch_on();
  BOOST_TEST(run(2min, [&] { return bob.told(id).ends_with("stored:1/1"); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
