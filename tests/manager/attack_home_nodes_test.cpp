// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "node_book_fixture.hpp"

namespace toxasync::test {

BOOST_FIXTURE_TEST_SUITE(attack_home_nodes, BookFixture)

BOOST_AUTO_TEST_CASE(one_friend_vouches_for_one_picked_node) {
  name(1, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  BOOST_TEST(book->pick_home_nodes(3).size() == 1U);
  name(2, {21, 22});
  for (int i = 0; i < 20; ++i) {
    const auto picked = book->pick_home_nodes(3);
    BOOST_TEST(picked.size() == 2U);
    BOOST_TEST(std::ranges::count_if(picked, [](const NodeId& id) { return id < node_id(20); }) == 1);
  }
  const Ids taken{node_id(3)};
  for (int i = 0; i < 20; ++i) {
    for (const auto& id : book->pick_home_nodes(2, taken)) {
      BOOST_TEST((id > node_id(20)));
    }
  }
}

BOOST_AUTO_TEST_CASE(who_names_what_others_name_keeps_none_from_being_picked) {
  name(1, {1});
  name(2, {2});
  name(3, {3});
  name(4, {1, 2, 3, 41, 42});
  bool three = true;
  for (int i = 0; i < 30; ++i) {
    const auto picked = book->pick_home_nodes(3);
    three = three && picked.size() == 3U;
    BOOST_TEST(std::ranges::count_if(picked, [](const NodeId& id) { return id > node_id(40); }) <= 1);
  }
  BOOST_TEST(three);
}

BOOST_AUTO_TEST_CASE(nodes_that_a_friend_named_before_are_not_picked) {
  name(2, {100});
  for (std::uint8_t i = 1; i <= 15; i += 5) {
    name(1, {i, static_cast<std::uint8_t>(i + 1), static_cast<std::uint8_t>(i + 2)});
  }
  for (int i = 0; i < 20; ++i) {
    const auto picked = book->pick_home_nodes(3);
    BOOST_TEST(std::ranges::count_if(picked, [](const NodeId& id) { return id < node_id(20); }) <= 1);
  }
  name(1, {});
  for (int i = 0; i < 20; ++i) {
    const auto picked = book->pick_home_nodes(3);
    BOOST_TEST((picked == Ids{node_id(100)}));
  }
}

BOOST_AUTO_TEST_CASE(who_names_one_after_the_other_gets_one_picked) {
  for (const bool alone : {true, false}) {
    BookFixture fixture;
    Ids homes;
    const auto pick = [&] {
      if (!alone) {
        fixture.name(2, {100});
      }
      for (const auto& id : fixture.book->pick_home_nodes(3 - homes.size(), homes)) {
        homes.push_back(id);
        fixture.book->set_home(id, true);
      }
    };
    for (std::uint8_t i = 1; i <= 10; ++i) {
      fixture.name(1, {i});
      pick();
      if (i % 3 == 0) {  // whose word it was is known also then
        fixture.restart();
        fixture.name(1, {i});
        pick();
      }
    }
    BOOST_TEST(homes.size() == (alone ? 1U : 2U));
    fixture.name(3, {101, 102});
    pick();
    BOOST_TEST(homes.size() == (alone ? 2U : 3U));
  }
}

BOOST_AUTO_TEST_CASE(whose_word_a_pick_was_is_known_after_a_crash) {
  name(1, {1});
  Ids homes = book->pick_home_nodes(3);
  BOOST_TEST((homes == Ids{node_id(1)}));
  crash();
  book->set_home(node_id(1), true);
  name(1, {2, 3});
  BOOST_TEST(book->pick_home_nodes(2, homes).empty());
}

BOOST_AUTO_TEST_CASE(what_the_user_names_rests_on_nobodys_word) {
  for (std::uint8_t i = 1; i <= 3; ++i) {
    learn_and_answer(i, Origin::configured);
  }
  name(1, {1, 2, 3});
  BOOST_TEST(book->pick_home_nodes(3).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
