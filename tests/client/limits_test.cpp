// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "client/request_queue.hpp"
#include "client/session_table.hpp"
#include "rig.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::test {
namespace {

using client::ClientConfig;
using client::OperationId;
using client::StoreOutcome;

BOOST_AUTO_TEST_SUITE(client_limits)

BOOST_AUTO_TEST_CASE(more_operations_than_places_wait_in_line_and_all_are_served) {
  ClientConfig config;
  config.operations_in_flight = 4;
  Rig rig(1, config);
  ScriptedNode& node = rig.add_node();
  std::vector<OperationId> ids;
  ids.reserve(50);
  for (int i = 0; i < 50; ++i) {
    ids.push_back(rig.store(node, 0));
  }
  BOOST_TEST(rig.network.log().size() == 4);
  BOOST_TEST(rig.client->operations() == 50);
  rig.run();
  for (const auto id : ids) {
    BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  }
  BOOST_TEST(node.mail(rig.mailbox().mailbox.address).size() == 50);
}

BOOST_AUTO_TEST_CASE(past_the_line_an_operation_ends_try_later) {
  ClientConfig config;
  config.operations_in_flight = 2;
  config.operations_waiting = 3;
  Rig rig(1, config);
  ScriptedNode& node = rig.add_node();
  std::vector<OperationId> ids;
  ids.reserve(5);
  for (int i = 0; i < 5; ++i) {
    ids.push_back(rig.store(node));
  }
  const auto stored = rig.store(node);
  for (int i = 0; i < 5; ++i) {
    rig.retrieve(node);
  }
  const auto retrieved = rig.retrieve(node);
  BOOST_TEST(rig.listener.stored.empty());
  rig.client->tick(rig.clock.now());
  BOOST_TEST(rig.outcome(stored) == StoreOutcome::try_later);
  BOOST_TEST(rig.listener.stored.at(stored).result.retry_after > 0s);
  BOOST_TEST(!rig.complete(retrieved));
  BOOST_TEST(rig.listener.retrieved.at(retrieved).result.retry_after > 0s);
  rig.run();
  for (const auto id : ids) {
    BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  }
  BOOST_TEST(rig.listener.called_inside == 0);
}

BOOST_AUTO_TEST_CASE(a_silent_node_does_not_hold_up_the_others) {
  Rig rig;
  ScriptedNode& silent = rig.add_node();
  ScriptedNode& good = rig.add_node();
  silent.silent = true;
  for (int i = 0; i < 200; ++i) {
    rig.store(silent);
  }
  const auto start = rig.clock.steady();
  const auto id = rig.store(good);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.stored.at(id).at - start == 2 * Rig::round_trip);
  silent.silent = false;
  rig.run();
  BOOST_TEST(rig.listener.stored.size() == 201);
}

BOOST_AUTO_TEST_CASE(the_line_serves_the_nodes_in_turn_and_each_in_order) {
  client::RequestQueue line;
  const auto a = numbered<protocol::NodeId>(1);
  const auto b = numbered<protocol::NodeId>(2);
  for (const unsigned number : {1U, 2U, 3U}) {
    line.push(a, OperationId{number});
  }
  line.push(b, OperationId{4});
  line.push(b, OperationId{5});
  line.remove(a, OperationId{2});
  const auto any = [](const protocol::NodeId&) { return true; };
  const auto only_a = [&](const protocol::NodeId& node) { return node == a; };
  BOOST_TEST(line.size() == 4);
  BOOST_TEST((line.pop(any).value() == OperationId{1}));
  BOOST_TEST((line.pop(any).value() == OperationId{4}));
  BOOST_TEST((line.pop(only_a).value() == OperationId{3}));
  BOOST_TEST(!line.pop(only_a).has_value());
  BOOST_TEST((line.pop(any).value() == OperationId{5}));
  BOOST_TEST(line.size() == 0);
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_idle_session_is_dropped_first) {
  SeededRandom random(3);
  client::SessionTable table(3);
  const auto name = [](std::uint8_t n) {
    return client::SessionName{{}, client::Purpose::store, numbered<crypto::Point>(n), {}};
  };
  const crypto::Point first = table.find_or_create(name(1), random).x();
  table.find_or_create(name(1), random).users.push_back(OperationId{7});
  const crypto::Point second = table.find_or_create(name(2), random).x();
  const crypto::Point third = table.find_or_create(name(3), random).x();
  table.find_or_create(name(2), random);
  table.find_or_create(name(4), random);  // the third is the oldest without a user
  BOOST_TEST(table.size() == 3);
  BOOST_TEST(table.find(first) != nullptr);
  BOOST_TEST(table.find(second) != nullptr);
  BOOST_TEST(table.find(third) == nullptr);
  BOOST_TEST((table.find_or_create(name(1), random).x() == first));
  table.forget_node({});
  BOOST_TEST(table.size() == 0);
}

BOOST_AUTO_TEST_CASE(an_evicted_session_costs_a_new_one_and_nothing_else) {
  ClientConfig config;
  config.operations_in_flight = 1;
  config.sessions = 2;
  Rig rig(1, config);
  ScriptedNode& node = rig.add_node();
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t mailbox = 0; mailbox < 4; ++mailbox) {
      const auto id = rig.store(node, mailbox);
      rig.run();
      BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
    }
  }
  std::set<crypto::Point> keys;
  for (const auto& seen : node.requests) {
    keys.insert(seen.header.session);
  }
  BOOST_TEST(keys.size() == 12);
}

BOOST_AUTO_TEST_CASE(the_operations_of_a_forgotten_node_end_at_the_next_tick) {
  ClientConfig config;
  config.operations_in_flight = 2;
  Rig rig(1, config);
  ScriptedNode& node = rig.add_node();
  ScriptedNode& other = rig.add_node();
  const auto under_way = rig.store(node);
  const auto fetching = rig.retrieve(node);
  rig.store(node);
  const auto in_line = rig.store(node);
  const auto elsewhere = rig.store(other);
  rig.listener.forbidden = true;
  rig.client->forget_node(node.id(), rig.clock.now());
  rig.listener.forbidden = false;
  BOOST_TEST(rig.listener.stored.empty());
  BOOST_TEST(!rig.client->node_status(node.id()).has_value());
  rig.client->tick(rig.clock.now());
  BOOST_TEST(rig.outcome(under_way) == StoreOutcome::unknown_node);
  BOOST_TEST(rig.outcome(in_line) == StoreOutcome::unknown_node);
  BOOST_TEST(!rig.listener.retrieved.at(fetching).result.reachable);
  rig.run();  // its late answers find nobody
  BOOST_TEST(rig.outcome(elsewhere) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.reported_twice == 0);
  BOOST_TEST(rig.listener.called_inside == 0);
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 3);
}

BOOST_AUTO_TEST_CASE(a_node_known_again_starts_from_nothing) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  rig.client->forget_node(node.id(), rig.clock.now());
  rig.client->set_node({node.id(), node.endpoints()});
  BOOST_TEST(!rig.client->node_status(node.id())->answered);
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST((node.requests.front().header.session != node.requests.back().header.session));
}

BOOST_AUTO_TEST_CASE(an_abandoned_store_is_not_reported_and_frees_its_place) {
  ClientConfig config;
  config.operations_in_flight = 1;
  Rig rig(1, config);
  ScriptedNode& node = rig.add_node();
  const auto first = rig.store(node);
  const auto second = rig.store(node);
  const auto third = rig.store(node);
  rig.client->abandon(third, rig.clock.now());
  rig.client->abandon(first, rig.clock.now());
  rig.client->abandon(first, rig.clock.now());
  client::StoreJob nowhere;
  const auto unknown = rig.client->store(std::move(nowhere), rig.listener, rig.clock.now());
  rig.client->abandon(unknown, rig.clock.now());
  rig.run();
  BOOST_TEST(rig.listener.stored.size() == 1);
  BOOST_TEST(rig.outcome(second) == StoreOutcome::stored);
  BOOST_TEST(rig.client->operations() == 0);
}

BOOST_AUTO_TEST_CASE(the_listener_may_call_the_client_back) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  ScriptedNode& other = rig.add_node();
  rig.fill(node, 30);
  int left = 40;
  rig.listener.on_outcome = [&](OperationId id, Now now) {
    if (--left > 0) {
      rig.store(node, static_cast<std::uint64_t>(left % 3));
      rig.retrieve(node, static_cast<std::uint64_t>(left % 2));
      rig.client->abandon(id, now);
      rig.client->set_node({node.id(), node.endpoints()});
      if (left % 5 == 0) {
        rig.store(other);
        rig.client->forget_node(other.id(), now);
        rig.client->set_node({other.id(), other.endpoints()});
      }
      rig.client->tick(now);
    }
  };
  rig.store(node);
  rig.retrieve(node);
  rig.run();
  BOOST_TEST(left <= 0);
  BOOST_TEST(rig.listener.called_inside == 0);
  BOOST_TEST(rig.listener.reported_twice == 0);
  BOOST_TEST(rig.client->operations() == 0);
}

BOOST_AUTO_TEST_CASE(a_listener_that_retries_at_once_does_not_hang_a_tick) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.client->forget_node(node.id(), rig.clock.now());
  rig.listener.on_outcome = [&](OperationId, Now) { rig.store(node); };
  rig.store(node);
  rig.client->tick(rig.clock.now());
  BOOST_TEST(rig.listener.stored.size() == 1);
  rig.client->tick(rig.clock.now());
  BOOST_TEST(rig.listener.stored.size() == 2);
}

BOOST_AUTO_TEST_CASE(a_client_may_be_destroyed_with_operations_under_way) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.retrieve(node);
  rig.restart({});
  rig.run();
  BOOST_TEST(rig.listener.stored.empty());
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 2);
}

BOOST_AUTO_TEST_CASE(nothing_of_a_node_or_mailbox_is_logged_above_debug) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.silent = true;
  rig.store(node);
  rig.retrieve(node);
  rig.run();
  for (const auto& line : rig.telemetry.log.lines()) {
    BOOST_TEST((line.level == LogLevel::debug));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
