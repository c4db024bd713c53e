// SPDX-License-Identifier: GPL-3.0-or-later
#include "hand_recipient.hpp"

// What a receipt or a nack says is never lost between two writes (docs/state.md, "Order of effects").

namespace toxasync::test {

namespace {

/// A disk that becomes durable one transaction at a time; after the k-th the program crashes, and starts
/// again.
void crash_after_writes(World& world, User& user, unsigned k) {
  user.state->hold_commits(true);
  world.after_event = [&user, k, writes = 0U]() mutable {
    if (writes >= k || user.state->waiting() == 0) {
      return;
    }
    user.state->release(1);
    if (++writes == k) {
      user.crash();
      user.start();
    }
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_delivered)

BOOST_AUTO_TEST_CASE(a_crash_after_any_write_loses_no_receipt) {
  for (unsigned k = 1; k <= 12; ++k) {
    BOOST_TEST_CONTEXT("crash after write " << k) {
      Pair world(k, 1);
      world.bob.crash();
      world.bob.config.receipt_delay = 5s;
      const auto id = world.alice.send(world.bob, "told the truth");
      world.run(10s);
      world.alice.crash();
      world.bob.start();
      BOOST_REQUIRE(world.run(10min, [&] { return world.bob.shown.size() == 1; }));
      world.run(1min);
      world.bob.crash();
      crash_after_writes(world, world.alice, k);
      world.alice.start();
      (void)world.run(5min, [&] { return world.alice.told(id).ends_with("delivered"); });  // or a crash
      world.after_event = nullptr;
      world.alice.state->hold_commits(false);
      BOOST_TEST(world.run(10min, [&] { return world.alice.told(id).ends_with("delivered"); }));
      BOOST_TEST(world.alice.manager->outbox_size() == 0U);
      world.alice.crash();
      world.alice.start();
      world.run(1s);
      BOOST_TEST(world.alice.manager->outbox_size() == 0U);
      BOOST_TEST(world.alice.told(id).ends_with("delivered"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_with_the_receipt_keeps_it) {
  for (unsigned k = 1; k <= 3; ++k) {
    BOOST_TEST_CONTEXT("failures " << k) {
      Pair world(k, 1);
      world.bob.crash();
      world.bob.config.receipt_delay = 5s;
      const auto id = world.alice.send(world.bob, "told the truth");
      world.run(10s);
      world.alice.crash();
      world.bob.start();
      BOOST_REQUIRE(world.run(10min, [&] { return world.bob.shown.size() == 1; }));
      world.run(1min);
      world.alice.start();
      world.alice.state->fail_next(k);
      BOOST_TEST(world.run(1h, [&] { return world.alice.told(id).ends_with("delivered"); }));
      world.alice.crash();
      world.alice.start();
      world.run(1s);
      BOOST_TEST(world.alice.manager->outbox_size() == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancel_while_the_receipt_is_written_is_too_late) {
  Pair world(1, 1);
  world.bob.crash();
  world.bob.config.receipt_delay = 5s;
  const auto id = world.alice.send(world.bob, "told the truth");
  world.run(10s);
  world.alice.crash();
  world.bob.start();
  BOOST_REQUIRE(world.run(10min, [&] { return world.bob.shown.size() == 1; }));
  world.run(1min);
  world.alice.start();
  world.run(10ms);
  world.alice.state->hold_commits(true);
  world.run(1min);
  const bool cancelling = world.alice.manager->cancel(id).has_value();
  world.run(1min);
  world.alice.state->hold_commits(false);
  BOOST_TEST(world.run(10min, [&] { return world.alice.told(id).ends_with("delivered"); }));
  BOOST_TEST(!cancelling);
  BOOST_TEST(world.alice.rows('O') + world.alice.rows('V') + world.alice.rows('C') == 0U);
}

BOOST_AUTO_TEST_CASE(a_crash_after_any_write_loses_no_nack) {
  for (unsigned k = 1; k <= 6; ++k) {
    BOOST_TEST_CONTEXT("crash after write " << k) {
      HandRecipient world;
      const auto id = world.send("seal it again");
      world.run(1min);
      BOOST_TEST(world.readable() == 1U);
      world.bob.crash();
      HandFriend::Letter nack{.text = std::string(id.begin(), id.end()),
                              .sequence = 0,
                              .kind = crypto::MessageKind::nack,
                              .pre_key = world.eve.bundle.last_resort};
      world.eve.store(*world.nodes[0], world.eve.seal(nack));
      crash_after_writes(world, world.bob, k);
      world.bob.start();
      const auto sealed_again = [&] { return world.readable() == 2U; };
      world.run(3min);
      world.after_event = nullptr;
      world.bob.state->hold_commits(false);
      BOOST_TEST(world.run(12min, [&] { return world.bob.rows('X') == 1; }));
      world.run(10s);
      BOOST_TEST(sealed_again());
    }
  }
}

/// The first copy cannot be opened, and a nack is due when the second one is; the third one is a copy of what
/// is known. (The simulator found this.)
BOOST_AUTO_TEST_CASE(what_was_nacked_is_confirmed_when_it_is_shown_only) {
  HandWorld world;
  world.bob.crash();
  world.bob.config.receipt_delay = days(10);
  world.bob.start();
  world.bob.takes_messages = false;
  world.run(5s);
  HandFriend::Letter letter{.text = "in the end", .id = world.eve.random().id<crypto::MessageId>()};
  const auto store = [&] {
    world.eve.store(*world.nodes[0], world.eve.seal(letter));
    world.run(30min);
  };
  letter.pre_key = crypto::KeyPair::generate(world.eve.random()).public_key;
  store();
  BOOST_TEST(world.bob[Counter::refused_pre_key_unknown] == 1U);
  letter.pre_key.reset();
  store();
  BOOST_TEST(world.bob.refusals > 0U);  // it has come, and the application does not take it yet
  store();
  BOOST_TEST(world.bob[Counter::duplicates_dropped] == 1U);
  world.eve.come();
  world.run(10s);
  BOOST_TEST(world.eve.take_receipts().empty());
  world.bob.takes_messages = true;
  BOOST_TEST(world.run(30min, [&] { return !world.bob.shown.empty(); }));
  world.run(10s);
  BOOST_TEST((world.eve.take_receipts() == std::vector{*letter.id}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
