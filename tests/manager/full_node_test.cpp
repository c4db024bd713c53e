// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "manager/outbox/replicator.hpp"
#include "world.hpp"

// Nodes that are full, busy, or were silent for a while, and what senders do about it (docs/admission.md).

namespace toxasync::test {

namespace {

constexpr seconds week = days(7);

crypto::MessageId send_for(User& from, const User& to, std::string_view text, seconds ttl) {
  const auto id = from.manager->send(to.key, crypto::MessageKind::normal, as_bytes(text), ttl);
  BOOST_TEST_REQUIRE(id.has_value());
  return *id;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_full_node)

BOOST_AUTO_TEST_CASE(mail_that_a_node_keeps_for_less_time_is_stored_anew_in_time) {
  Pair world(1, 1);
  world.nodes[0]->grant_at_most(limits::default_time_to_live);
  world.bob.crash();
  const auto id = send_for(world.alice, world.bob, "still here", week);
  std::uint64_t missing = 0;
  BOOST_TEST(world.run(10s, [&] { return world.alice.told(id).ends_with("stored:1/1"); }));
  for (int hour = 0; hour < 60; ++hour) {
    world.run(1h);
    missing += world.nodes[0]->store.stats().messages == 0 ? 1 : 0;
    if (hour == 15) {
      world.alice.crash();
      world.alice.start();
    }
  }
  BOOST_TEST(missing == 0);
  BOOST_TEST(world.alice[Counter::copies_lapsing] >= 2);
  BOOST_TEST(world.alice[Counter::copies_lapsing] <= 3);
  BOOST_TEST(world.alice[Counter::messages_lost_by_node] == 0);
  world.alice.crash();
  world.bob.start();
  BOOST_TEST(world.run(1min, [&] { return world.bob.shown.size() == 1; }));
  BOOST_TEST(world.run(2h, [&] { return world.nodes[0]->store.stats().messages <= 1; }));
  BOOST_TEST(world.bob.texts() == std::vector<std::string>{"still here"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(mail_that_a_node_keeps_long_enough_is_not_stored_anew) {
  Pair world(1, 1);
  world.bob.crash();
  world.alice.crash();
  world.alice.config.cover = false;
  world.alice.start();
  send_for(world.alice, world.bob, "a week", week);
  send_for(world.alice, world.bob, "a day", limits::default_time_to_live);
  world.run(23h);
  BOOST_TEST(world.alice[Counter::copies_lapsing] == 0);
  BOOST_TEST(world.nodes[0]->metrics.value(Counter::node_stored) == 2);
}

BOOST_AUTO_TEST_CASE(a_node_that_grants_next_to_nothing_is_not_asked_without_end) {
  Pair world(1, 1);
  world.nodes[0]->grant_at_most(1s);
  world.bob.crash();
  send_for(world.alice, world.bob, "gone at once", week);
  world.run(24h);
  BOOST_TEST(world.alice[Counter::copies_lapsing] <= 24h / manager::Replicator::renew_before);
  BOOST_TEST(world.alice[Counter::copies_lapsing] >= 24h / (3 * manager::Replicator::renew_before));
}

BOOST_AUTO_TEST_CASE(a_silent_node_gets_what_it_missed_when_it_answers_anything) {
  Pair world(1, 2);
  world.bob.crash();
  world.run(1min);
  world.nodes[0]->switch_off();
  std::vector<crypto::MessageId> ids(20);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = world.alice.send(world.bob, "message " + std::to_string(i));
  }
  world.run(1h);  // it is tried every ten minutes by now
  const auto stored = [&] {
    return std::ranges::all_of(ids,
                               [&](const auto& id) { return world.alice.told(id).ends_with("stored:2/2"); });
  };
  BOOST_TEST(!stored());
  const auto answers = [&] { return world.nodes[0]->metrics.value(Counter::frames_out); };
  const auto before = answers();
  world.nodes[0]->switch_on();
  BOOST_TEST(world.run(1h, [&] { return answers() > before; }));
  BOOST_TEST(world.run(manager::Replicator::retry_soon + 5s, stored));
}

BOOST_AUTO_TEST_CASE(clients_refused_by_a_full_node_retry_with_jitter) {
  std::set<seconds> moments;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Pair world(seed, 1);
    world.bob.crash();
    world.alice.crash();
    world.alice.config.cover = false;  // which is refused, too
    world.alice.start();
    world.nodes[0]->store.set_disk_full(true);
    for (int i = 0; i < 3; ++i) {
      world.alice.send(world.bob, "message " + std::to_string(i));
    }
    const auto refused = [&] { return world.nodes[0]->metrics.value(Counter::refused_store_full); };
    BOOST_TEST(world.run(10s, [&] { return refused() == 3; }));
    world.run(580s);  // the node says 600 s
    BOOST_TEST(refused() == 3);
    seconds waited = 590s;
    for (; refused() == 3 && waited < 800s; ++waited) {
      world.run(1s);
    }
    moments.insert(waited);
    BOOST_TEST(waited <= 600s + 150s + 15s);
    BOOST_TEST(refused() == 4);  // one for all
    world.nodes[0]->store.set_disk_full(false);
    BOOST_TEST(world.run(1h, [&] { return world.nodes[0]->store.stats().messages >= 3; }));
  }
  BOOST_TEST(moments.size() >= 6);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
