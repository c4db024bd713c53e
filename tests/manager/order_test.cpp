// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"
#include "manager/inbox/inbox.hpp"

namespace toxasync::test {

namespace {
using Texts = std::vector<std::string>;

/// What a part counts beside its text: manager::Inbox::part_overhead_bytes.
constexpr std::size_t manager_part_overhead = manager::Inbox::part_overhead_bytes;
}  // namespace

BOOST_AUTO_TEST_SUITE(manager_order)

BOOST_FIXTURE_TEST_CASE(a_gap_is_held_until_every_home_node_was_polled, HandWorld) {
  nodes[2]->switch_off();  // it takes its time to fail
  run(5min);
  eve.send({.text = "two", .sequence = 2});
  run(10s);
  BOOST_TEST(bob.shown.empty());
  BOOST_REQUIRE(run(2min, [&] { return !bob.shown.empty(); }));
  BOOST_TEST(!bob.shown[0].late);
  eve.send({.text = "one", .sequence = 1});
  run(1s);
  BOOST_TEST(bob.texts() == (Texts{"two", "one"}), boost::test_tools::per_element());
  BOOST_TEST(bob.shown.back().late);
}

BOOST_FIXTURE_TEST_CASE(a_gap_that_a_home_node_fills_costs_no_order, HandWorld) {
  run(5s);
  eve.store(*nodes[1], eve.seal({.text = "one", .sequence = 1}));
  eve.send({.text = "two", .sequence = 2});
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 2; }));
  BOOST_TEST(bob.texts() == (Texts{"one", "two"}), boost::test_tools::per_element());
  BOOST_TEST(std::ranges::none_of(bob.shown, &manager::ReceivedMessage::late));
}

BOOST_AUTO_TEST_CASE(a_gap_is_held_for_ten_minutes_at_most) {
  World world;
  world.add_node();
  User& bob = world.add_user();
  world.give_nodes(bob);
  HandFriend eve(world, bob);
  eve.take_bundle();
  bob.crash();
  bob.config.client.attempts = 1000;  // a poll of a dead node does not end
  bob.start();
  world.nodes[0]->switch_off();
  eve.come();
  eve.send({.text = "two", .sequence = 2});
  world.run(590s);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(world.run(15s, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(the_floor_says_that_nothing_below_it_will_come, HandWorld) {
  eve.send({.text = "nine", .sequence = 9, .floor = 9});
  BOOST_TEST(run(100ms, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(!bob.shown[0].late);
}

BOOST_FIXTURE_TEST_CASE(order_is_kept_over_a_restart, HandWorld) {
  eve.send({.text = "five", .sequence = 5, .floor = 5});
  run(1s);
  bob.crash();
  bob.start();
  eve.come();
  eve.send({.text = "six", .sequence = 6, .floor = 1});
  eve.send({.text = "four", .sequence = 4, .floor = 1});
  run(1s);
  BOOST_TEST(bob.texts() == (Texts{"five", "six", "four"}), boost::test_tools::per_element());
  BOOST_TEST(!bob.shown[1].late);
  BOOST_TEST(bob.shown[2].late);
}

BOOST_FIXTURE_TEST_CASE(a_held_message_outlives_a_restart, HandWorld) {
  for (const auto& node : nodes) {
    node->switch_off();
  }
  eve.send({.text = "two", .sequence = 2});
  run(1s);
  BOOST_TEST(bob.shown.empty());
  bob.crash();
  bob.start();
  BOOST_TEST(run(610s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(parts_come_in_any_order_and_whole_or_not_at_all, HandWorld) {
  const auto first = eve.seal({.text = "abc", .part = 0, .parts = 3});
  const auto part = [&](std::uint8_t i, std::string text) {
    return HandFriend::Letter{
        .text = std::move(text), .part = i, .parts = 3, .id = first.id, .pre_key = first.pre_key};
  };
  eve.send(part(2, "ghi"));
  eve.give(protocol::FriendPacketType::envelope, first.live);
  run(700s);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.rows('P') == 2);
  bob.crash();
  bob.start();
  eve.come();
  eve.send(part(1, "def"));
  run(1s);
  BOOST_TEST(bob.texts() == Texts{"abcdefghi"}, boost::test_tools::per_element());
  BOOST_TEST(bob.rows('P') == 0);
}

BOOST_FIXTURE_TEST_CASE(parts_that_contradict_one_another_are_refused, HandWorld) {
  const auto first = eve.seal({.text = "abc", .part = 0, .parts = 2});
  eve.give(protocol::FriendPacketType::envelope, first.live);
  run(100ms);
  const auto other = [&](HandFriend::Letter letter) {
    letter.id = first.id;
    letter.pre_key = letter.pre_key ? letter.pre_key : first.pre_key;
    return refused(Counter::refused_parts, [&] { eve.send(letter); });
  };
  BOOST_TEST(other({.part = 1, .parts = 3}) == 1);
  BOOST_TEST(other({.sequence = 2, .part = 1, .parts = 2}) == 1);
  BOOST_TEST(other({.kind = crypto::MessageKind::action, .part = 1, .parts = 2}) == 1);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(incomplete_messages_are_bounded_and_the_oldest_gives_way, HandWorld) {
  std::uint64_t sequence = 1;
  const std::string text(limits::large_text, 'x');
  const auto last_resort = eve.bundle.last_resort;
  std::optional<HandFriend::Sealed> oldest;
  for (int message = 0; message < 6; ++message, ++sequence) {
    const auto first = eve.seal({.text = text, .sequence = sequence, .parts = 66, .pre_key = last_resort});
    oldest = oldest ? oldest : first;
    eve.give(protocol::FriendPacketType::envelope, first.live);
    for (std::uint8_t part = 1; part < 65; ++part) {
      eve.send({.text = text,
                .sequence = sequence,
                .part = part,
                .parts = 66,
                .id = first.id,
                .pre_key = last_resort});
    }
    run(2s);
    BOOST_TEST(bob.rows('P') * (limits::large_text + manager_part_overhead) <=
               limits::incomplete_parts_bytes);
  }
  BOOST_TEST(bob[Counter::refused_parts] >= 2);
  eve.send({.text = text, .part = 65, .parts = 66, .id = oldest->id, .pre_key = last_resort});
  run(1s);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(parts_without_text_are_bounded_too, HandWorld) {
  for (int i = 0; i < 4200; ++i) {
    eve.send({.text = "", .parts = 2, .pre_key = eve.bundle.last_resort});
  }
  run(1s);
  BOOST_TEST(bob.rows('P') <= limits::incomplete_parts_bytes / manager_part_overhead);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
