// SPDX-License-Identifier: GPL-3.0-or-later
#include "strangers.hpp"

// Friend requests: docs/protocol.md, "First contact".

using namespace toxasync;
using namespace toxasync::test;
using manager::RequestInbox;

BOOST_AUTO_TEST_SUITE(first_contact_requests)

BOOST_AUTO_TEST_CASE(a_request_waits_on_the_nodes_and_is_shown_once) {
  Strangers world;
  world.bob.crash();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  BOOST_TEST(world.alice.told() == "queued stored:1/3 stored:2/3 stored:3/3");
  world.alice.crash();
  world.run(days(2));

  world.bob.start();
  const SteadyTime begun = world.clock.steady();
  BOOST_TEST(world.run_until_taken());
  BOOST_TEST_MESSAGE("found after " << (world.clock.steady() - begun) / 1s << " s, eight epochs back");
  world.run(24h);
  for (const auto& node : world.nodes) {
    BOOST_TEST(node->metrics.value(Counter::refused_rate) == 0U);
  }
  BOOST_TEST(world.bob.texts() == std::vector<std::string>{"Hello, it is me"});
  BOOST_TEST((world.bob.taken.front().from == world.alice.key));
  BOOST_TEST(world.bob.taken.front().sent_at == ManualClock::start_unix);
  BOOST_TEST(world.live_records() == 0U);
}

BOOST_AUTO_TEST_CASE(a_sender_crash_at_any_step_neither_loses_nor_doubles_it) {
  std::size_t runs = 0;
  for (std::uint64_t crash_at = 1;; ++crash_at) {
    Strangers world;
    world.bob.crash();
    std::uint64_t events = 0;
    world.after_event = [&] {
      if (++events == crash_at) {
        world.alice.crash();
        world.alice.start();
      }
    };
    BOOST_TEST(world.alice.request(world.bob).has_value());
    BOOST_TEST(world.run_until_stored(5min));
    const bool crashed = events >= crash_at;
    world.after_event = nullptr;
    world.alice.crash();
    world.bob.start();
    BOOST_TEST(world.run_until_taken());
    BOOST_TEST(world.run(13h, [&] { return world.live_records() == 0; }));
    world.run(1min);
    BOOST_TEST(world.bob.taken.size() == 1U);
    ++runs;
    if (!crashed) {
      break;
    }
  }
  BOOST_TEST_MESSAGE(runs << " crash points");
  BOOST_TEST(runs > 15U);
}

BOOST_AUTO_TEST_CASE(a_recipient_crash_at_any_step_neither_loses_nor_doubles_it) {
  std::size_t runs = 0;
  for (std::uint64_t crash_at = 1; crash_at <= 80; ++crash_at, ++runs) {
    Strangers world;
    world.bob.crash();
    BOOST_TEST(world.alice.request(world.bob).has_value());
    BOOST_TEST(world.run_until_stored());
    world.alice.crash();
    std::uint64_t events = 0;
    world.after_event = [&] {
      if (++events == crash_at) {
        world.bob.crash();
        world.bob.start();
      }
    };
    world.bob.start();
    BOOST_TEST(world.run_until_taken());
    BOOST_TEST(world.run(13h, [&] { return world.live_records() == 0; }));
    world.run(1min);
    BOOST_TEST(world.bob.taken.size() == 1U);
  }
  BOOST_TEST_MESSAGE(runs << " crash points");
}

BOOST_AUTO_TEST_CASE(what_is_not_on_our_disk_stays_on_the_node_and_is_not_shown) {
  Strangers world;
  world.bob.state->hold_commits(true);
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  world.alice.crash();
  world.run(20min);
  BOOST_TEST(world.bob.shown.empty());
  BOOST_TEST(world.live_records() == 3U);
  world.bob.state->hold_commits(false);
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(nothing_leaves_before_it_is_on_our_disk) {
  Strangers world;
  const auto nodes = std::exchange(world.alice.known, {});
  world.alice.state->hold_commits(true);
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(5min);
  BOOST_TEST(world.alice.told().empty());
  world.alice.state->hold_commits(false);
  BOOST_TEST(world.run(1s, [&] { return world.alice.told() == "queued"; }));
  world.alice.state->hold_commits(true);  // now the copies wait
  world.alice.known = nodes;
  world.alice.contact->nodes_changed(world.clock.now());
  world.run(5min);
  BOOST_TEST(world.live_records() == 0U);
  BOOST_TEST(world.alice.told() == "queued");
  world.alice.state->hold_commits(false);
  BOOST_TEST(world.run_until_stored());
  world.alice.state->hold_commits(true);
  world.alice.contact->on_contact(world.bob.key);
  world.run(1min);
  BOOST_TEST(world.alice.told().ends_with("3/3"));  // an end that is not on disk is not told
  world.alice.state->hold_commits(false);
  world.run(1min);
  BOOST_TEST(world.alice.told().ends_with("answered"));
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_loses_no_request_of_either_side) {
  Strangers world(1);
  world.bob.crash();
  world.alice.state->fail_next(1);
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(1min);
  BOOST_TEST(world.alice.told() == "failed");
  BOOST_TEST(world.alice.rows('G') == 0U);
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST_REQUIRE(world.run(1ms, [&] { return world.alice.told() == "failed queued"; }));
  world.alice.state->fail_next(1);  // the copies cannot be written down: they do not leave
  BOOST_TEST(world.run_until_stored(5min));

  world.bob.start();
  world.bob.state->fail_next(2);
  BOOST_TEST(world.run_until_taken(1, 3h));
  world.run(24h);
  BOOST_TEST(world.bob.taken.size() == 1U);
}

BOOST_AUTO_TEST_CASE(with_another_nospam_nothing_is_found) {
  Strangers world;
  world.bob.set_nospam(7);
  auto wrong = world.bob.address();
  wrong[32] ^= 1U;
  wrong[36] ^= 1U;
  BOOST_TEST(world.alice.contact->send_request(wrong, as_bytes("guessed"), world.clock.now()).has_value());
  BOOST_TEST(world.run_until_stored());
  world.run(days(2));
  BOOST_TEST(world.bob.shown.empty());
  BOOST_TEST(world.bob[Counter::refused_envelope_header] == 0U);
}

BOOST_AUTO_TEST_CASE(an_old_nospam_stops_at_once) {
  Strangers world;
  world.bob.crash();
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_stored());
  world.bob.start();
  BOOST_TEST_REQUIRE(world.run(3h, [&] { return world.bob[Counter::contact_operations] > 0; }));
  world.bob.set_nospam(9);  // while a page is on its way
  world.run(24h);
  BOOST_TEST(world.bob.shown.empty());
  BOOST_TEST(world.alice.request(world.bob).has_value());  // to the new one
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(a_flood_is_bounded_and_the_rest_of_it_is_shown_on_other_days) {
  Strangers world;
  world.bob.crash();
  for (std::size_t i = 0; i < RequestInbox::most_pending + 60; ++i) {
    world.stranger_asks();
    world.clock.advance(1min);  // the nodes' own limits are not what is tested
  }
  world.bob.start();
  world.run(12h);
  BOOST_TEST(world.bob.shown.size() == RequestInbox::shown_per_day);
  BOOST_TEST(world.bob.rows('H') <= RequestInbox::most_pending + RequestInbox::shown_per_day + 1);
  BOOST_TEST(world.bob[Counter::refused_request_quota] > 0U);
  world.bob.crash();
  world.bob.start();
  world.run(8h);
  BOOST_TEST(world.bob.shown.size() == RequestInbox::shown_per_day);
  world.run(12h);
  BOOST_TEST(world.bob.shown.size() == 2 * RequestInbox::shown_per_day);
  world.run(days(4));
  BOOST_TEST(world.bob.shown.size() >= RequestInbox::most_pending);
  BOOST_TEST(world.bob.shown.size() <= RequestInbox::most_pending + RequestInbox::shown_per_day);
}

BOOST_AUTO_TEST_CASE(a_refused_sender_is_not_shown_again_for_thirty_days) {
  Strangers world;
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_taken());
  world.put(world.alice.pair(), world.alice.key, Strangers::body("please"),
            world.alice.random->id<crypto::MessageId>());
  world.run(24h);
  BOOST_TEST(world.bob.taken.size() == 1U);
  BOOST_TEST(world.bob[Counter::duplicates_dropped] > 0U);
  world.bob.crash();
  world.alice.crash();
  world.clock.advance(days(31));
  world.bob.start();
  world.alice.start();
  world.run(1h);
  world.put(world.alice.pair(), world.alice.key, Strangers::body("after all"),
            world.alice.random->id<crypto::MessageId>());
  BOOST_TEST(world.run_until_taken(2));
}

BOOST_AUTO_TEST_CASE(a_former_friend_may_ask_again_with_another_request) {
  Strangers world;
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_taken());
  world.bob.befriend(world.alice);
  world.bob.unfriend(world.alice);
  world.run(days(2));  // copies of the old request go on coming
  BOOST_TEST(world.bob.taken.size() == 1U);
  world.alice.contact->cancel_request(world.bob.key, world.clock.now());
  world.run(1h);
  BOOST_TEST(world.alice.request(world.bob, "I am sorry").has_value());
  BOOST_TEST(world.run_until_taken(2));
  BOOST_TEST(world.bob.texts().back() == "I am sorry");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_not_accepted_is_offered_again) {
  Strangers world;
  world.bob.takes = false;
  BOOST_TEST(world.alice.request(world.bob).has_value());
  world.run(1h);
  BOOST_TEST(world.bob.shown.size() > 10U);
  BOOST_TEST(world.bob.shown.size() < 62U);
  world.bob.crash();
  world.bob.start();
  world.bob.takes = true;
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(nobody_asks_in_anothers_name) {
  Strangers world;
  const auto mallory = crypto::KeyPair::generate(*world.alice.random);
  world.put(mallory, world.alice.key, Strangers::body("it is Alice"),
            world.alice.random->id<crypto::MessageId>());
  world.run(1h);
  BOOST_TEST(world.bob.shown.empty());
  BOOST_TEST(world.bob[Counter::refused_envelope_body] == 3U);
  BOOST_TEST(world.live_records() == 0U);
  BOOST_TEST(world.alice.request(world.bob).has_value());  // Alice's own is not kept out by it
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(whatever_is_malformed_is_refused) {
  Strangers world(1);
  const auto put = [&](const crypto::EnvelopeBody& body) {
    const auto stranger = crypto::KeyPair::generate(*world.alice.random);
    world.put(stranger, stranger.friend_key(), body, world.alice.random->id<crypto::MessageId>());
  };
  auto body = Strangers::body("text");
  body.text.clear();
  put(body);
  put(Strangers::body(std::string(922, 'x')));
  put(Strangers::body("\xff\xfe"));
  for (const auto field : {0, 1, 2}) {
    body = Strangers::body("text");
    body.sequence = field == 0 ? 1 : 0;
    body.floor = field == 1 ? 1 : 0;
    body.parts = field == 2 ? 2 : 1;
    put(body);
  }
  world.run(1h);
  BOOST_TEST(world.bob[Counter::refused_request_text] == 6U);
  world.put(world.bob.pair(), world.bob.key, Strangers::body("it is you"),
            world.alice.random->id<crypto::MessageId>());
  const auto mailbox = crypto::public_mailbox(world.bob.key, world.bob.nospam, world.epoch());
  Bytes noise(400);
  world.alice.random->fill(noise);
  noise[0] = 1;
  world.put_bytes(*mailbox, noise);
  world.run(1h);
  BOOST_TEST(world.bob[Counter::refused_sender_unknown] == 1U);
  BOOST_TEST(world.bob[Counter::refused_envelope_header] == 1U);
  BOOST_TEST(world.bob.shown.empty());
  BOOST_TEST(world.live_records() == 0U);
  put(Strangers::body(std::string(921, 'x')));
  BOOST_TEST(world.run_until_taken());
}

BOOST_AUTO_TEST_CASE(mailboxes_that_were_read_to_their_end_are_not_read_again) {
  Strangers world(1);
  world.run(3h);
  const auto first = world.bob[Counter::contact_operations];
  BOOST_TEST(first > manager::MailboxWatch::epochs_back);
  world.bob.crash();
  world.bob.start();
  world.run(3h);
  BOOST_TEST(world.bob[Counter::contact_operations] - first < 60U);
}

BOOST_AUTO_TEST_SUITE_END()
