// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <initializer_list>

#include "hand_recipient.hpp"

// What a date is believed for while it is not certain, and who makes it certain (docs/protocol.md, section
// 2).

namespace toxasync::test {

namespace {

/// Alice and Bob have home nodes of their own each, and have met.
struct Apart : World {
  Apart(std::initializer_list<std::size_t> of_alice, std::initializer_list<std::size_t> of_bob,
        std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      add_node();
    }
    befriend(alice, bob);
    for (auto [user, homes] : {std::pair{&alice, of_alice}, std::pair{&bob, of_bob}}) {
      for (const std::size_t home : homes) {
        (void)user->manager->add_home_node(nodes[home]->known());
      }
      user->crash();
      user->config.cover = false;
      user->config.pick_home_nodes = false;
      user->start();
    }
    meet(alice, bob);
    run(2h);
  }
  /// Nothing comes from these nodes.
  void hold(std::initializer_list<std::size_t> which) {
    std::set<Endpoint> silent;
    for (const std::size_t node : which) {
      silent.insert(nodes[node]->endpoint);
    }
    network.set_filter([silent](const MockNetwork::Packet& packet) { return silent.contains(packet.from); });
  }
  User& alice = add_user();
  User& bob = add_user();
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_dates)

BOOST_AUTO_TEST_CASE(a_right_clock_and_a_home_node_that_is_behind) {
  for (const bool alone : {true, false}) {
    Apart world({0, 3}, {1, 2}, 4);
    if (alone) {
      (void)world.alice.manager->remove_home_node(world.nodes[3]->keys.id());
    } else {
      world.nodes[3]->switch_off();
    }
    world.alice.crash();
    world.run(30h);
    world.nodes[0]->ahead = -25h;
    world.alice.start();
    world.run(5s);
    for (std::size_t day = 1; day <= 3; ++day) {
      const auto id = world.alice.send(world.bob, "today");
      world.run(30h);
      BOOST_TEST(world.bob.shown.size() == day, world.alice.told(id));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_node_to_answer_is_behind) {
  for (const milliseconds behind : {milliseconds(6h), milliseconds(25h)}) {
    Apart world({0, 1, 2}, {3, 4}, 5);
    world.bob.crash();
    world.alice.crash();
    world.run(40h);
    world.nodes[0]->ahead = -behind;
    world.hold({1, 2});
    world.alice.start();
    world.run(500ms);
    const auto id = world.alice.send(world.bob, "hello");
    world.run(2s);
    world.hold({});
    world.run(19h);
    world.bob.start();
    BOOST_TEST(world.run(4h, [&] { return world.bob.shown.size() == 1; }), world.alice.told(id));
  }
}

BOOST_AUTO_TEST_CASE(what_was_never_dated_is_not_sent_again_a_month_later) {
  Apart world({0, 3}, {1, 2}, 4);
  world.nodes[3]->switch_off();
  world.nodes[2]->switch_off();
  world.alice.crash();
  world.run(1h);
  world.alice.start();
  world.run(5s);
  const auto id = world.alice.send(world.bob, "once");
  world.run(10s);
  world.alice.crash();
  world.run(1h);
  BOOST_TEST(world.bob.shown.size() == 1U);
  world.nodes[2]->switch_on();
  world.run(days(31));
  world.nodes[3]->switch_on();
  world.alice.start();
  world.run(5h);
  BOOST_TEST(world.bob.shown.size() == 1U);
  BOOST_TEST(world.alice.told(id).find("stored:2/2") == std::string::npos, world.alice.told(id));
}

BOOST_AUTO_TEST_CASE(what_was_sent_just_before_a_restart_is_not_over_because_the_clock_was_wrong) {
  for (const milliseconds ahead :
       {milliseconds(6h), milliseconds(days(20)), milliseconds(days(400)), -milliseconds(days(20))}) {
    Pair world(1, 1);
    world.bob.crash();
    world.alice.crash();
    world.run(25h);  // longer than a message lives
    world.alice.clock.ahead = ahead;
    world.alice.start();
    const auto id = world.alice.send(world.bob, "just now");
    world.alice.crash();  // before any node has said what time it is
    world.alice.clock.ahead = 0ms;
    world.alice.start();
    world.run(20h);
    BOOST_TEST(world.alice.told(id).find("expired") == std::string::npos, ahead / 1h << " hours ahead");
    world.bob.start();
    BOOST_TEST(world.run(15min, [&] { return world.bob.shown.size() == 1; }));
  }
}

BOOST_AUTO_TEST_CASE(a_date_that_was_right_stays_whenever_the_program_ends) {
  std::size_t writes = 1;
  for (std::size_t done = 0; done <= writes; ++done) {
    Apart world({0}, {1}, 2);
    world.bob.crash();
    world.alice.crash();
    world.nodes[1]->switch_off();
    world.alice.start();
    const UnixTimeMs sent_at = world.alice.clock.now().wall;
    world.alice.send(world.bob, "then");
    world.alice.crash();  // before any node has said what time it is
    world.run(1h);
    world.alice.start();
    world.alice.state->hold_commits(true);
    world.run(10s);  // one says it
    writes = world.alice.state->waiting();
    world.alice.state->release(done);
    world.alice.crash();
    world.alice.start();
    world.run(15h);  // it is sealed anew, with what is now its date
    world.nodes[1]->switch_on();
    world.run(1h);
    world.bob.start();
    BOOST_REQUIRE(world.run(15min, [&] { return world.bob.shown.size() == 1; }));
    BOOST_TEST((world.bob.shown[0].sent_at == sent_at), done << " of " << writes << " writes were done");
  }
  BOOST_TEST(writes > 2U);
}

BOOST_AUTO_TEST_CASE(a_request_that_has_expired_while_the_program_was_off_is_not_shown) {
  World world;
  for (int i = 0; i < 3; ++i) {
    world.add_node();
  }
  User& alice = world.add_user();
  User& bob = world.add_user();
  const manager::Nospam nospam{1, 2, 3, 4};
  for (User* const user : {&alice, &bob}) {
    world.give_nodes(*user);
  }
  bob.manager->set_nospam(nospam);
  world.run(1h);
  manager::ToxAddress address{};
  std::ranges::copy(bob.key, address.begin());
  std::ranges::copy(nospam, address.begin() + 32);
  for (std::size_t i = 0; i < 36; ++i) {
    address[36 + i % 2] ^= address[i];
  }
  const auto before = bob.rows('H');
  BOOST_TEST(alice.manager->send_friend_request(address, as_bytes("hello")).has_value());
  bob.state->hold_completions(true);  // it comes to the disk, and the program ends before it is shown
  BOOST_TEST(world.run(6h, [&] { return bob.rows('H') > before; }));
  bob.crash();
  world.run(days(20));
  bob.start();
  bob.manager->set_nospam(nospam);
  world.run(1h);
  BOOST_TEST(bob.requests.empty());
}

BOOST_AUTO_TEST_CASE(dates_of_a_friends_node_open_nothing_again) {
  HandWorld world;
  StorageNode& hers = world.add_node();
  auto head = world.eve.head(crypto::KeyPair::generate(world.eve.random()), 5, 0);
  head.home_nodes = {{hers.keys.id(), {{hers.endpoint}}}};
  world.eve.sign(head);
  world.eve.give(protocol::FriendPacketType::bundle_head, head);
  world.run(1s);
  world.eve.go();
  for (int i = 0; i < 200; ++i) {  // more than she may be nacked
    const auto unknown = crypto::KeyPair::generate(world.eve.random()).public_key;
    world.eve.store(*world.nodes[0], world.eve.seal({.pre_key = unknown}));
  }
  world.run(30min);
  const auto opened = world.bob[Counter::refused_pre_key_unknown];
  bool on = false;
  world.after_event = [&] { hers.ahead = (on = !on) ? milliseconds(days(20)) : -milliseconds(days(20)); };
  for (int i = 0; i < 50; ++i) {
    (void)world.bob.manager->send(world.eve.key(), crypto::MessageKind::normal, as_bytes("x"), days(3));
    world.run(1min);
  }
  BOOST_TEST(world.bob[Counter::refused_pre_key_unknown] - opened <= 250);  // as her next hour's nacks allow
}

BOOST_AUTO_TEST_CASE(ids_are_forgotten_though_no_run_is_long) {
  Pair world;
  for (User* const who : {&world.alice, &world.bob}) {
    who->crash();
    who->config.poll_interval = 1h;
    who->config.cover = false;
    who->start();
  }
  for (int day = 0; day < 60; ++day) {
    world.bob.crash();
    world.run(12h);
    if (day < 20) {
      world.alice.send(world.bob, "x");
    }
    world.run(1min);
    world.bob.start();
    world.run(12h);
  }
  BOOST_TEST(world.bob.shown.size() == 20U);
  const auto now = world.clock.unix_time();
  for (const auto& entry : world.bob.state->load()) {
    if (entry.key[0] == 'S') {  // those of weekly bundles; until when stands first
      const UnixTime until = unix_time(load_le<std::uint64_t>(entry.value.data()));
      BOOST_TEST((until >= now && until <= now + days(29)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
