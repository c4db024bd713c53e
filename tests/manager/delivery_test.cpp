// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <numeric>

#include "protocol/live.hpp"
#include "world.hpp"

namespace toxasync::test {

namespace {

using Texts = std::vector<std::string>;

Texts numbered(std::size_t count) {
  Texts texts;
  for (std::size_t i = 1; i <= count; ++i) {
    texts.push_back("message " + std::to_string(i));
  }
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_delivery)

BOOST_FIXTURE_TEST_CASE(mail_to_an_absent_friend_is_on_all_nodes_and_comes_in_order, Pair) {
  bob.crash();
  const auto sent = clock.now().wall;
  std::vector<crypto::MessageId> ids;
  for (const auto* text : {"one", "two", "three"}) {
    ids.push_back(alice.send(bob, text));
  }
  run(5s);
  for (const auto& id : ids) {
    BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
  }
  BOOST_TEST(live_records() == 9);
  alice.crash();
  run(1h);
  bob.start();
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 3; }));
  BOOST_TEST(bob.texts() == (Texts{"one", "two", "three"}), boost::test_tools::per_element());
  run(5min);
  BOOST_TEST(bob.shown.size() == 3);
  BOOST_TEST(emptied());
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(bob.shown[i].sent_at == sent);
    BOOST_TEST(!bob.shown[i].late);
    BOOST_TEST((bob.shown[i].id == ids[i]));
    BOOST_TEST((bob.shown[i].from == alice.key));
  }
}

BOOST_FIXTURE_TEST_CASE(a_message_of_the_largest_size_comes_through_nodes_and_live, Pair) {
  std::string text(limits::message_text, 'x');
  text.replace(limits::large_text - 1, 2, "\xc3\xa9");  // one character in two parts
  bob.crash();
  const auto stored = alice.send(bob, text, crypto::MessageKind::action);
  BOOST_TEST(run(2min, [&] { return alice.told(stored).ends_with("stored:3/3"); }));
  alice.crash();
  bob.start();
  BOOST_TEST(run(2min, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST((bob.texts().at(0) == text));
  BOOST_TEST((bob.shown[0].kind == crypto::MessageKind::action));
  alice.start();
  connect(alice, bob);
  run(2s);
  const auto live = alice.send(bob, text);
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 2; }));
  BOOST_TEST((bob.texts().at(1) == text));
  run(5min);
  BOOST_TEST(alice.told(live) == "queued delivered");
  BOOST_TEST(live_records() == 0);
  BOOST_TEST(bob.rows('P') == 0);
}

BOOST_FIXTURE_TEST_CASE(a_dead_node_costs_nothing_and_is_emptied_when_it_comes_back, Pair) {
  bob.crash();
  for (const auto& text : numbered(4)) {
    alice.send(bob, text);
  }
  run(5s);
  alice.crash();
  nodes[1]->switch_off();
  bob.start();
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 4; }));
  run(10s);
  BOOST_TEST(nodes[0]->store.stats().tombstones == 4);  // what else is there is bob's receipt
  BOOST_TEST(nodes[1]->store.stats().messages == 4);
  nodes[1]->switch_on();
  BOOST_TEST(emptied());
  BOOST_TEST(bob.texts() == numbered(4), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_node_that_was_down_gets_its_copy_later, Pair) {
  bob.crash();
  nodes[0]->switch_off();
  const auto id = alice.send(bob, "patience");
  run(1min);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3");
  nodes[0]->switch_on();
  BOOST_TEST(run(15min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
}

BOOST_FIXTURE_TEST_CASE(many_messages_at_once_keep_their_order_and_wait_for_room, Pair) {
  bob.crash();
  const auto texts = numbered(300);
  for (const auto& text : texts) {
    alice.send(bob, text);
  }
  BOOST_TEST(run(10min, [&] { return live_records() == 900; }));
  alice.crash();
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == texts.size(); }));
  run(2min);
  BOOST_TEST(bob.texts() == texts, boost::test_tools::per_element());
  BOOST_TEST(emptied());
}

BOOST_FIXTURE_TEST_CASE(messages_waiting_for_room_go_on_after_a_delivery, Pair) {
  bob.crash();
  for (const auto& node : nodes) {
    node->switch_off();
  }
  std::vector<crypto::MessageId> ids;
  ids.reserve(3);
  for (int i = 0; i < 3; ++i) {
    ids.push_back(alice.send(bob, std::string(60'000, 'x')));
  }
  run(1s);
  protocol::LiveReceipt receipt{crypto::Instance{99}, {ids[0]}};
  alice.manager->on_friend_packet(bob.key,
                                  protocol::make_friend_packet(protocol::FriendPacketType::receipt, receipt));
  for (const auto& node : nodes) {
    node->switch_on();
  }
  BOOST_TEST(run(5min, [&] { return alice.told(ids[2]).ends_with("stored:3/3"); }));
  BOOST_TEST(alice.told(ids[0]) == "queued delivered");
}

BOOST_FIXTURE_TEST_CASE(a_friend_who_is_online_gets_it_without_any_node, Pair) {
  connect(alice, bob);
  run(1s);
  const auto before =
      std::transform_reduce(nodes.begin(), nodes.end(), std::uint64_t{0}, std::plus<>(),
                            [](const auto& node) { return node->metrics.value(Counter::node_stored); });
  const auto id = alice.send(bob, "hi");
  BOOST_TEST(run(200ms, [&] { return alice.told(id) == "queued delivered"; }));
  BOOST_TEST(bob.texts() == Texts{"hi"}, boost::test_tools::per_element());
  run(2min);
  const auto after =
      std::transform_reduce(nodes.begin(), nodes.end(), std::uint64_t{0}, std::plus<>(),
                            [](const auto& node) { return node->metrics.value(Counter::node_stored); });
  BOOST_TEST(after == before);
  BOOST_TEST(alice.manager->outbox_size() == 0);
  BOOST_TEST(alice.rows('O') == 0);
}

BOOST_FIXTURE_TEST_CASE(a_lost_receipt_costs_copies_but_nothing_is_shown_twice, Pair) {
  connect(alice, bob);
  run(1s);
  friend_filter = [&](FriendPacket& packet) { return packet.from == &bob; };
  const auto id = alice.send(bob, "once");
  run(1min);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
  friend_filter = nullptr;
  run(10min);
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST(live_records() == 0);
  disconnect(alice, bob);
  meet(alice, bob);
  BOOST_TEST(alice.told(id).ends_with("delivered"));
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_friend_who_vanishes_finds_the_message_on_their_nodes, Pair) {
  connect(alice, bob);
  run(1s);
  const auto id = alice.send(bob, "gone?");
  run(15ms);  // handed to the host, not arrived
  bob.crash();
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(stored_mail_is_sent_live_at_a_meeting_and_shown_once, Pair) {
  connect(alice, bob);
  run(1s);
  friend_filter = [](FriendPacket&) { return true; };  // offered live, and lost
  const auto id = alice.send(bob, "twice offered");
  run(1s);
  bob.crash();
  friend_filter = nullptr;
  run(5s);
  BOOST_TEST(alice.told(id).ends_with("stored:3/3"));
  for (const auto& node : nodes) {
    node->switch_off();
  }
  bob.start();
  connect(alice, bob);
  BOOST_TEST(run(2s, [&] { return alice.told(id).ends_with("delivered"); }));
  for (const auto& node : nodes) {
    node->switch_on();
  }
  BOOST_TEST(run(30min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_full_send_queue_of_the_host_only_slows_it_down, Pair) {
  send_queue = 2;
  friend_delay = 400ms;
  connect(alice, bob);
  run(30s);
  const auto texts = numbered(30);
  for (const auto& text : texts) {
    alice.send(bob, text);
  }
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == texts.size(); }));
  run(10min);
  BOOST_TEST(bob.texts() == texts, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(on_a_bad_network_all_comes_once_and_in_order) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Pair world(seed);
      world.network.set_conditions({200 + 10 * static_cast<std::uint32_t>(seed), 100, 20ms, 300ms});
      world.bob.crash();
      Texts texts = numbered(12);
      texts[5] = std::string(3000, 'y');
      for (const auto& text : texts) {
        world.alice.send(world.bob, text);
        world.run(500ms);
      }
      world.run(2min);
      world.alice.crash();
      world.bob.start();
      BOOST_TEST(world.run(15min, [&] { return world.bob.shown.size() >= texts.size(); }));
      world.run(20min);
      BOOST_TEST(world.bob.texts() == texts, boost::test_tools::per_element());
      BOOST_TEST(std::ranges::none_of(world.bob.shown, &manager::ReceivedMessage::late));
      BOOST_TEST(world.emptied());
    }
  }
}

BOOST_AUTO_TEST_CASE(with_both_coming_and_going_all_comes_once_and_in_order) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Pair world(seed);
      SeededRandom chance(seed);
      world.network.set_conditions({150, 50, 20ms, 100ms});
      const auto texts = numbered(40);
      for (const auto& text : texts) {
        world.alice.send(world.bob, text);
        world.run(chance.below(3000ms));
        if (chance.chance(300)) {
          world.connected(world.alice, world.bob) ? world.disconnect(world.alice, world.bob)
                                                  : world.connect(world.alice, world.bob);
        }
        if (chance.chance(100)) {
          world.bob.crash();
          world.run(chance.below(20'000ms));
          world.bob.start();
        }
        if (chance.chance(100)) {
          world.run(50ms);  // what was reported as queued survives
          world.alice.crash();
          world.run(chance.below(20'000ms));
          world.alice.start();
        }
      }
      BOOST_TEST(world.run(30min, [&] { return world.bob.shown.size() >= texts.size(); }));
      world.run(10min);
      BOOST_TEST(world.bob.texts() == texts, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
