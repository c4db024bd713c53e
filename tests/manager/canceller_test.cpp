// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/canceller.hpp"

#include <boost/test/unit_test.hpp>

#include "outbox_parts.hpp"

namespace toxasync::test {
namespace {

using client::StoreOutcome;
using manager::Canceller;
using Stage = manager::OutgoingMessage::Stage;

constexpr milliseconds packet_lifetime = Canceller::packet_lifetime;

struct Cancelling : OutboxParts, manager::CancellerListener {
  Cancelling() { add_device(1); }

  void on_cancel_outcome(Message&, Now) override { ++outcomes; }
  void on_cancel_too_late(Message&, Now) override { ++too_late; }
  void on_room(const manager::FriendKey&, const protocol::NodeId&, Now) override { ++rooms; }

  /// A text whose one target has so many parts, on all home nodes.
  Message& stored(std::size_t parts = 1) {
    Message& message = add_message();
    Target& target = add_target(message, device(0), epoch(), parts);
    for (auto& to : target.sent_to) {
      to.sent = true;
      auto& copy = target.copies.emplace_back(to.node);
      copy.complete = true;
      copy.epoch = target.epoch;
    }
    return message;
  }
  /// Cancelling has begun.
  Message& cancelling(std::size_t parts = 1) {
    Message& message = stored(parts);
    canceller.plan(message);
    message.stage = Stage::cancelling;
    BOOST_TEST(!canceller.advance(message, clock.now()));
    return message;
  }
  void end_next(Message& message, StoreOutcome outcome, seconds retry_after = 0s) {
    BOOST_REQUIRE(!message.cancels.empty());
    const auto operation = *message.cancels.begin();
    canceller.on_stored(operation, {outcome, {}, {}, retry_after}, clock.now());
    BOOST_TEST(!message.cancels.contains(operation));
  }
  void end_all(Message& message, StoreOutcome outcome) {
    while (!message.cancels.empty()) {
      end_next(message, outcome);
    }
  }

  Canceller canceller{
      {.client = client, .messages = messages, .mailboxes = mailboxes, .window = window, .backoff = backoff},
      *this};
  int outcomes = 0;
  int too_late = 0;
  int rooms = 0;
};

BOOST_FIXTURE_TEST_SUITE(canceller, Cancelling)

BOOST_AUTO_TEST_CASE(every_envelope_on_every_node_is_cancelled) {
  Message& message = cancelling(2);
  BOOST_TEST(message.cancels.size() == 6U);
  end_next(message, StoreOutcome::cancelled);
  end_next(message, StoreOutcome::cancelled);
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.size() == 4U);  // none is asked twice
  end_all(message, StoreOutcome::cancelled);
  BOOST_TEST(canceller.advance(message, clock.now()));
  BOOST_TEST(outcomes == 6);
  BOOST_TEST(rooms == 6);
}

BOOST_AUTO_TEST_CASE(what_was_never_sent_is_cancelled_at_once) {
  Message& message = add_message();
  add_target(message, device(0), epoch());
  canceller.plan(message);
  BOOST_TEST(canceller.advance(message, clock.now()));
}

BOOST_AUTO_TEST_CASE(envelopes_of_the_past_are_cancelled_too) {
  Message& message = stored();
  auto& past = message.past.emplace_back();
  past.root = device(0).root;
  past.epoch = epoch() - 1;
  past.ids = {random.id<crypto::EnvelopeId>(), random.id<crypto::EnvelopeId>()};
  past.sent_to = {{random.id<protocol::NodeId>()}};  // no home node any longer
  canceller.plan(message);
  BOOST_REQUIRE(message.cancel_jobs.size() == 5U);
  BOOST_TEST((message.cancel_jobs[1].id == past.ids[1] && message.cancel_jobs[1].epoch == epoch() - 1));
  BOOST_TEST((message.cancel_jobs[1].node == past.sent_to[0].node));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_run_may_have_sent_is_cancelled) {
  Message& message = add_message();
  for (auto& to : add_target(message, device(0), epoch()).sent_to) {
    to = {to.node};  // as it is read
  }
  canceller.plan(message);
  BOOST_TEST(message.cancel_jobs.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_store_under_way_may_come_after_its_cancel) {
  Message& message = stored();
  for (auto& copy : message.targets[0].copies) {
    copy.complete = false;
  }
  message.targets[0].sent_to[0].last_sent = clock.steady();
  canceller.plan(message);
  message.stage = Stage::cancelling;
  BOOST_TEST(!canceller.advance(message, clock.now()));
  end_next(message, StoreOutcome::absent);  // not come yet
  end_all(message, StoreOutcome::absent);
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.empty());
  BOOST_TEST(message.cancel_retry == clock.steady() + packet_lifetime);

  clock.advance(packet_lifetime);
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.size() == 1U);
  end_next(message, StoreOutcome::absent);
  BOOST_TEST(canceller.advance(message, clock.now()));
}

BOOST_AUTO_TEST_CASE(a_message_that_was_fetched_is_too_late_to_cancel) {
  Message& message = cancelling();
  end_next(message, StoreOutcome::gone);
  BOOST_TEST((message.stage == Stage::too_late));
  BOOST_TEST(message.cancel_jobs.empty());
  BOOST_TEST(too_late == 1);
  BOOST_TEST(outcomes == 0);
  end_next(message, StoreOutcome::cancelled);  // no longer of interest
  BOOST_TEST(outcomes == 0);
}

BOOST_AUTO_TEST_CASE(what_a_node_had_and_has_no_longer_may_have_been_fetched) {
  Message& message = cancelling();
  end_next(message, StoreOutcome::absent);
  BOOST_TEST((message.stage == Stage::cancelling));  // it may be on the others still
  end_all(message, StoreOutcome::cancelled);
  BOOST_TEST((message.stage == Stage::too_late));
  BOOST_TEST(too_late == 1);
}

BOOST_AUTO_TEST_CASE(what_a_node_had_of_an_earlier_sealing_says_nothing_of_the_present_one) {
  Message& message = stored();
  message.targets[0].copies[0].epoch = epoch() - 2;
  canceller.plan(message);
  message.stage = Stage::cancelling;
  BOOST_TEST(!canceller.advance(message, clock.now()));
  end_next(message, StoreOutcome::absent);
  end_all(message, StoreOutcome::cancelled);
  BOOST_TEST(canceller.advance(message, clock.now()));
  BOOST_TEST(too_late == 0);
}

BOOST_AUTO_TEST_CASE(what_may_have_come_is_not_known_to_nodes_for_ever) {
  for (const bool last_hours : {false, true}) {
    Message& message = stored();
    for (auto& copy : message.targets[0].copies) {
      copy.complete = false;
    }
    clock.advance(limits::default_time_to_live - (last_hours ? milliseconds(5h) : milliseconds(6h)));
    canceller.plan(message);
    message.stage = Stage::cancelling;
    canceller.advance(message, clock.now());
    end_all(message, StoreOutcome::absent);
    BOOST_TEST((message.stage == Stage::too_late) == last_hours);
    canceller.abandon(message, clock.now());
  }
}

BOOST_AUTO_TEST_CASE(a_silent_node_is_asked_again_later) {
  Message& message = cancelling();
  end_all(message, StoreOutcome::unreachable);
  const auto retry_at = message.cancel_retry;
  BOOST_TEST(retry_at >= clock.steady() + config.retry_first);
  BOOST_TEST(message.cancel_backoff == config.retry_first);  // once for all three
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.empty());
  clock.advance_to(retry_at);
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.size() == 3U);
  end_all(message, StoreOutcome::refused);
  BOOST_TEST(message.cancel_backoff == 2 * config.retry_first);
}

BOOST_AUTO_TEST_CASE(cancels_fill_the_window_and_no_more) {
  Message& message = cancelling(limits::parts);
  const auto most = message.targets[0].copies.size() * manager::SendWindow::parts_in_flight;
  BOOST_TEST(message.cancels.size() == most);
  end_next(message, StoreOutcome::cancelled);
  BOOST_TEST(!canceller.advance(message, clock.now()));
  BOOST_TEST(message.cancels.size() == most);
}

BOOST_AUTO_TEST_CASE(what_is_abandoned_leaves_room_and_takes_no_outcome) {
  Message& message = cancelling();
  const auto operation = *message.cancels.begin();
  canceller.abandon(message, clock.now());
  BOOST_TEST(client.operations() == 0U);
  BOOST_TEST(
      window.has_room(message.to, message.targets[0].copies[0].node, manager::SendWindow::parts_in_flight));
  canceller.on_stored(operation, {StoreOutcome::cancelled}, clock.now());
  BOOST_TEST(outcomes == 0);
  BOOST_TEST(rooms == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
