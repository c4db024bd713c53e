// SPDX-License-Identifier: GPL-3.0-or-later
#include "hand_recipient.hpp"
#include "manager/inbox/delivery_order.hpp"

// After "expired" nothing is shown (docs/protocol.md, section 4).

namespace toxasync::test {

namespace {

/// Whether a text was shown after its sender had been told that it has expired.
struct Watch {
  Watch(User& sender, User& recipient) : sender_(sender) {
    recipient.inside_on_message = [this](const auto& message) {
      for (const auto& status : sender_.states) {
        untrue = untrue || (status.id == message.id && status.state == manager::MessageState::expired);
      }
    };
  }
  bool untrue = false;

 private:
  User& sender_;
};

/// With one node, and less to do, because a day is long.
struct Days : Pair {
  Days() : Pair(1, 1) {
    for (User* const user : {&alice, &bob}) {
      user->crash();
      user->config.cover = user->config.push = false;
      user->start();
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_expired)

BOOST_FIXTURE_TEST_CASE(stored_late_in_its_life, Days) {
  bob.crash();
  for (const auto& node : nodes) {
    node->switch_off();
  }
  const auto id = alice.send(bob, "too late");
  run(20h);
  for (const auto& node : nodes) {
    node->switch_on();
  }
  BOOST_TEST(run(1h, [&] { return alice.told(id).ends_with("stored:1/1"); }));
  BOOST_TEST(run(6h, [&] { return alice.told(id).ends_with("expired"); }));
  alice.crash();
  run(14h);
  bob.start();
  run(1h);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(a_node_keeps_it_no_longer_than_its_life, HandRecipient) {
  nodes[0]->switch_off();
  const auto id = send("too late");
  run(20h);
  nodes[0]->switch_on();
  BOOST_TEST(run(1h, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  BOOST_TEST(readable() == 1U);
  run(4h + limits::clocks_apart);
  BOOST_TEST(readable() == 0U);
}

BOOST_FIXTURE_TEST_CASE(offering_again_does_not_prolong_it, HandRecipient) {
  const auto id = send("too late");
  BOOST_TEST(run(1min, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  run(23h);
  BOOST_TEST(readable() == 1U);
  BOOST_TEST(nodes[0]->metrics.value(Counter::node_duplicates) >= 1U);
  run(1h + limits::clocks_apart);
  BOOST_TEST(readable() == 0U);
}

BOOST_FIXTURE_TEST_CASE(sealed_again_late_it_lives_no_longer, HandRecipient) {
  send("too late");
  run(20h);
  give_installation(100, 99, {1});
  run(1min);
  BOOST_TEST(readable() == 2U);
  run(4h + limits::clocks_apart);
  BOOST_TEST(readable() == 0U);
}

BOOST_FIXTURE_TEST_CASE(its_life_is_covered_to_its_end, HandRecipient) {
  nodes[0]->switch_off();
  const UnixTime sent_at = clock.unix_time();
  const auto id = send("still wanted", days(3));
  run(20h);
  nodes[0]->switch_on();
  BOOST_TEST(run(2h, [&] { return bob.told(id).ends_with("stored:1/1"); }));
  while (clock.unix_time() < sent_at + days(3) - 1h) {
    run(1h);
    BOOST_TEST(readable() >= 1U, (clock.unix_time() - sent_at) / 1h << " hours");
  }
  run(1h + limits::clocks_apart);
  BOOST_TEST(readable() == 0U);
}

BOOST_AUTO_TEST_CASE(with_clocks_that_differ_by_less_than_the_margin) {
  for (const milliseconds ahead : {-29min, 29min}) {
    for (const milliseconds away : {23h + 30min, 24h + 10min, 24h + 20min}) {
      BOOST_TEST_CONTEXT(ahead.count() << " ms ahead, away for " << away.count()) {
        Days world;
        world.bob.crash();
        world.bob.clock.ahead = -ahead / 2;
        world.alice.clock.ahead = ahead / 2;
        Watch watch(world.alice, world.bob);
        world.alice.send(world.bob, "in time or not at all");
        world.run(away);
        world.bob.start();
        world.run(30min);
        BOOST_TEST(!watch.untrue);
        BOOST_TEST((away > 23h + 40min || world.bob.shown.size() == 1U));
      }
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_senders_clock_that_is_ahead_makes_nothing_live_longer, HandWorld) {
  bob.takes_messages = false;
  eve.send({.text = "old by then", .sent_at = clock.now().wall + days(20)});
  run(25h);
  bob.takes_messages = true;
  run(1h);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.rows('I') == 0U);
}

BOOST_FIXTURE_TEST_CASE(fetched_in_time_but_not_shown_in_time, Days) {
  Watch watch(alice, bob);
  bob.crash();
  const auto id = alice.send(bob, "nobody looks");
  run(1h);
  bob.takes_messages = false;
  bob.start();
  BOOST_TEST(run(1h, [&] { return bob.rows('I') == 1; }));
  run(30h);
  BOOST_TEST(alice.told(id).ends_with("expired"), alice.told(id));
  bob.takes_messages = true;
  run(1h);
  BOOST_TEST(!watch.untrue);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.rows('I') + bob.rows('D') == 0U);
}

BOOST_FIXTURE_TEST_CASE(fetched_in_time_and_the_program_ended, Days) {
  bob.crash();
  const auto id = alice.send(bob, "nobody looks");
  run(1h);
  bob.takes_messages = false;
  bob.start();
  BOOST_TEST(run(1h, [&] { return bob.rows('I') == 1; }));
  bob.crash();
  BOOST_TEST(run(30h, [&] { return alice.told(id).ends_with("expired"); }));
  bob.takes_messages = true;
  bob.start();
  run(1h);
  BOOST_TEST(bob.shown.empty());
  run(3h);
  BOOST_TEST(alice.told(id).ends_with("expired"));
}

BOOST_FIXTURE_TEST_CASE(what_was_confirmed_is_shown_however_late, Days) {
  bob.crash();
  const auto id = alice.send(bob, "looked at later");
  run(1h);
  bob.start();
  BOOST_TEST(run(3h, [&] { return alice.told(id).ends_with("delivered"); }));
  BOOST_TEST(bob.shown.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_late_copy_of_what_has_expired_is_not_confirmed, HandWorld) {
  const auto late = eve.seal({.text = "late", .sent_at = clock.now().wall - days(2)});
  eve.store(*nodes[0], late);
  eve.store(*nodes[1], late);
  run(30min);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob[Counter::refused_lifetime] == 1U);
  BOOST_TEST(bob[Counter::duplicates_dropped] == 1U);
  BOOST_TEST(bob[Counter::refused_pre_key_unknown] == 0U);  // so no nack, and no new keys
  BOOST_TEST(eve.take_receipts().empty());
  BOOST_TEST(live_records() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_friend_with_a_wrong_clock_is_heard_live, HandWorld) {
  for (const auto ahead : {-days(30), -days(2), days(2), days(30)}) {
    eve.send({.text = "now", .sent_at = clock.now().wall + ahead});
  }
  run(1min);
  BOOST_TEST(bob.shown.size() == 4U);
}

BOOST_FIXTURE_TEST_CASE(dates_at_the_ends_of_time_do_no_harm, HandWorld) {
  for (const auto sent_at : {UnixTimeMs{}, UnixTimeMs{last_date}}) {
    eve.store(*nodes[0], eve.seal({.text = "x", .sent_at = sent_at}));
  }
  run(30min);
  BOOST_TEST(bob.shown.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
