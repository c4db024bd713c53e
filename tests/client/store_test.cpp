// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "rig.hpp"

namespace toxasync::test {
namespace {

using client::ClientConfig;
using client::StoreOutcome;

BOOST_AUTO_TEST_SUITE(client_store)

BOOST_AUTO_TEST_CASE(a_store_on_a_new_node_needs_exactly_two_round_trips) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto start = rig.clock.steady();
  const Bytes envelope = rig.envelope();
  const auto id = rig.store(node, 0, envelope);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.stored.at(id).at - start == 2 * Rig::round_trip);
  BOOST_TEST(rig.listener.stored.at(id).result.expires_at == rig.clock.unix_time() + days(1));
  BOOST_TEST(node.requests.size() == 2);
  BOOST_REQUIRE(node.mail(rig.mailbox().mailbox.address).size() == 1);
  BOOST_TEST(node.mail(rig.mailbox().mailbox.address).front().bytes == envelope);
  BOOST_TEST(rig.client->operations() == 0);
  BOOST_TEST(rig.client->next_deadline() == never);
}

BOOST_AUTO_TEST_CASE(a_store_in_a_known_session_needs_one_round_trip) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  const auto start = rig.clock.steady();
  const auto id = rig.store(node, 0, rig.envelope(limits::large_envelope));
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.listener.stored.at(id).at - start == Rig::round_trip);
}

BOOST_AUTO_TEST_CASE(the_outcome_is_never_reported_from_inside_the_call) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  client::StoreJob nowhere;
  nowhere.mailbox = rig.mailbox().mailbox.clone();
  rig.listener.forbidden = true;
  const auto unknown = rig.client->store(std::move(nowhere), rig.listener, rig.clock.now());
  const auto too_long = rig.store(node, 0, Bytes(limits::large_envelope + 1));
  BOOST_TEST(rig.listener.stored.empty());
  BOOST_TEST(rig.client->operations() == 2);
  BOOST_TEST(rig.client->next_deadline() <= rig.clock.steady());
  rig.listener.forbidden = false;
  rig.run();
  BOOST_TEST(rig.outcome(unknown) == StoreOutcome::unknown_node);
  BOOST_TEST(rig.outcome(too_long) == StoreOutcome::refused);
  BOOST_TEST(rig.listener.called_inside == 0);
  BOOST_TEST(node.requests.empty());
}

BOOST_AUTO_TEST_CASE(every_status_of_the_node_ends_the_operation_with_it) {
  for (std::uint8_t status = 1; status <= 7; ++status) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    node.store_hook = [status](protocol::StoreResponse& response) {
      response.status = static_cast<protocol::StoreStatus>(status);
      response.retry_after_s = 90;
    };
    const auto id = rig.store(node);
    rig.run();
    BOOST_TEST(rig.outcome(id) == static_cast<StoreOutcome>(status));
    BOOST_TEST(rig.listener.stored.at(id).result.retry_after == 90s);
    BOOST_TEST(node.stores_served == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_cancel_is_never_answered_by_the_status_of_a_store) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const Bytes envelope = rig.envelope();
  rig.store(node, 0, envelope);
  rig.run();
  const auto cancel = [&] {
    client::StoreJob job;
    job.node = node.id();
    job.mailbox = rig.mailbox().mailbox.clone();
    job.op = protocol::StoreOp::cancel;
    const auto id = crypto::envelope_id(job.mailbox.address, envelope);
    job.payload.assign(id.begin(), id.end());
    job.payload.resize(limits::cancel_payload);
    return rig.client->store(std::move(job), rig.listener, rig.clock.now());
  };
  const auto honest = cancel();
  rig.run();
  BOOST_TEST(rig.outcome(honest) == StoreOutcome::cancelled);
  node.store_hook = [](protocol::StoreResponse& response) {
    response.status = protocol::StoreStatus::stored;
  };
  const auto lied_to = cancel();
  rig.run();
  BOOST_TEST(rig.outcome(lied_to) == StoreOutcome::unreachable);
  node.store_hook = [](protocol::StoreResponse& response) { response.status = protocol::StoreStatus{10}; };
  const auto nonsense = cancel();
  rig.run();
  BOOST_TEST(rig.outcome(nonsense) == StoreOutcome::unreachable);
  BOOST_TEST(rig.telemetry[Counter::refused_message_malformed] == ClientConfig{}.attempts);
}

BOOST_AUTO_TEST_CASE(a_store_succeeds_over_loss_duplication_and_reordering) {
  constexpr unsigned seeds = 60;
  constexpr unsigned stores = 5;
  unsigned stored = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    Rig rig(seed);
    rig.network.set_conditions({300, 200, 10ms, 2s});
    ScriptedNode& node = rig.add_node(2);
    std::set<client::OperationId> ids;
    for (unsigned i = 0; i < stores; ++i) {
      ids.insert(rig.store(node, i % 2));
    }
    const auto start = rig.clock.steady();
    rig.run();
    BOOST_TEST(rig.clock.steady() - start < 5 * 4 * 10s);
    BOOST_TEST(rig.listener.stored.size() == stores);
    BOOST_TEST(rig.listener.reported_twice == 0);
    BOOST_TEST(rig.client->operations() == 0);
    BOOST_TEST(node.tags_refused == 0);
    for (const auto id : ids) {
      const auto outcome = rig.outcome(id);
      const bool good = outcome == StoreOutcome::stored || outcome == StoreOutcome::duplicate;
      BOOST_TEST((good || outcome == StoreOutcome::unreachable));
      stored += good ? 1 : 0;
    }
  }
  // Both ways survive with 0.49, and a new session needs two of them in five attempts: about one in eight
  // fails.
  BOOST_TEST(stored > seeds * stores * 3 / 4);
}

BOOST_AUTO_TEST_CASE(with_more_attempts_every_store_gets_through_loss) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    ClientConfig config;
    config.attempts = 30;
    Rig rig(seed, config);
    rig.network.set_conditions({300, 200, 10ms, 1s});
    ScriptedNode& node = rig.add_node();
    const auto first = rig.store(node);
    const auto second = rig.store(node);
    rig.run(1000s);
    for (const auto id : {first, second}) {
      BOOST_TEST((rig.outcome(id) == StoreOutcome::stored || rig.outcome(id) == StoreOutcome::duplicate));
    }
    BOOST_TEST(node.mail(rig.mailbox().mailbox.address).size() == 2);
  }
}

BOOST_AUTO_TEST_CASE(an_answer_slower_than_the_longest_timeout_is_accepted) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  rig.network.set_conditions({0, 0, 6s, 0s});
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == node.requests.size() - 3);  // to the later attempts
}

BOOST_AUTO_TEST_CASE(a_silent_node_is_unreachable_after_ever_longer_attempts) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.silent = true;
  const auto start = rig.clock.steady();
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::unreachable);
  BOOST_REQUIRE(node.requests.size() == 5);
  const milliseconds nominal[] = {1500ms, 3s, 6s, 8s, 8s};
  for (std::size_t i = 0; i < 5; ++i) {
    const SteadyTime end = i < 4 ? node.requests[i + 1].at : rig.listener.stored.at(id).at + Rig::one_way;
    const milliseconds waited = end - node.requests[i].at;
    BOOST_TEST(waited >= nominal[i] * 8 / 10);
    BOOST_TEST(waited <= nominal[i] * 12 / 10);
  }
  BOOST_TEST(rig.listener.stored.at(id).at - start < 1.2 * 26'500ms);
  BOOST_TEST(rig.client->node_status(node.id())->failures_in_a_row == 1);
  BOOST_TEST(!rig.client->node_status(node.id())->answered);
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 5);
  BOOST_TEST(rig.telemetry[Counter::client_retries] == 4);
}

BOOST_AUTO_TEST_CASE(timeouts_differ_from_one_client_to_another) {
  std::set<SteadyTime> deadlines;
  for (unsigned seed = 0; seed < 20; ++seed) {
    Rig rig(seed);
    rig.store(rig.add_node());
    deadlines.insert(rig.client->next_deadline());
  }
  BOOST_TEST(deadlines.size() > 10);
}

BOOST_AUTO_TEST_CASE(endpoints_are_tried_in_turn_and_the_working_one_is_kept) {
  Rig rig;
  ScriptedNode& node = rig.add_node(3);
  // Only the last endpoint can be reached, and only it answers.
  std::vector<Endpoint> tried;
  rig.network.set_filter([&](MockNetwork::Packet& packet) {
    if (packet.to == rig.transport.endpoint()) {
      packet.from = node.endpoints()[2];
      return false;
    }
    tried.push_back(packet.to);
    return packet.to != node.endpoints()[2];
  });
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
  const std::vector<Endpoint> expected = {node.endpoints()[0], node.endpoints()[1], node.endpoints()[2],
                                          node.endpoints()[2]};
  BOOST_TEST((tried == expected));
}

BOOST_AUTO_TEST_CASE(the_next_operation_starts_with_the_endpoint_that_answered) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const Endpoint dead = ipv4(999);
  rig.client->set_node({node.id(), {dead, node.endpoints()[0]}});
  rig.store(node);
  rig.run();
  const auto start = rig.clock.steady();
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.listener.stored.at(id).at - start == Rig::round_trip);
}

BOOST_AUTO_TEST_CASE(a_failing_transport_counts_as_packet_loss) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.transport.set_broken(true);
  const auto id = rig.store(node);
  rig.run(1s);
  BOOST_TEST(rig.telemetry[Counter::send_failed] == 1);
  rig.transport.set_broken(false);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
}

BOOST_AUTO_TEST_CASE(every_retry_has_a_fresh_counter_and_nonce) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node);
  rig.run();
  node.store_hook = [](protocol::StoreResponse& response) { response.counter += 1000; };
  rig.store(node);
  rig.run();
  std::set<protocol::FrameNonce> nonces;
  std::set<std::uint64_t> counters;
  for (const auto& seen : node.requests) {
    nonces.insert(seen.header.nonce);
    counters.insert(seen.counter);
  }
  BOOST_REQUIRE(node.requests.size() == 7);  // a first packet, a store, five attempts of another
  BOOST_TEST(nonces.size() == 7);
  BOOST_TEST((counters == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  BOOST_TEST(node.replays == 0);
}

BOOST_AUTO_TEST_CASE(an_answer_with_a_counter_that_is_not_under_way_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.store_hook = [](protocol::StoreResponse& response) { response.counter += 1; };
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::unreachable);
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 5);
}

BOOST_AUTO_TEST_CASE(an_answer_ends_one_operation_and_its_replay_none) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto first = rig.store(node);
  rig.run();
  const Bytes answer = rig.network.log().back().bytes;
  node.silent = true;
  const auto second = rig.store(node);
  rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), answer, rig.clock.now());
  BOOST_TEST(rig.outcome(first) == StoreOutcome::stored);
  BOOST_TEST(!rig.listener.stored.contains(second));
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 1);
}

BOOST_AUTO_TEST_CASE(an_answer_of_another_session_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.store(node, 0);
  rig.store(node, 1);
  rig.run();
  node.silent = true;
  const auto to_first = rig.store(node, 0);  // counter 2 in both
  const auto to_second = rig.store(node, 1);
  rig.run(100ms);
  const auto& log = rig.network.log();
  const auto header = *protocol::read_frame_header(log[log.size() - 2].bytes);
  protocol::StoreResponse response;
  response.counter = 2;
  response.status = protocol::StoreStatus::stored;
  node.answer(rig.transport.endpoint(), header, response);
  Bytes forged = rig.network.log().back().bytes;
  const auto other = *protocol::read_frame_header(log[log.size() - 2].bytes);
  std::ranges::copy(other.session, forged.begin() + 18);
  rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), forged, rig.clock.now());
  BOOST_TEST(rig.telemetry[Counter::refused_frame_forged] == 1);
  rig.run(100ms);
  BOOST_TEST(rig.listener.stored.contains(to_first));
  BOOST_TEST(!rig.listener.stored.contains(to_second));
}

BOOST_AUTO_TEST_CASE(garbage_is_counted_and_dropped) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto id = rig.store(node);
  const auto give = [&](ByteView packet) {
    rig.client->on_packet(MockTransport::route_to(node.endpoints()[0]), packet, rig.clock.now());
  };
  Bytes request = rig.network.log().front().bytes;
  give({});
  give(ByteView(request).first(limits::frame_header - 1));
  give(request);  // our own, sent back
  Bytes response = request;
  response[0] = 0xa1;
  give(response);  // a random box
  response[1] = 2;
  give(response);
  response[1] = 1;
  response[0] = 0xa3;
  give(response);  // the kind of another purpose
  response[0] = 0xa1;
  response[20] ^= 1;
  give(response);  // an X that we do not have
  BOOST_TEST(rig.telemetry[Counter::refused_length] == 2);
  BOOST_TEST(rig.telemetry[Counter::refused_kind] == 1);
  BOOST_TEST(rig.telemetry[Counter::refused_frame_forged] == 1);
  BOOST_TEST(rig.telemetry[Counter::refused_version] == 1);
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 2);
  SeededRandom noise(9);
  for (int i = 0; i < 2000; ++i) {
    Bytes junk = request;
    junk[0] = static_cast<std::uint8_t>(0xa0 + noise.below(4));
    junk.resize(noise.below(limits::frame + 10));
    for (std::uint64_t flips = noise.below(4); flips > 0 && !junk.empty(); --flips) {
      junk[noise.below(junk.size())] ^= static_cast<std::uint8_t>(1 + noise.below(255));
    }
    give(junk);
  }
  rig.run();
  BOOST_TEST(rig.outcome(id) == StoreOutcome::stored);
}

BOOST_AUTO_TEST_CASE(the_status_of_a_node_has_its_clock_and_capacity) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.clock_ahead = -2h;
  rig.store(node);
  rig.run();
  const auto status = *rig.client->node_status(node.id());
  BOOST_TEST(status.answered);
  BOOST_TEST(status.clock_ahead == -2h);
  BOOST_TEST(status.last_answer == rig.clock.unix_time());
  BOOST_TEST(status.capacity_bytes == 1U << 20);
  node.store_hook = [](protocol::StoreResponse& response) {
    response.node_time_s = UINT64_MAX;
    response.expires_at_s = UINT64_MAX;
  };
  const auto id = rig.store(node);
  rig.run();
  BOOST_TEST(rig.listener.stored.at(id).result.expires_at > UnixTime{});
  BOOST_TEST(rig.client->node_status(node.id())->clock_ahead > 0s);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
