// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "node_book_fixture.hpp"

namespace toxasync::test {

BOOST_FIXTURE_TEST_SUITE(manager_node_book, BookFixture)

BOOST_AUTO_TEST_CASE(addresses_of_the_descriptor_come_before_those_of_others) {
  Signer node(7);
  book->learn(client::KnownNode{node.id(), {address(1)}}, Origin::peers);
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

BOOST_AUTO_TEST_CASE(hostile_friends_cannot_displace_addresses_or_fill_the_book) {
  Signer node(7);
  for (std::uint8_t i = 1; i <= 40; ++i) {
    claim(i, node.id(), {address(i), address(i, 1), address(i, 2), address(i, 3)});
  }
  BOOST_TEST(tried(node.id()).size() == NodeBook::endpoints_tried);
  BOOST_TEST((tried(node.id())[1] == address(2)));
  answers(node.id(), node.descriptor({address(99)}));
  BOOST_TEST((tried(node.id())[0] == address(99)));
}

BOOST_AUTO_TEST_CASE(a_friends_new_nodes_replace_what_they_said_of_the_old_ones) {
  claim(50, node_id(1), {address(1)});
  claim(51, node_id(1), {address(2)});
  claim(50, node_id(3), {address(3)});
  BOOST_TEST((tried(node_id(1)) == std::vector{address(2)} || tried(node_id(1)).back() == address(1)));
  BOOST_TEST((tried(node_id(1)).front() == address(2)));
  book->claim(numbered<FriendKey>(51), {});
  BOOST_TEST(!tried(node_id(1)).empty());  // mail may lie there: some address is kept
}

BOOST_AUTO_TEST_CASE(a_less_trusted_origin_does_not_replace_a_more_trusted_one) {
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
  book->learn(client::KnownNode{node_id(1), {local}}, Origin::peers);
  BOOST_TEST(book->find(node_id(1)) == nullptr);
  claim(50, node.id(), {local, address(1)});
  answers(node.id(), node.descriptor({local}), local);
  BOOST_TEST((tried(node.id()) == std::vector{address(1)}));
  BOOST_TEST(book->addresses(node.id()).empty());
}

BOOST_AUTO_TEST_CASE(addresses_given_to_others_are_not_those_that_friends_claim) {
  Signer node(7);
  claim(50, node.id(), {address(1)});
  answers(node.id(), {}, address(2));
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(2)}));
  answers(node.id(), node.descriptor({address(3)}));
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(3)}));
  book->learn(client::KnownNode{node.id(), {address(4)}}, Origin::configured);
  BOOST_TEST((book->addresses(node.id()) == std::vector{address(3), address(4)}));
}

BOOST_AUTO_TEST_CASE(a_descriptor_found_at_an_address_adds_the_node_only) {
  Signer node(7);
  book->learn(node.descriptor({address(1)}), address(2), Origin::dht);
  BOOST_TEST((tried(node.id()) == std::vector{address(1), address(2)}));
  BOOST_TEST(book->find(node.id())->descriptor.empty());
  Bytes forged = Signer(8).descriptor({address(1)});
  forged[40] ^= 1;
  book->learn(forged, address(2), Origin::dht);
  BOOST_TEST(book->good() == 1U);
}

BOOST_AUTO_TEST_CASE(our_own_node_is_not_used) {
  learn(1, Origin::dht);
  book->set_self(node_id(1));
  BOOST_TEST(book->find(node_id(1)) == nullptr);
  learn(1, Origin::peers);
  claim(50, node_id(1), {address(1)});
  BOOST_TEST(book->find(node_id(1)) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_node_is_given_up_after_three_days_until_its_next_answer) {
  claim(1, node_id(1), {address(1)});
  answers(node_id(1));
  book->set_named(node_id(250), true);
  fails_for(node_id(1), days(3) - 1h);
  BOOST_TEST(!book->given_up(node_id(1)));
  fails_for(node_id(1), 1h);
  BOOST_TEST(book->given_up(node_id(1)));
  BOOST_TEST((book->nearest(crypto::Point(random.array<32>()), 9) == Ids{node_id(250)}));
  answers(node_id(1));
  BOOST_TEST(!book->given_up(node_id(1)));
}

BOOST_AUTO_TEST_CASE(while_our_own_network_is_down_no_failure_counts) {
  learn(1, Origin::friends);
  learn(2, Origin::friends);
  for (std::uint8_t number = 1; number <= 2; ++number) {
    answers(node_id(number));
  }
  clock.advance(1h);
  for (int i = 0; i < 1000; ++i) {
    fails(node_id(1));
    fails(node_id(2));
    clock.advance(10min);
  }
  BOOST_TEST(book->find(node_id(1))->failures == 0U);
  answers(node_id(1));
  fails(node_id(1));
  BOOST_TEST(book->find(node_id(1))->failures == 0U);
  fails(node_id(2));
  BOOST_TEST(book->find(node_id(2))->failures == 1U);
}

BOOST_AUTO_TEST_CASE(a_few_failures_over_a_long_time_do_not_give_up_a_node) {
  learn(1, Origin::friends);
  fails_for(node_id(1), 1h);
  clock.advance(days(10));  // the program did not run
  answers(node_id(250));
  fails(node_id(1));
  BOOST_TEST(!book->given_up(node_id(1)));
}

BOOST_AUTO_TEST_CASE(a_lost_message_demotes_for_a_week_and_several_for_longer) {
  for (std::uint8_t number = 1; number <= 2; ++number) {
    learn_and_answer(number, Origin::friends);
    claim(number, node_id(number), {address(number)});
  }
  book->on_message_lost(node_id(1));
  BOOST_TEST(book->demoted(node_id(1)));
  BOOST_TEST((book->nearest(crypto::Point(random.array<32>()), 9) == Ids{node_id(2)}));
  BOOST_TEST((book->pick_home_nodes(9) == Ids{node_id(2)}));
  clock.advance(days(7) - 1s);
  BOOST_TEST(book->demoted(node_id(1)));
  clock.advance(1s);
  BOOST_TEST(!book->demoted(node_id(1)));
  for (int i = 0; i < 4; ++i) {
    book->on_message_lost(node_id(1));
  }
  clock.advance(days(21) - 1s);
  BOOST_TEST(book->demoted(node_id(1)));
  clock.advance(1s);
  BOOST_TEST(!book->demoted(node_id(1)));
  for (int i = 0; i < 1000; ++i) {
    book->on_message_lost(node_id(1));
  }
  clock.advance(days(35));
  BOOST_TEST(!book->demoted(node_id(1)));
  book->on_message_lost(node_id(99));  // unknown: nothing
}

BOOST_AUTO_TEST_CASE(the_nearest_nodes_differ_by_mailbox_and_not_by_who_asks) {
  for (std::uint8_t i = 1; i <= 12; ++i) {
    claim(i, node_id(i), {address(i)});
    answers(node_id(i));
  }
  const crypto::Point p(random.array<32>());
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
    for (const auto& id : book->nearest(crypto::Point(random.array<32>()), 3)) {
      seen.insert(id);
    }
  }
  BOOST_TEST(seen.size() == 12U);
}

BOOST_AUTO_TEST_CASE(the_nearest_nodes_are_chosen_ones_that_answered) {
  const auto nearest = [this] { return book->nearest(crypto::Point(random.array<32>()), 9); };
  learn_and_answer(1, Origin::dht);
  learn_and_answer(2, Origin::peers);
  learn_and_answer(3, Origin::friends);  // a friend named it once
  learn_and_answer(4, Origin::configured);
  BOOST_TEST(nearest().empty());
  claim(50, node_id(5), {address(5)});
  book->set_named(node_id(4), true);
  BOOST_TEST((nearest() == Ids{node_id(4)}));
  answers(node_id(5));
  BOOST_TEST(nearest().size() == 2U);
  book->claim(numbered<FriendKey>(50), {});
  book->set_named(node_id(4), false);
  BOOST_TEST(nearest().empty());
}

BOOST_AUTO_TEST_CASE(at_most_one_node_that_nobody_chose_is_picked_beside_others) {
  for (std::uint8_t i = 1; i <= 40; ++i) {
    learn_and_answer(i, i % 2 == 0 ? Origin::dht : Origin::peers);
  }
  BOOST_TEST(book->pick_home_nodes(3).size() == 3U);
  for (std::uint8_t number = 101; number <= 102; ++number) {
    name(number, {number});
  }
  const auto found = [&](const Ids& ids) {
    return std::ranges::count_if(
        ids, [&](const NodeId& id) { return !manager::is_chosen(book->find(id)->origin); });
  };
  for (int i = 0; i < 20; ++i) {
    const auto picked = book->pick_home_nodes(3);
    BOOST_TEST(found(picked) == 1);
    BOOST_TEST(picked.size() == 3U);
  }
  const Ids taken = book->pick_home_nodes(3);
  BOOST_TEST(found(book->pick_home_nodes(1, taken)) == 0);
}

BOOST_AUTO_TEST_CASE(home_nodes_are_picked_of_those_that_answered_lately) {
  for (std::uint8_t number = 1; number <= 4; ++number) {
    learn(number, Origin::configured);
  }
  answers(node_id(1));
  clock.advance(24h);
  answers(node_id(2));
  answers(node_id(4));
  fails(node_id(4));
  BOOST_TEST((book->pick_home_nodes(9) == Ids{node_id(2)}));
  answers(node_id(4));
  BOOST_TEST(book->pick_home_nodes(9).size() == 2U);
  BOOST_TEST((book->pick_home_nodes(9, Ids{node_id(2)}) == Ids{node_id(4)}));
}

BOOST_AUTO_TEST_CASE(picked_home_nodes_are_in_different_public_networks) {
  for (std::uint8_t i = 1; i <= 5; ++i) {
    book->learn(client::KnownNode{node_id(i), {address(200, i)}}, Origin::configured);
    answers(node_id(i));
  }
  BOOST_TEST(book->pick_home_nodes(3).size() == 1U);
  learn_and_answer(9, Origin::configured);
  BOOST_TEST(book->pick_home_nodes(3).size() == 2U);
  BOOST_TEST((book->pick_home_nodes(3, Ids{node_id(1)}) == Ids{node_id(9)}));
  config.allow_local_addresses = true;
  for (std::uint8_t i = 11; i <= 13; ++i) {
    book->learn(client::KnownNode{node_id(i), {ipv4(i)}}, Origin::configured);
    answers(node_id(i));
  }
  BOOST_TEST(book->pick_home_nodes(9).size() == 5U);
}

BOOST_AUTO_TEST_CASE(not_everybody_picks_the_same_home_nodes) {
  for (std::uint8_t i = 1; i <= 30; ++i) {
    name(i, {i});
  }
  std::set<NodeId> seen;
  for (int i = 0; i < 60; ++i) {
    for (const auto& id : book->pick_home_nodes(3)) {
      seen.insert(id);
    }
  }
  BOOST_TEST(seen.size() == 30U);
}

BOOST_AUTO_TEST_CASE(nodes_named_to_others_are_none_that_we_or_friends_use) {
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
  const NodeId told = add(Origin::peers);
  const NodeId home = add(Origin::dht);
  book->set_home(home, true);
  const NodeId claimed = add(Origin::dht);
  claim(50, claimed, {address(9)});
  const auto descriptors = book->descriptors_to_share(9);
  BOOST_REQUIRE(descriptors.size() == 1U);
  BOOST_TEST((protocol::NodeDescriptor::decode_signed(descriptors[0])->id == told));
  clock.advance(24h);
  BOOST_TEST(book->descriptors_to_share(9).empty());  // it has not answered lately
}

BOOST_AUTO_TEST_CASE(the_book_survives_a_restart_without_what_friends_claim) {
  Signer node(7);
  book->learn(client::KnownNode{node.id(), {address(1)}}, Origin::peers);
  answers(node.id(), node.descriptor({address(2)}), address(3));
  book->on_message_lost(node.id());
  book->on_message_lost(node.id());
  book->set_asked(node.id(), UnixTime{77s});
  learn(4, Origin::dht);
  fails_for(node_id(4), days(3) + 2h);
  restart();
  const BookedNode& read = *book->find(node.id());
  BOOST_TEST((read.origin == Origin::peers));
  BOOST_TEST((tried(node.id()) == std::vector{address(2), address(3), address(1)}));
  BOOST_TEST(!read.descriptor.empty());
  BOOST_TEST(read.ask_at == UnixTime{77s});
  BOOST_TEST(book->demoted(node.id()));
  BOOST_TEST(book->given_up(node_id(4)));
  BOOST_TEST((book->find(node_id(4))->origin == Origin::dht));
}

BOOST_AUTO_TEST_CASE(a_loss_is_written_at_once_and_answers_once_an_hour_at_most) {
  learn(1, Origin::friends);
  save();
  const auto batches = [&] {
    journal.tick(clock.now());
    return state.load().size();
  };
  BOOST_TEST(batches() == 1U);
  book->on_message_lost(node_id(1));
  journal.tick(clock.now());
  book = open();
  for (const auto& entry : state.load()) {
    book->load(entry);
  }
  BOOST_TEST(book->demoted(node_id(1)));
  answers(node_id(1));
  save();
  BOOST_TEST(book->next_deadline() == never);
  answers(node_id(1));
  BOOST_TEST(book->next_deadline() == never);
  clock.advance(1h);
  answers(node_id(1));
  BOOST_TEST(book->next_deadline() != never);
}

BOOST_AUTO_TEST_CASE(unused_nodes_are_kept_up_to_a_bound_the_good_ones_first) {
  Signer good(7);
  book->learn(client::KnownNode{good.id(), {address(1)}}, Origin::dht);
  answers(good.id());
  learn(2, Origin::friends);
  book->set_home(node_id(3), true);
  learn(3, Origin::dht);
  book->on_message_lost(node_id(3));
  learn(4, Origin::peers);
  answers(node_id(4));
  book->on_message_lost(node_id(4));
  claim(50, node_id(5), {address(5)});
  const auto flood = [&](std::uint64_t seed) {
    clock.advance(1s);
    SeededRandom ids(seed);
    book->learn(client::KnownNode{NodeId(ids.array<32>()), {address(6)}}, Origin::dht);
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
  learn(1, Origin::peers);
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
