// SPDX-License-Identifier: GPL-3.0-or-later
#include "strangers.hpp"

// Friend requests that we send: docs/protocol.md, "First contact".

using namespace toxasync;
using namespace toxasync::test;
using manager::RequestError;
using manager::RequestOutbox;

BOOST_AUTO_TEST_SUITE(request_outbox)

BOOST_AUTO_TEST_CASE(what_cannot_be_asked_is_refused_at_once) {
  Strangers world;
  const auto send = [&](manager::ToxAddress address, std::string_view text) {
    return world.alice.contact->send_request(address, as_bytes(text), world.clock.now()).error();
  };
  const auto address = world.bob.address();
  auto bad = address;
  bad[36] ^= 1U;
  BOOST_TEST(send(bad, "x") == RequestError::bad_address);
  manager::ToxAddress zero{};
  BOOST_TEST(send(zero, "x") == RequestError::bad_address);
  BOOST_TEST(send(world.alice.address(), "x") == RequestError::own_address);
  BOOST_TEST(send(address, "") == RequestError::empty);
  BOOST_TEST(send(address, std::string(922, 'x')) == RequestError::too_long);
  BOOST_TEST(send(address, "\xc0\x80") == RequestError::not_utf8);
  world.clock.set_unix(limits::epoch_origin - 1s);
  BOOST_TEST(send(address, "x") == RequestError::clock);
  world.clock.set_unix(ManualClock::start_unix);
  world.alice.to_post.clear();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(send(address, "x") == RequestError::already_sent);
  world.bob.set_nospam(4);
  BOOST_TEST(world.alice.request(world.bob).has_value());  // takes the place of the other, which ends
  for (std::size_t i = 2; i < RequestOutbox::most_requests; ++i) {
    const auto other = crypto::KeyPair::generate(*world.alice.random);
    manager::ToxAddress to{};
    std::ranges::copy(other.public_key, to.begin());
    for (std::size_t k = 0; k < 36; ++k) {
      to[36 + k % 2] ^= to[k];
    }
    BOOST_TEST(world.alice.contact->send_request(to, as_bytes("x"), world.clock.now()).has_value());
  }
  Person& carol = world.add_person();
  BOOST_TEST(send(carol.address(), "x") == RequestError::too_many);
  world.alice.services->state.commit(
      {{manager::state_key(manager::Table::friend_keys, {carol.key}), Bytes{1}}}, nullptr);
  BOOST_TEST(send(carol.address(), "x") == RequestError::already_friend);
}

BOOST_AUTO_TEST_CASE(nodes_that_are_down_get_it_when_they_are_back) {
  Strangers world;
  world.bob.crash();
  for (const auto& node : world.nodes) {
    node->switch_off();
  }
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(days(20));  // also when that takes longer than it is kept once it is stored
  BOOST_TEST(world.alice.told() == "queued");
  world.nodes[1]->switch_on();
  BOOST_TEST(world.run(2h, [&] { return world.alice.told() == "queued stored:1/3"; }));
  world.alice.crash();
  world.nodes[0]->switch_on();
  world.bob.start();
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(it_is_offered_again_each_day_and_given_up_after_two_weeks) {
  Strangers world;
  const auto stored = [&] {
    std::uint64_t all = 0;
    for (const auto& node : world.nodes) {
      all += node->metrics.value(Counter::node_stored);
    }
    return all;
  };
  world.bob.crash();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(5h);
  BOOST_TEST(world.live_records() == 3U);
  world.run(24h);
  BOOST_TEST(world.live_records() == 6U);
  BOOST_TEST(world.alice.told().ends_with("stored:3/3"));
  world.run(days(5));
  BOOST_TEST(stored() == 21U);
  world.run(days(10));
  BOOST_TEST(world.alice.told().ends_with("expired"));
  BOOST_TEST(world.alice.rows('G') == 0U);
  BOOST_TEST(stored() <= 3 * 15U);
  const auto before = stored();
  BOOST_TEST(world.live_records() == 0U);  // copies of later days live no longer than it is wanted
  world.run(days(3));
  BOOST_TEST(stored() == before);
}

BOOST_AUTO_TEST_CASE(a_friend_who_comes_online_or_asks_has_answered) {
  Strangers world;
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  world.alice.contact->on_contact(world.bob.key);
  world.run(1min);
  BOOST_TEST(world.alice.told().ends_with("answered"));
  BOOST_TEST(world.alice.rows('G') == 0U);

  Person& carol = world.add_person();
  world.alice.set_nospam(5);  // she looks too
  carol.befriend(world.alice);
  world.alice.befriend(carol);
  BOOST_TEST(carol.request(world.alice).has_value());
  BOOST_TEST(world.alice.request(carol).has_value());
  world.run(2h);
  BOOST_TEST(carol.told().ends_with("answered"));
  BOOST_TEST(world.alice.told().ends_with("answered"));
  BOOST_TEST(carol.shown.empty());
  BOOST_TEST((!carol.contacts.empty() && carol.contacts.front() == world.alice.key));
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_is_removed_from_the_nodes) {
  Strangers world;
  world.bob.crash();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(30h);  // two days' copies
  BOOST_TEST(world.live_records() == 6U);
  world.nodes[0]->switch_off();
  BOOST_TEST(world.alice.contact->cancel_request(world.bob.key, world.clock.now()));
  BOOST_TEST(!world.alice.contact->cancel_request(world.bob.key, world.clock.now()));
  world.run(1h);
  BOOST_TEST(world.live_records() == 2U);
  BOOST_TEST(world.alice.told().ends_with("3/3"));  // a node that may have it has not spoken
  world.alice.crash();
  world.nodes[0]->switch_on();
  world.alice.start();
  world.run(2h);
  BOOST_TEST(world.live_records() == 0U);
  BOOST_TEST(world.alice.told().ends_with("cancelled"));
  BOOST_TEST(world.alice.rows('G') == 0U);
  world.bob.start();
  world.run(days(2));
  BOOST_TEST(world.bob.shown.empty());
}

BOOST_AUTO_TEST_CASE(a_cancel_survives_a_crash) {
  Strangers world;
  world.bob.crash();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  for (const auto& node : world.nodes) {
    node->switch_off();
  }
  BOOST_TEST(world.alice.contact->cancel_request(world.bob.key, world.clock.now()));
  world.run(1min);
  world.alice.crash();
  for (const auto& node : world.nodes) {
    node->switch_on();
  }
  world.alice.start();
  world.run(2h);
  BOOST_TEST(world.alice.told().ends_with("cancelled"));
  BOOST_TEST(world.live_records() == 0U);
}

BOOST_AUTO_TEST_CASE(a_request_fetched_before_the_cancel_is_not_called_cancelled) {
  Strangers world;
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_taken());
  BOOST_TEST(world.run(1h, [&] { return world.live_records() == 0; }));
  BOOST_TEST(world.alice.contact->cancel_request(world.bob.key, world.clock.now()));
  world.run(1h);
  BOOST_TEST(world.alice.told().ends_with("expired"));
}

BOOST_AUTO_TEST_CASE(a_cancel_when_nodes_have_forgotten_it_is_not_called_one) {
  for (const milliseconds after :
       {milliseconds(days(13)), milliseconds(days(14) - 3h), milliseconds(days(15))}) {
    Strangers world;
    world.bob.crash();
    BOOST_TEST(world.alice.request(world.bob).has_value());
    BOOST_TEST(world.run_until_stored());
    world.alice.crash();
    world.bob.start();
    BOOST_TEST(world.run_until_taken());
    world.run(1h);
    world.bob.crash();
    world.run(after);
    world.alice.start();
    BOOST_TEST(world.alice.contact->cancel_request(world.bob.key, world.clock.now()));
    world.run(2h);
    BOOST_TEST(world.alice.told().ends_with("expired"), after / 1h << " h: " << world.alice.told());
  }
}

BOOST_AUTO_TEST_CASE(removing_a_friend_cancels_the_request) {
  Strangers world;
  world.bob.crash();
  world.alice.befriend(world.bob);
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  world.alice.unfriend(world.bob);
  world.run(1h);
  BOOST_TEST(world.alice.told().ends_with("cancelled"));
  BOOST_TEST(world.live_records() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
