// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/manager_book_rig.hpp"

namespace toxasync::test {

BOOST_FIXTURE_TEST_SUITE(manager_node_book, BookRig)

// --- Where a node is ---

BOOST_AUTO_TEST_CASE(the_descriptors_addresses_come_first_then_where_it_answered_then_what_others_say) {
  Signer node(7);
  book->learn(client::KnownNode{node.id(), {address(1)}}, Origin::told);
  claim(50, node.id(), {address(2), address(3)});
  claim(51, node.id(), {address(4)});
  BOOST_TEST((tried(node.id()) == std::vector{address(2), address(4), address(3), address(1)}));
  answers(node.id(), node.descriptor({address(5)}), address(6));
  BOOST_TEST((tried(node.id()) ==
              std::vector{address(5), address(6), address(2), address(4), address(3), address(1)}));
  book->learn(client::KnownNode{node.id(), {address(8)}}, Origin::configured);
  BOOST_TEST((tried(node.id()) ==
              std::vector{address(5), address(6), address(8), address(2), address(4), address(3)}));
}

BOOST_AUTO_TEST_CASE(of_many_hostile_friends_each_address_is_one_of_many_and_the_book_keeps_its_bound) {
  Signer node(7);
  for (std::uint8_t i = 1; i <= 40; ++i) {
    claim(i, node.id(), {address(i), address(i, 1), address(i, 2), address(i, 3)});
  }
  BOOST_TEST(tried(node.id()).size() == NodeBook::endpoints_tried);
  BOOST_TEST((tried(node.id())[1] == address(2)));
  answers(node.id(), node.descriptor({address(99)}));
  BOOST_TEST((tried(node.id())[0] == address(99)));
}

BOOST_AUTO_TEST_CASE(a_friend_who_names_other_nodes_takes_back_what_he_said_of_the_old_ones) {
  claim(50, node_id(1), {address(1)});
  claim(51, node_id(1), {address(2)});
  claim(50, node_id(3), {address(3)});
  BOOST_TEST((tried(node_id(1)) == std::vector{address(2)} || tried(node_id(1)).back() == address(1)));
  BOOST_TEST((tried(node_id(1)).front() == address(2)));
  book->claim(node_id(51), {});
  BOOST_TEST(!tried(node_id(1)).empty());  // mail may lie there: some address is kept
}

BOOST_AUTO_TEST_CASE(a_word_of_less_trust_does_not_displace_one_of_more) {
  learn(1, Origin::configured);
  book->learn(client::KnownNode{node_id(1), {address(66)}}, Origin::dht);
  BOOST_TEST((tried(node_id(1)) == std::vector{address(1)}));
  BOOST_TEST((book->find(node_id(1))->origin == Origin::configured));
  book->learn(client::KnownNode{node_id(1), {address(67)}}, Origin::configured);
  BOOST_TEST((tried(node_id(1)) == std::vector{address(67)}));
}

BOOST_AUTO_TEST_CASE(local_addresses_are_left_out_unless_they_are_allowed) {
  Signer node(7);
  const Endpoint local = ipv4(1);
  book->learn(client::KnownNode{node_id(1), {local}}, Origin::told);
  BOOST_TEST(book->find(node_id(1)) == nullptr);
  claim(50, node.id(), {local, address(1)});
  answers(node.id(), node.descriptor({local}), local);
  BOOST_TEST((tried(node.id()) == std::vector{address(1)}));
  BOOST_TEST(book->addresses(node.id()).empty());
}

BOOST_AUTO_TEST_CASE(others_are_told_what_the_node_and_our_user_say_and_nothing_that_a_friend_claims) {
  Signer node(7);
  claim(50, node.id(), {address(1)});
  answers(node.id(), {}, address(2));
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(2)}));
  answers(node.id(), node.descriptor({address(3)}));
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(3)}));
  book->learn(client::KnownNode{node.id(), {address(4)}}, Origin::configured);
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(3), address(4)}));
}

BOOST_AUTO_TEST_CASE(a_descriptor_found_by_asking_an_address_adds_the_node_and_proves_nothing) {
  Signer node(7);
  book->learn(node.descriptor({address(1)}), address(2), Origin::dht);
  BOOST_TEST((tried(node.id()) == std::vector{address(1), address(2)}));
  BOOST_TEST(book->find(node.id())->descriptor.empty());
  Bytes forged = Signer(8).descriptor({address(1)});
  forged[40] ^= 1;
  book->learn(forged, address(2), Origin::dht);
  BOOST_TEST(book->good() == 1U);
}

BOOST_AUTO_TEST_CASE(our_own_node_is_none_for_us) {
  learn(1, Origin::dht);
  book->set_self(node_id(1));
  BOOST_TEST(book->find(node_id(1)) == nullptr);
  learn(1, Origin::told);
  claim(50, node_id(1), {address(1)});
  BOOST_TEST(book->find(node_id(1)) == nullptr);
}

// --- What it did ---

BOOST_AUTO_TEST_CASE(a_node_is_given_up_after_three_days_of_failures_and_taken_back_at_its_next_answer) {
  learn(1, Origin::friends);
  answers(node_id(1));
  fails_for(node_id(1), 3 * day_s - 3600);
  BOOST_TEST(!book->given_up(node_id(1)));
  fails_for(node_id(1), 3600);
  BOOST_TEST(book->given_up(node_id(1)));
  BOOST_TEST((book->nearest(random.array<32>(), 9) == Ids{node_id(250)}));
  answers(node_id(1));
  BOOST_TEST(!book->given_up(node_id(1)));
}

BOOST_AUTO_TEST_CASE(while_our_own_network_is_down_no_failure_counts) {
  learn(1, Origin::friends);
  learn(2, Origin::friends);
  for (std::uint8_t number = 1; number <= 2; ++number) {
    answers(node_id(number));
  }
  clock.advance_s(3600);
  for (int i = 0; i < 1000; ++i) {
    fails(node_id(1));
    fails(node_id(2));
    clock.advance_s(600);
  }
  BOOST_TEST(book->find(node_id(1))->failures == 0U);
  // One that answers by itself does not show that the network works for the other one's sake alone:
  answers(node_id(1));
  fails(node_id(1));
  BOOST_TEST(book->find(node_id(1))->failures == 0U);
  fails(node_id(2));
  BOOST_TEST(book->find(node_id(2))->failures == 1U);
}

BOOST_AUTO_TEST_CASE(a_few_failures_are_not_enough_however_long_ago_the_first_one_was) {
  learn(1, Origin::friends);
  fails_for(node_id(1), 3600);
  clock.advance_s(10 * day_s);  // the program did not run
  answers(node_id(250));
  fails(node_id(1));
  BOOST_TEST(!book->given_up(node_id(1)));
}

BOOST_AUTO_TEST_CASE(a_lost_message_demotes_for_a_week_and_more_of_them_for_longer) {
  for (std::uint8_t number = 1; number <= 2; ++number) {
    learn_and_answer(number, Origin::friends);
  }
  book->lost(node_id(1));
  BOOST_TEST(book->demoted(node_id(1)));
  BOOST_TEST((book->nearest(random.array<32>(), 9) == Ids{node_id(2)}));
  BOOST_TEST((book->pick_home_nodes(9) == Ids{node_id(2)}));
  BOOST_TEST(metrics.value(Counter::nodes_lost_mail) == 1U);
  clock.advance_s(7 * day_s - 1);
  BOOST_TEST(book->demoted(node_id(1)));
  clock.advance_s(1);
  BOOST_TEST(!book->demoted(node_id(1)));
  for (int i = 0; i < 4; ++i) {
    book->lost(node_id(1));
  }
  clock.advance_s(21 * day_s - 1);
  BOOST_TEST(book->demoted(node_id(1)));
  clock.advance_s(1);
  BOOST_TEST(!book->demoted(node_id(1)));
  for (int i = 0; i < 1000; ++i) {
    book->lost(node_id(1));
  }
  clock.advance_s(5 * 7 * day_s);
  BOOST_TEST(!book->demoted(node_id(1)));
  book->lost(node_id(99));  // unknown: nothing
}

// --- What is kept ---

BOOST_AUTO_TEST_CASE(everything_survives_a_restart_but_what_friends_say_which_is_in_their_bundles) {
  Signer node(7);
  book->learn(client::KnownNode{node.id(), {address(1)}}, Origin::told);
  answers(node.id(), node.descriptor({address(2)}), address(3));
  book->lost(node.id());
  book->lost(node.id());
  book->asked(node.id(), 77);
  learn(4, Origin::dht);
  fails_for(node_id(4), 3 * day_s + 7200);
  restart();
  const BookedNode& read = *book->find(node.id());
  BOOST_TEST((read.origin == Origin::told));
  BOOST_TEST((tried(node.id()) == std::vector{address(2), address(3), address(1)}));
  BOOST_TEST(!read.descriptor.empty());
  BOOST_TEST(read.ask_at_s == 77);
  BOOST_TEST(book->demoted(node.id()));
  BOOST_TEST(book->given_up(node_id(4)));
  BOOST_TEST((book->find(node_id(4))->origin == Origin::dht));
}

BOOST_AUTO_TEST_CASE(a_loss_is_on_disk_at_once_and_answers_cost_a_write_an_hour_at_most) {
  learn(1, Origin::friends);
  save();
  const auto batches = [&] {
    journal.tick(clock.steady_ms());
    return state.load().size();
  };
  BOOST_TEST(batches() == 1U);
  book->lost(node_id(1));
  journal.tick(clock.steady_ms());
  book = open();
  for (const auto& entry : state.load()) {
    book->load(entry);
  }
  BOOST_TEST(book->demoted(node_id(1)));
  answers(node_id(1));
  save();
  BOOST_TEST(book->next_deadline_ms() == INT64_MAX);
  answers(node_id(1));
  BOOST_TEST(book->next_deadline_ms() == INT64_MAX);
  clock.advance_s(3600);
  answers(node_id(1));
  BOOST_TEST(book->next_deadline_ms() != INT64_MAX);
}

BOOST_AUTO_TEST_CASE(of_unused_nodes_so_many_are_kept_the_good_and_the_known_before_the_others) {
  Signer good(7);
  book->learn(client::KnownNode{good.id(), {address(1)}}, Origin::dht);
  answers(good.id());
  learn(2, Origin::friends);
  homes.insert(node_id(3));
  learn(3, Origin::dht);
  book->lost(node_id(3));
  learn(4, Origin::told);
  answers(node_id(4));
  book->lost(node_id(4));
  claim(50, node_id(5), {address(5)});
  const auto flood = [&](std::uint64_t seed) {
    clock.advance_s(1);
    SeededRandom ids(seed);
    book->learn(client::KnownNode{ids.array<32>(), {address(6)}}, Origin::dht);
  };
  for (std::uint64_t i = 0; i < NodeBook::most_unused; ++i) {
    flood(1000 + i);
  }
  const auto known = [&](const NodeId& id) { return book->find(id) != nullptr; };
  BOOST_TEST(!known(node_id(4)));  // it has lost mail
  for (std::uint64_t i = 0; i < 2 * NodeBook::most_unused; ++i) {
    flood(5000 + i);
  }
  std::size_t all = 0;
  book->for_each([&](const BookedNode&) { ++all; });
  BOOST_TEST(all == NodeBook::most_unused + 2);
  BOOST_TEST(known(good.id()));
  BOOST_TEST(known(node_id(2)));  // a friend chose it once
  BOOST_TEST(known(node_id(3)));
  BOOST_TEST(known(node_id(5)));
  BOOST_TEST(!client.node_status(node_id(4)).has_value());
  save();
  BOOST_TEST(state.load().size() == all);
}

BOOST_AUTO_TEST_CASE(a_damaged_row_is_counted_and_left_out) {
  learn(1, Origin::told);
  save();
  auto entries = state.load();
  entries.at(0).value.pop_back();
  book = open();
  BOOST_TEST(book->load(entries[0]));
  BOOST_TEST(book->find(node_id(1)) == nullptr);
  BOOST_TEST(metrics.value(Counter::state_record_damaged) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
