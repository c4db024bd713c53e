// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/manager_book_rig.hpp"

namespace toxasync::test {

BOOST_FIXTURE_TEST_SUITE(manager_node_choice, BookRig)

BOOST_AUTO_TEST_CASE(the_nearest_nodes_are_the_same_for_everybody_and_differ_from_mailbox_to_mailbox) {
  for (std::uint8_t i = 1; i <= 12; ++i) {
    learn(i, Origin::friends);
  }
  const auto p = random.array<32>();
  const auto nearest = book->nearest(p, 3);
  BOOST_REQUIRE(nearest.size() == 3U);
  const auto hash = [&p](const NodeId& id) { return crypto::h256({}, {p, id}); };
  BOOST_TEST((hash(nearest[0]) < hash(nearest[1]) && hash(nearest[1]) < hash(nearest[2])));
  book->for_each([&](const BookedNode& node) {
    if (std::ranges::find(nearest, node.id) == nearest.end()) {
      BOOST_TEST((hash(nearest[2]) < hash(node.id)));
    }
  });
  std::set<NodeId> seen;
  for (int i = 0; i < 60; ++i) {
    for (const auto& id : book->nearest(random.array<32>(), 3)) {
      seen.insert(id);
    }
  }
  BOOST_TEST(seen.size() == 12U);
}

BOOST_AUTO_TEST_CASE(at_most_one_node_that_nobody_chose_is_among_those_chosen_where_others_are_known) {
  for (std::uint8_t i = 1; i <= 40; ++i) {
    learn_and_answer(i, i % 2 == 0 ? Origin::dht : Origin::told);
  }
  BOOST_TEST(book->nearest(random.array<32>(), 3).size() == 3U);  // no others are known
  BOOST_TEST(book->pick_home_nodes(3).size() == 3U);
  for (std::uint8_t number = 101; number <= 102; ++number) {
    learn_and_answer(number, Origin::friends);
  }
  const auto found = [&](const Ids& ids) {
    return std::ranges::count_if(
        ids, [&](const NodeId& id) { return !manager::is_chosen(book->find(id)->origin); });
  };
  for (int i = 0; i < 20; ++i) {
    const auto nearest = book->nearest(random.array<32>(), 3);
    BOOST_TEST(found(nearest) <= 1);
    BOOST_TEST(nearest.size() == 3U);
    const auto picked = book->pick_home_nodes(3);
    BOOST_TEST(found(picked) == 1);
    BOOST_TEST(picked.size() == 3U);
  }
  const Ids taken = book->pick_home_nodes(3);
  BOOST_TEST(found(book->pick_home_nodes(1, taken)) == 0);
}

BOOST_AUTO_TEST_CASE(home_nodes_are_picked_of_those_that_answered_lately_and_fail_no_more) {
  for (std::uint8_t number = 1; number <= 4; ++number) {
    learn(number, Origin::friends);
  }
  answers(node_id(1));
  clock.advance_s(day_s);
  answers(node_id(2));
  answers(node_id(4));
  fails(node_id(4));
  BOOST_TEST((book->pick_home_nodes(9) == Ids{node_id(2)}));
  answers(node_id(4));
  BOOST_TEST(book->pick_home_nodes(9).size() == 2U);
  BOOST_TEST((book->pick_home_nodes(9, Ids{node_id(2)}) == Ids{node_id(4)}));
}

BOOST_AUTO_TEST_CASE(picked_home_nodes_are_in_different_networks_as_far_as_their_addresses_are_public) {
  for (std::uint8_t i = 1; i <= 5; ++i) {
    book->learn(client::KnownNode{node_id(i), {address(200, i)}}, Origin::friends);
    answers(node_id(i));
  }
  BOOST_TEST(book->pick_home_nodes(3).size() == 1U);
  learn_and_answer(9, Origin::friends);
  BOOST_TEST(book->pick_home_nodes(3).size() == 2U);
  BOOST_TEST((book->pick_home_nodes(3, Ids{node_id(1)}) == Ids{node_id(9)}));
  config.allow_local_addresses = true;
  for (std::uint8_t i = 11; i <= 13; ++i) {
    book->learn(client::KnownNode{node_id(i), {ipv4(i)}}, Origin::friends);
    answers(node_id(i));
  }
  BOOST_TEST(book->pick_home_nodes(9).size() == 5U);
}

BOOST_AUTO_TEST_CASE(not_everybody_picks_the_same_home_nodes) {
  for (std::uint8_t i = 1; i <= 30; ++i) {
    learn_and_answer(i, Origin::friends);
  }
  std::set<NodeId> seen;
  for (int i = 0; i < 60; ++i) {
    for (const auto& id : book->pick_home_nodes(3)) {
      seen.insert(id);
    }
  }
  BOOST_TEST(seen.size() == 30U);
}

BOOST_AUTO_TEST_CASE(others_are_told_of_found_nodes_only_and_never_of_what_we_or_our_friends_use) {
  std::vector<std::unique_ptr<Signer>> signers;
  const auto add = [&](Origin origin) {
    signers.push_back(std::make_unique<Signer>(100 + signers.size()));
    Signer& node = *signers.back();
    const auto number = static_cast<std::uint32_t>(signers.size());
    const Bytes descriptor = node.descriptor({address(number)});
    book->learn(descriptor, address(number), origin);
    answers(node.id(), descriptor);
    return node.id();
  };
  add(Origin::configured);
  add(Origin::friends);
  const NodeId told = add(Origin::told);
  const NodeId home = add(Origin::dht);
  homes.insert(home);
  const NodeId claimed = add(Origin::dht);
  claim(50, claimed, {address(9)});
  const auto descriptors = book->descriptors_to_tell(9);
  BOOST_REQUIRE(descriptors.size() == 1U);
  BOOST_TEST((protocol::NodeDescriptor::decode_signed(descriptors[0])->id == told));
  clock.advance_s(day_s);
  BOOST_TEST(book->descriptors_to_tell(9).empty());  // it has not answered lately
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
