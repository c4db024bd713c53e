// SPDX-License-Identifier: GPL-3.0-or-later
#include <malloc.h>

#include <boost/test/unit_test.hpp>

#include "world.hpp"

// A client's wall clock, or a node's, is wrong for a moment, at a start or for good (docs/protocol.md,
// section 2): nothing that was acknowledged is lost, no key is gone, and all is delivered.

namespace toxasync::test {

namespace {

/// Friends who never meet again; seldom polls, so that weeks pass quickly.
struct Clocks : Pair {
  explicit Clocks(std::size_t node_count = 3, bool met = true) : Pair(1, node_count, met) {
    for (User* const who : {&alice, &bob}) {
      who->crash();
      who->config.poll_interval = 1h;
      who->config.cover = false;
      who->start();
    }
  }

  /// The wall clock is wrong for a time, while the program runs.
  void wrong_for(User& who, milliseconds ahead, milliseconds time) {
    who.clock.ahead = ahead;
    who.manager->tick();
    run(time);
    who.manager->tick();
    who.clock.ahead = 0ms;
    who.manager->tick();
  }
  /// The same from a start on, and right again while it runs, or at the next start.
  void wrong_at_start(User& who, milliseconds ahead, milliseconds time, bool until_restart) {
    who.crash();
    who.clock.ahead = ahead;
    who.start();
    run(time);
    if (until_restart) {
      who.crash();
    }
    who.clock.ahead = 0ms;
    if (until_restart) {
      who.start();
    }
    who.manager->tick();
  }
  /// An installation that has nothing on its disk yet.
  void first_start(User& who, milliseconds ahead) {
    who.crash();
    who.state = std::make_unique<store::MemoryState>();
    who.clock.ahead = ahead;
    who.start();
    give_nodes(who);
  }
  /// A message of alice's each day, each to be shown on the same day and confirmed on the next.
  void check_daily(int days_of_mail) {
    const auto before = bob.shown.size();
    std::vector<crypto::MessageId> ids;
    for (int day = 0; day < days_of_mail; ++day) {
      BOOST_TEST_REQUIRE(alice.manager->friend_ready(bob.key));
      ids.push_back(alice.send(bob, "day " + std::to_string(day)));
      const auto wanted = before + ids.size();
      BOOST_TEST(run(12h, [&] { return bob.shown.size() >= wanted; }), "day " << day << " is not shown");
      run(24h);
    }
    for (const auto& id : ids) {
      BOOST_TEST(alice.told(id).ends_with("delivered"), alice.told(id));
    }
    BOOST_TEST(bob.shown.size() == before + ids.size());
  }
};

/// Bob's clock is far ahead, so that no node confirms it, and the first node names another date in each
/// answer.
struct Liar : Clocks {
  Liar() : Clocks(3) {
    bob.crash();
    bob.clock.ahead = days(31);
    bob.start();
    run(10min);
    after_event = [this] { nodes[0]->ahead = days(300) + 7h * (++events % 90'000); };
  }
  int events = 0;
};

/// What is allocated by this process, in bytes; 0 where that is not counted (under a sanitizer).
std::size_t allocated() {
  return mallinfo2().uordblks;
}

constexpr milliseconds back = days(160);  // no farther: the tests' clock stands soon after the first epoch

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_clock)

// --- A recipient's clock ---

BOOST_AUTO_TEST_CASE(a_jump_while_running_makes_nobody_deaf) {
  struct Jump {
    seconds root_age;
    milliseconds ahead;
    milliseconds time;
  };
  for (const Jump& jump :
       {Jump{0s, days(31), 2h}, Jump{days(25), days(6), 2h}, Jump{0s, days(60), 2s}, Jump{0s, days(400), 2h},
        Jump{days(25), -back, 2h}, Jump{0s, days(1), 2h}, Jump{0s, 60s, 2h}, Jump{0s, 2s, 2h}}) {
    BOOST_TEST_CONTEXT("root " << jump.root_age / 24h << " days old, ahead " << jump.ahead / 1s << " s") {
      Clocks world;
      world.run(jump.root_age);
      const auto one_time = world.bob.rows('K');
      world.wrong_for(world.bob, jump.ahead, jump.time);
      BOOST_TEST(world.bob.rows('R') == 1U);
      BOOST_TEST(world.bob.rows('K') == one_time);
      world.check_daily(4);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_start_with_a_wrong_clock_makes_nobody_deaf) {
  for (const milliseconds ahead : {milliseconds(days(31)), milliseconds(days(400)), -back}) {
    for (const bool until_restart : {false, true}) {
      BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days, until a restart " << until_restart) {
        Clocks world;
        world.run(2h);
        const auto one_time = world.bob.rows('K');
        world.wrong_at_start(world.bob, ahead, 2s, until_restart);
        BOOST_TEST(world.bob.rows('R') == 1U);
        BOOST_TEST(world.bob.rows('K') == one_time);
        world.check_daily(4);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_old_root_and_a_few_days_at_a_start) {
  Clocks world;
  world.run(days(25));
  world.wrong_at_start(world.bob, days(6), 2s, true);
  BOOST_TEST(world.bob.rows('R') == 1U);
  world.check_daily(4);
}

BOOST_AUTO_TEST_CASE(a_first_start_with_a_wrong_clock_is_mended) {
  for (const milliseconds ahead : {milliseconds(days(31)), milliseconds(days(400)), -back}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world(3, false);
      world.first_start(world.bob, ahead);
      world.meet(world.alice, world.bob);
      world.bob.clock.ahead = 0ms;
      world.meet(world.alice, world.bob, 10s);  // a change of mind waits for 5 s at most
      world.check_daily(8);
      // What it gives its friends later counts, too.
      (void)world.bob.manager->remove_home_node(world.nodes[0]->keys.id());
      world.run(5h);
      const auto id = world.alice.send(world.bob, "to two");
      world.run(1min);
      BOOST_TEST(world.alice.told(id).ends_with("stored:2/2"), world.alice.told(id));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_clock_that_stays_wrong_is_no_harm_where_nodes_agree) {
  for (const milliseconds ahead : {milliseconds(days(20)), -milliseconds(days(20)), -back}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world;
      world.run(2h);
      for (User* const who : {&world.alice, &world.bob}) {
        who->crash();
        who->clock.ahead = ahead;
        who->start();
      }
      world.run(1min);
      world.check_daily(4);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(receipts_that_wait_outlive_a_jump, Clocks) {
  bob.crash();
  bob.config.receipt_delay = 6h;
  bob.start();
  const auto id = alice.send(bob, "confirm me");
  BOOST_TEST(run(6h, [&] { return bob.shown.size() == 1; }));
  wrong_for(bob, days(31), 2h);
  BOOST_TEST(run(days(1) - 9h, [&] { return alice.told(id).ends_with("delivered"); }), alice.told(id));
}

BOOST_FIXTURE_TEST_CASE(seen_ids_outlive_a_jump, Clocks) {
  alice.send(bob, "once");
  const auto mail = [&] { return bob.shown.size() == 1; };
  BOOST_TEST(run(6h, mail));
  const auto seen = bob.rows('S');
  wrong_for(bob, days(60), 2h);
  wrong_at_start(bob, days(60), 2s, true);
  BOOST_TEST(bob.rows('S') == seen);
}

BOOST_FIXTURE_TEST_CASE(a_removed_home_node_is_not_forgotten_by_a_jump, Clocks) {
  bob.crash();
  alice.send(bob, "on the old node");
  run(10s);
  for (const auto& node : {&nodes[1], &nodes[2]}) {
    (*node)->switch_off();
  }
  nodes[0]->switch_off();
  bob.start();
  (void)bob.manager->remove_home_node(nodes[0]->keys.id());
  run(1min);
  wrong_at_start(bob, days(60), 2s, true);
  nodes[0]->switch_on();
  BOOST_TEST(run(5h, [&] { return bob.shown.size() == 1; }));
}

// --- A sender's clock ---

BOOST_AUTO_TEST_CASE(what_waits_is_not_expired_by_a_jump) {
  for (const milliseconds ahead : {milliseconds(days(20)), milliseconds(days(400)), -back}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world;
      User& alice = world.alice;
      world.bob.crash();
      const auto waiting = alice.send(world.bob, "waits");
      world.run(10s);
      world.wrong_for(alice, ahead, 2s);
      world.wrong_at_start(alice, ahead, 2s, true);
      const auto next = alice.send(world.bob, "next");
      BOOST_TEST(world.run(30s, [&] { return alice.told(next).ends_with("stored:3/3"); }), alice.told(next));
      BOOST_TEST(alice.told(waiting).find("expired") == std::string::npos, alice.told(waiting));
      BOOST_TEST(alice.manager->outbox_size() == 2U);
      world.bob.start();
      BOOST_TEST(world.run(5h, [&] { return world.bob.shown.size() == 2; }));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_sent_while_the_clock_is_wrong_lives_as_long) {
  for (const milliseconds ahead :
       {milliseconds(days(20)), milliseconds(days(400)), -milliseconds(days(20)), -back}) {
    for (const bool at_start : {false, true}) {
      BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days, at a start " << at_start) {
        Clocks world;
        User& alice = world.alice;
        world.bob.crash();
        if (at_start) {
          alice.crash();
        }
        alice.clock.ahead = ahead;
        if (at_start) {
          alice.start();
        }
        alice.manager->tick();
        BOOST_TEST_REQUIRE(alice.manager->friend_ready(world.bob.key));
        const auto id = alice.send(world.bob, "sent now");
        world.run(5s);
        alice.clock.ahead = 0ms;
        alice.manager->tick();
        world.run(20h);
        BOOST_TEST(alice.told(id).ends_with("stored:3/3"), alice.told(id));
        world.run(5h);
        BOOST_TEST(alice.told(id).ends_with("expired"), alice.told(id));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_no_node_has_heard_of_keeps_its_date_over_a_restart) {
  for (const bool fetched : {true, false}) {
    Clocks world;
    const auto switch_nodes = [&](bool on) {
      for (const auto& node : world.nodes) {
        on ? node->switch_on() : node->switch_off();
      }
    };
    world.alice.crash();
    world.bob.crash();
    switch_nodes(false);
    world.run(6h);
    world.alice.start();
    const auto sent_at = world.clock.now().wall;
    const auto id = world.alice.send(world.bob, "in the air");
    world.run(1h);
    world.alice.crash();
    world.run(6h);
    switch_nodes(true);
    world.alice.start();
    if (fetched) {
      world.bob.start();
      BOOST_TEST(world.run(1h, [&] { return world.bob.shown.size() == 1; }));
      BOOST_TEST((world.bob.shown.at(0).sent_at == sent_at));
    } else {
      world.run(24h - 7h);
      BOOST_TEST(world.alice.told(id).ends_with("stored:3/3"), world.alice.told(id));
      world.run(1h);  // and the clocks of others may differ
      BOOST_TEST(world.alice.told(id).ends_with("expired"), world.alice.told(id));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(after_a_sleep_a_message_has_its_own_date, Clocks) {
  run(1h);
  meet(alice, bob);
  connect(alice, bob);
  run(1min);
  alice.clock.ahead = 6h;  // nobody has confirmed it yet
  alice.manager->tick();
  alice.send(bob, "good morning");
  bob.clock.ahead = 6h;
  bob.manager->tick();
  BOOST_TEST(run(1s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST((bob.shown.at(0).sent_at >= bob.clock.now().wall - 1s));
}

BOOST_AUTO_TEST_CASE(a_sender_whose_clock_stays_wrong_sends_and_expires) {
  for (const milliseconds ahead : {milliseconds(days(20)), -milliseconds(days(20))}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world;
      User& alice = world.alice;
      world.bob.crash();
      alice.crash();
      alice.clock.ahead = ahead;
      alice.start();
      const auto id = alice.send(world.bob, "sent now");
      world.run(10s);
      BOOST_TEST(alice.told(id).ends_with("stored:3/3"), alice.told(id));
      world.run(23h);
      BOOST_TEST(alice.told(id).ends_with("stored:3/3"), alice.told(id));
      world.run(2h);
      BOOST_TEST(alice.told(id).ends_with("expired"), alice.told(id));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_friends_bundle_taken_by_a_wrong_clock_is_used, Clocks) {
  for (const milliseconds ahead : {milliseconds(days(400)), -back}) {
    first_start(alice, ahead);
    meet(alice, bob);
    alice.clock.ahead = 0ms;
    run(1min);
    BOOST_TEST(alice.manager->friend_ready(bob.key));
    check_daily(2);
  }
}

// --- A node's clock ---

BOOST_AUTO_TEST_CASE(one_node_of_three_with_a_wrong_clock) {
  for (const milliseconds ahead : {milliseconds(days(20)), -milliseconds(days(20)), milliseconds(days(1))}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world;
      world.nodes[0]->ahead = ahead;
      world.run(2h);
      const auto one_time = world.bob.rows('K');
      world.wrong_for(world.bob, days(31), 2h);
      world.wrong_at_start(world.bob, days(31), 2s, true);
      BOOST_TEST(world.bob.rows('R') == 1U);
      BOOST_TEST(world.bob.rows('K') == one_time);
      world.check_daily(2);
      world.nodes[0]->ahead = 0ms;
      world.check_daily(2);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_only_node_has_a_wrong_clock) {
  for (const milliseconds ahead : {milliseconds(days(20)), -milliseconds(days(2))}) {
    BOOST_TEST_CONTEXT("ahead " << ahead / 24h << " days") {
      Clocks world(1);
      world.run(days(1));
      world.nodes[0]->ahead = ahead;
      world.run(5h);
      world.wrong_for(world.bob, days(31), 2h);
      world.wrong_at_start(world.bob, days(31), 1min, true);
      BOOST_TEST(world.bob.rows('R') == 1U);
      world.check_daily(2);
      world.bob.crash();
      const auto id = world.alice.send(world.bob, "left there");
      world.run(1min);
      BOOST_TEST(world.alice.told(id).ends_with("stored:1/1"), world.alice.told(id));
      world.nodes[0]->ahead = 0ms;
      world.bob.start();
      BOOST_TEST(world.run(5h, [&] { return world.bob.shown.size() == 3; }));
      world.check_daily(2);
    }
  }
}

BOOST_AUTO_TEST_CASE(two_nodes_that_lie_can_erase_nothing) {
  Clocks world;
  world.run(2h);
  const auto one_time = world.bob.rows('K');
  world.bob.crash();
  const auto id = world.alice.send(world.bob, "waits");
  world.run(10s);
  for (const std::size_t liar : {0U, 1U}) {
    world.nodes[liar]->ahead = days(60);
  }
  world.bob.start();
  BOOST_TEST(world.run(5h, [&] { return world.bob.shown.size() == 1; }));
  world.run(5h);
  BOOST_TEST(world.bob.rows('R') == 1U);
  BOOST_TEST(world.bob.rows('K') + 1 >= one_time);
  BOOST_TEST(world.alice.told(id).find("expired") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(epochs_that_were_read_while_all_clocks_were_wrong_are_read_again) {
  Clocks world;
  world.run(2h);
  for (const auto& node : world.nodes) {
    node->ahead = days(2);
  }
  world.wrong_for(world.bob, days(2), 12h);
  for (const auto& node : world.nodes) {
    node->ahead = 0ms;
  }
  world.run(2h);  // what comes before they have agreed on the right date may be over by the wrong one
  world.check_daily(4);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_names_ever_new_dates_is_asked_once_a_minute, Liar) {
  std::uint64_t requests = 0;
  network.set_filter([&](MockNetwork::Packet& packet) {
    requests += packet.from == bob.endpoint && packet.to == nodes[1]->endpoint ? 1 : 0;
    return false;
  });
  run(1h);
  const auto polls = requests;
  BOOST_TEST(polls > 0U);
  requests = 0;
  run(1h);
  BOOST_TEST(requests <= 60U * 8);  // each time for the mailboxes of a few epochs
}

BOOST_FIXTURE_TEST_CASE(a_node_that_names_ever_new_dates_takes_no_memory, Liar) {
  run(20h);
  const auto before = allocated();
  run(20h);
  BOOST_TEST(allocated() <= before + 1'000'000);
}

BOOST_FIXTURE_TEST_CASE(after_a_jump_silent_nodes_are_asked_for_few_epochs, Clocks) {
  run(days(10));
  for (const auto& node : nodes) {
    node->switch_off();
  }
  std::set<crypto::Point> mailboxes;  // by the session of each
  network.set_filter([&](MockNetwork::Packet& packet) {
    const auto header = protocol::read_frame_header(packet.bytes);
    if (packet.from == bob.endpoint && header && header->kind == protocol::FrameKind::retrieve) {
      mailboxes.insert(header->session);
    }
    return false;
  });
  bob.clock.ahead = days(10);
  bob.manager->tick();
  run(10min);
  BOOST_TEST(!mailboxes.empty());
  BOOST_TEST(mailboxes.size() <= 2 * 3 * 6U);
}

// --- A clock that jumps rightly, and no node at all ---

BOOST_FIXTURE_TEST_CASE(after_a_sleep_of_the_machine_what_is_due_is_done, Clocks) {
  bob.crash();
  const auto id = alice.send(bob, "waits");
  run(1min);
  clock.set_unix(clock.unix_time() + days(31));  // no time has passed by the steady clocks
  alice.manager->tick();
  run(2h);
  BOOST_TEST(alice.told(id).ends_with("expired"), alice.told(id));
  BOOST_TEST(alice.rows('R') == 2U);
}

BOOST_FIXTURE_TEST_CASE(without_any_node_the_steady_clock_decides, Clocks) {
  bob.crash();
  for (const auto& node : nodes) {
    node->switch_off();
  }
  const auto id = alice.send(bob, "waits");
  wrong_for(alice, days(20), 1h);
  wrong_at_start(alice, days(20), 1h, true);
  run(20h);
  BOOST_TEST(alice.told(id).ends_with("queued"), alice.told(id));
  run(8h);
  BOOST_TEST(alice.told(id).ends_with("expired"), alice.told(id));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
