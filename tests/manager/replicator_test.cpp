// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/replicator.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "manager/outbox/message_sealer.hpp"
#include "outbox_parts.hpp"
#include "tests/support/distribution.hpp"

namespace toxasync::test {
namespace {

using client::StoreOutcome;
using manager::Replicator;
using Readiness = Replicator::Readiness;

struct Replicating : OutboxParts, manager::ReplicatorListener {
  Replicating() { add_device(1); }

  void on_copy_complete(Message&) override { ++complete; }
  void on_copy_lost(const protocol::NodeId& node) override { lost.push_back(node); }
  void on_copy_settled(Message&, Now) override { ++settled; }
  void on_room(const manager::FriendKey& to, const protocol::NodeId&, Now) override {
    BOOST_TEST((to == bob_keys.friend_key()));
    ++rooms;
  }
  void on_box(const manager::BoxGate::Box&, Now) override { ++boxes; }

  /// A text with one target of so many parts, whose copies are started.
  Message& started(std::size_t parts = 1) {
    Message& message = add_message();
    add_target(message, device(0), epoch(), parts);
    store(message);
    return message;
  }
  void store(Message& message) {
    Target& target = message.targets[0];
    BOOST_TEST((replicator.prepare(target, device(0), epoch(), clock.now()) == Readiness::ready));
    store::StateBatch batch;
    manager::MessageSealer::add_destinations(message, target, device(0), batch);
    replicator.store(message, target, device(0), clock.now());
  }
  /// The next operation of the message ends; they end in the order of their start.
  void end_next(Message& message, StoreOutcome outcome, seconds held = limits::default_time_to_live,
                seconds retry_after = 0s) {
    BOOST_REQUIRE(!message.stores.empty());
    const auto operation = *message.stores.begin();
    replicator.on_stored(operation, {outcome, clock.unix_time() + held, clock.unix_time(), retry_after},
                         clock.now());
    BOOST_TEST(!message.stores.contains(operation));
  }
  void end_all(Message& message, StoreOutcome outcome, seconds held = limits::default_time_to_live) {
    while (!message.stores.empty()) {
      end_next(message, outcome, held);
    }
  }
  [[nodiscard]] static std::size_t complete_copies(const Message& message) {
    return static_cast<std::size_t>(
        std::ranges::count_if(message.targets[0].copies, &Message::Copy::complete));
  }

  Replicator replicator{{.client = client,
                         .state = state,
                         .random = random,
                         .telemetry = telemetry,
                         .messages = messages,
                         .mailboxes = mailboxes,
                         .window = window,
                         .gate = gate,
                         .backoff = backoff,
                         .first_offer_again = config.first_offer_again},
                        *this};
  int complete = 0;
  int settled = 0;
  int rooms = 0;
  int boxes = 0;
  std::vector<protocol::NodeId> lost;
};

BOOST_FIXTURE_TEST_SUITE(replicator, Replicating)

BOOST_AUTO_TEST_CASE(every_part_goes_to_every_home_node) {
  Message& message = started(2);
  BOOST_TEST(message.stores.size() == 6U);
  BOOST_TEST(message.targets[0].copies.size() == 3U);
  store(message);  // what is under way is not started again
  BOOST_TEST(message.stores.size() == 6U);
}

BOOST_AUTO_TEST_CASE(a_copy_is_complete_when_its_node_has_all_parts) {
  Message& message = started(2);
  end_next(message, StoreOutcome::stored);
  BOOST_TEST(complete == 0);
  end_next(message, StoreOutcome::duplicate);
  BOOST_TEST(complete == 1);
  BOOST_TEST(settled == 1);
  BOOST_TEST(rooms == 2);
  BOOST_TEST(complete_copies(message) == 1U);
  BOOST_TEST(rows('C') == 1U);
  end_all(message, StoreOutcome::gone);
  BOOST_TEST(complete == 3);
  BOOST_TEST(message.targets[0].copies[2].gone);
}

BOOST_AUTO_TEST_CASE(a_part_that_failed_is_stored_again_alone) {
  Message& message = started(2);
  end_next(message, StoreOutcome::stored);
  end_next(message, StoreOutcome::try_later);
  const auto& copy = message.targets[0].copies[0];
  BOOST_TEST(copy.retry_at >= clock.steady() + config.retry_first);
  replicator.abandon(message, clock.now());
  store(message);
  BOOST_TEST(message.stores.size() == 4U);  // the two other nodes; this one is not due
  clock.advance_to(copy.retry_at);
  store(message);
  BOOST_TEST(message.stores.size() == 5U);
}

BOOST_AUTO_TEST_CASE(a_node_may_say_when_to_come_back) {
  Message& message = started();
  end_next(message, StoreOutcome::mailbox_full, 0s, 15min);
  BOOST_TEST(message.targets[0].copies[0].retry_at >= clock.steady() + 15min);
}

BOOST_AUTO_TEST_CASE(a_silent_node_is_tried_again_soon_after_it_answers) {
  Message& message = started();
  const auto node = message.targets[0].copies[0].node;
  BOOST_TEST(replicator.on_node_answer(node, clock.now()).empty());
  end_next(message, StoreOutcome::unreachable);
  clock.advance(100ms);
  const auto retries = replicator.on_node_answer(node, clock.now());
  BOOST_REQUIRE(retries.size() == 1U);
  BOOST_TEST((retries.begin()->first == message.id));
  BOOST_TEST(retries.begin()->second > clock.steady());
  BOOST_TEST(retries.begin()->second <= clock.steady() + Replicator::retry_soon);
  BOOST_TEST(message.targets[0].copies[0].retry_at == retries.begin()->second);
  BOOST_TEST(replicator.on_node_answer(node, clock.now()).empty());
}

BOOST_AUTO_TEST_CASE(a_message_that_has_ended_is_not_tried_again) {
  Message& message = started();
  const auto node = message.targets[0].copies[0].node;
  end_next(message, StoreOutcome::unreachable);
  replicator.forget(message);
  BOOST_TEST(replicator.on_node_answer(node, clock.now()).empty());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_window_waits) {
  constexpr auto most = manager::SendWindow::parts_in_flight;
  Message& message = started(most - 1);
  BOOST_TEST(message.stores.size() == 3 * (most - 1));
  Message& small = started(2);
  BOOST_TEST(small.stores.empty());
  const auto node = message.targets[0].copies[0].node;
  BOOST_TEST(window.is_waiting(small.to, node, small.place()));
  end_next(message, StoreOutcome::stored);  // at one node two fit now
  store(small);
  BOOST_TEST(small.stores.size() == 2U);
  BOOST_TEST(!window.is_waiting(small.to, node, small.place()));
  BOOST_TEST(window.waited_for(small.to).size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_abandoned_leaves_room_and_takes_no_outcome) {
  Message& message = started(manager::SendWindow::parts_in_flight);
  const auto operation = *message.stores.begin();
  const auto node = message.targets[0].copies[0].node;
  BOOST_TEST(window.full(message.to, node));
  replicator.abandon(message, clock.now());
  BOOST_TEST(!window.full(message.to, node));
  BOOST_TEST(client.operations() == 0U);
  BOOST_TEST(message.targets[0].copies[0].in_flight == 0U);
  replicator.on_stored(operation, {StoreOutcome::stored}, clock.now());
  BOOST_TEST(complete == 0);
  BOOST_TEST(rooms == 0);
}

BOOST_AUTO_TEST_CASE(stale_envelopes_are_to_be_sealed_again) {
  Message& message = started();
  Target& target = message.targets[0];
  clock.advance(2 * limits::epoch_length);
  BOOST_TEST(
      (replicator.prepare(target, device(0), epoch(), clock.now()) == Readiness::waiting));  // under way
  end_all(message, StoreOutcome::wrong_epoch);
  BOOST_TEST((*this)[Counter::refused_clock] == 3U);
  BOOST_TEST((replicator.prepare(target, device(0), epoch(), clock.now()) == Readiness::stale));
  target.epoch = epoch();
  BOOST_TEST((replicator.prepare(target, device(0), epoch(), clock.now()) == Readiness::ready));
  target.root = {};
  BOOST_TEST((replicator.prepare(target, device(0), epoch(), clock.now()) == Readiness::stale));
}

BOOST_AUTO_TEST_CASE(stale_envelopes_that_lie_on_all_nodes_stay_as_they_are) {
  Message& message = started();
  end_all(message, StoreOutcome::stored);
  clock.advance(2 * limits::epoch_length);
  BOOST_TEST((replicator.prepare(message.targets[0], device(0), epoch(), clock.now()) == Readiness::waiting));
}

BOOST_AUTO_TEST_CASE(copies_follow_the_home_nodes) {
  Message& message = started();
  end_next(message, StoreOutcome::stored);
  replicator.abandon(message, clock.now());
  auto& homes = device(0).home_nodes;
  homes = {{random.id<protocol::NodeId>(), {}}};
  store(message);
  const auto& copies = message.targets[0].copies;
  BOOST_REQUIRE(copies.size() == 2U);  // the complete one and the new one
  BOOST_TEST((copies[0].complete && copies[1].node == homes[0].id));
  BOOST_TEST(message.stores.size() == 1U);
  homes.clear();
  BOOST_TEST((replicator.prepare(message.targets[0], device(0), epoch(), clock.now()) == Readiness::waiting));
}

BOOST_AUTO_TEST_CASE(nodes_are_asked_whether_they_still_have_it) {
  Message& message = started();
  end_all(message, StoreOutcome::stored);
  const auto& copy = message.targets[0].copies[0];
  BOOST_TEST(copy.offer_again >= clock.steady() + config.first_offer_again / 2);
  BOOST_TEST(copy.offer_again <= clock.steady() + 3 * config.first_offer_again / 2);
  const auto first = copy.offer_after;
  clock.advance_to(copy.offer_again);
  store(message);
  BOOST_TEST(!message.stores.empty());
  end_all(message, StoreOutcome::duplicate);
  BOOST_TEST(lost.empty());
  BOOST_TEST(copy.offer_after == 3 * first);
  BOOST_TEST(complete == 3);  // as before
}

BOOST_AUTO_TEST_CASE(nodes_are_asked_at_random_times) {
  std::vector<milliseconds> waits;
  for (int i = 0; i < 100; ++i) {
    Message& message = started();
    end_all(message, StoreOutcome::stored);
    for (const auto& copy : message.targets[0].copies) {
      waits.push_back(copy.offer_again - clock.steady());
    }
  }
  check_uniform(waits, config.first_offer_again / 2, 3 * config.first_offer_again / 2);
}

BOOST_AUTO_TEST_CASE(a_node_that_lost_a_message_is_named) {
  Message& message = started();
  end_all(message, StoreOutcome::stored);
  const auto& copy = message.targets[0].copies[0];
  message.targets[0].copies[1].offer_again = message.targets[0].copies[2].offer_again = never;
  clock.advance_to(copy.offer_again);
  store(message);
  end_next(message, StoreOutcome::stored);
  BOOST_TEST((lost == std::vector{copy.node}));
  BOOST_TEST((*this)[Counter::messages_lost_by_node] == 1U);
}

BOOST_AUTO_TEST_CASE(a_copy_that_its_node_drops_early_is_renewed_before) {
  constexpr seconds held = 12h;
  Message& message = started();
  end_all(message, StoreOutcome::stored, held);
  const auto& copy = message.targets[0].copies[0];
  const auto dropped = clock.unix_time() + held;
  BOOST_TEST(copy.renew_at <= dropped - Replicator::renew_before);
  BOOST_TEST(copy.renew_at > dropped - 3 * Replicator::renew_before / 2);
  clock.advance(copy.renew_at - clock.unix_time());
  (void)replicator.prepare(message.targets[0], device(0), epoch(), clock.now());
  BOOST_TEST(!copy.complete);
  BOOST_TEST((*this)[Counter::copies_lapsing] >= 1U);
}

BOOST_AUTO_TEST_CASE(copies_are_renewed_at_different_times) {
  Message& message = started();
  end_all(message, StoreOutcome::stored, 12h);
  std::set<UnixTime> times;
  for (const auto& copy : message.targets[0].copies) {
    times.insert(copy.renew_at);
  }
  BOOST_TEST(times.size() == message.targets[0].copies.size());
}
BOOST_AUTO_TEST_CASE(a_copy_that_is_kept_long_enough_is_not_renewed) {
  Message& message = started();
  end_all(message, StoreOutcome::stored);
  BOOST_TEST(message.targets[0].copies[0].renew_at == UnixTime{});
}

BOOST_AUTO_TEST_CASE(a_box_that_is_full_is_asked_with_one_part_and_then_gets_the_others) {
  Message& message = started(3);
  end_all(message, StoreOutcome::mailbox_full);
  BOOST_TEST(boxes == 6);  // the first of each node closed it
  store(message);
  BOOST_TEST(message.stores.empty());
  clock.advance(1min);
  store(message);
  BOOST_TEST(message.stores.size() == 3U);  // one for each node
  end_all(message, StoreOutcome::stored);
  store(message);
  BOOST_TEST(message.stores.size() == 6U);
  end_all(message, StoreOutcome::stored);
  BOOST_TEST(complete_copies(message) == 3U);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_given_up_lets_another_one_ask) {
  Message& message = started();
  end_all(message, StoreOutcome::node_full);
  clock.advance(1min);
  store(message);
  BOOST_TEST(message.stores.size() == 3U);
  replicator.abandon(message, clock.now());
  Message& other = started();
  BOOST_TEST(other.stores.size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
