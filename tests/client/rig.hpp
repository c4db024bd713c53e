// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "client/client.hpp"
#include "test_node.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/test_log.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {

/// Keeps what the client reports, and answers each window as the test says.
class RecordingListener final : public client::StoreResultListener,
                                public client::RetrieveListener,
                                public client::PeersListener,
                                public client::DiscoverListener,
                                public client::NodeNewsListener {
 public:
  struct Stored {
    client::StoreResult result;
    SteadyTime at{};
  };
  struct Retrieved {
    client::RetrieveResult result;
    SteadyTime at{};
  };

  std::map<client::OperationId, Stored> stored;
  std::map<client::OperationId, Retrieved> retrieved;
  std::map<client::OperationId, std::vector<Bytes>> envelopes;
  std::map<client::OperationId, std::vector<crypto::Point>> written;  ///< W of the box of each.
  std::map<client::OperationId, client::PeersResult> peers;
  std::map<client::OperationId, client::DiscoverResult> discovered;
  std::vector<client::NodeNews> news;
  std::vector<client::OperationId> announced;
  unsigned windows = 0;
  unsigned reported_twice = 0;  ///< Outcomes of an operation that had one.
  unsigned called_inside = 0;   ///< Calls from inside a call to the client that may not call back.
  bool forbidden = false;       ///< Such a call is going on.
  std::function<void(client::OperationId, Now)> on_window;
  std::function<void(client::OperationId, Now)> on_outcome;

  void on_stored(client::OperationId id, const client::StoreResult& result, Now now) noexcept override {
    reported_twice += stored.emplace(id, Stored{result, now.steady}).second ? 0 : 1;
    note(id, now);
  }
  void on_envelopes(client::OperationId id, std::vector<client::FetchedEnvelope> got,
                    Now now) noexcept override {
    called_inside += forbidden ? 1 : 0;
    ++windows;
    for (auto& envelope : got) {
      envelopes[id].push_back(std::move(envelope.bytes));
      written[id].push_back(envelope.w);
    }
    if (on_window) {
      on_window(id, now);
    }
  }
  void on_retrieved(client::OperationId id, const client::RetrieveResult& result, Now now) noexcept override {
    reported_twice += retrieved.emplace(id, Retrieved{result, now.steady}).second ? 0 : 1;
    note(id, now);
  }

  void on_peers(client::OperationId id, const client::PeersResult& result, Now now) noexcept override {
    reported_twice += peers.emplace(id, result).second ? 0 : 1;
    note(id, now);
  }
  void on_discovered(client::OperationId id, const client::DiscoverResult& result,
                     Now now) noexcept override {
    reported_twice += discovered.emplace(id, result).second ? 0 : 1;
    note(id, now);
  }
  void on_announced(client::OperationId id, Now now) noexcept override {
    called_inside += retrieved.contains(id) ? 0 : 1;  // too early
    announced.push_back(id);
    note(id, now);
  }
  void on_node_news(const client::NodeNews& reported, Now /*now*/) noexcept override {
    called_inside += forbidden ? 1 : 0;
    news.push_back(reported);
  }

 private:
  void note(client::OperationId id, Now now) {
    called_inside += forbidden ? 1 : 0;
    if (on_outcome) {
      on_outcome(id, now);
    }
  }
};

/// A client, nodes and a network between them, in virtual time. The way takes 10 ms.
struct Rig : PacketReceiver {
  static constexpr milliseconds one_way = 10ms;
  static constexpr milliseconds round_trip = 2 * one_way;

  explicit Rig(std::uint64_t seed = 1, const client::ClientConfig& config = {})
      : network(clock, seed), random(seed + 1000), transport(network.add(ipv4(1))) {
    network.set_conditions({0, 0, one_way, 0ms});
    transport.set_receiver(this);
    restart(config);
    listener.on_window = [this](client::OperationId id, Now now) { client->continue_retrieve(id, now); };
  }

  void restart(const client::ClientConfig& config) {
    client = std::make_unique<client::Client>(transport, random, telemetry.get(), &listener, config);
  }
  void on_packet(const Route& from, ByteView packet) noexcept override {
    client->on_packet(from, packet, clock.now());
  }

  ScriptedNode& add_node(std::size_t endpoints = 1) {
    std::vector<Endpoint> at;
    for (std::size_t i = 0; i < endpoints; ++i) {
      at.push_back(ipv4(static_cast<std::uint32_t>(100 + 10 * nodes.size() + i)));
    }
    nodes.push_back(std::make_unique<ScriptedNode>(network, clock, 77 + nodes.size(), at));
    client->set_node({nodes.back()->id(), at});
    return *nodes.back();
  }

  /// The n-th mailbox of this epoch: all its boxes, and the box of one writer.
  crypto::FriendsMailbox whole_mailbox(std::uint64_t n = 0) const {
    SeededRandom seeded(5000 + n);
    return crypto::FriendsMailbox::derive(crypto::KeyPair::generate(seeded),
                                          *crypto::epoch_at(clock.unix_time()))
        .value();
  }
  crypto::OwnedMailbox mailbox(std::uint64_t n = 0) const { return whole_mailbox(n).box({}); }
  /// Under which of the tags of a request that box lies.
  crypto::BoxName box_name(std::uint64_t n = 0) const { return crypto::box_name(mailbox(n).mailbox.address); }
  Bytes envelope(std::size_t size = limits::small_envelope) {
    Bytes bytes(size);
    random.fill(bytes);
    return bytes;
  }

  client::OperationId store(const ScriptedNode& node, std::uint64_t mailbox_number = 0, Bytes payload = {}) {
    client::StoreJob job;
    job.node = node.id();
    job.mailbox = mailbox(mailbox_number).mailbox.clone();
    job.payload = payload.empty() ? envelope() : std::move(payload);
    listener.forbidden = true;
    const auto id = client->store(std::move(job), listener, clock.now());
    listener.forbidden = false;
    return id;
  }
  client::OperationId retrieve(const ScriptedNode& node, std::uint64_t mailbox_number = 0,
                               bool subscribe = false) {
    listener.forbidden = true;
    const auto id = client->retrieve({node.id(), mailbox(mailbox_number), subscribe}, listener, clock.now());
    listener.forbidden = false;
    return id;
  }
  /// Puts mail there, the sizes mixed; what was put.
  std::vector<Bytes> fill(ScriptedNode& node, std::size_t count, std::uint64_t mailbox_number = 0) {
    std::vector<Bytes> put;
    for (std::size_t i = 0; i < count; ++i) {
      put.push_back(envelope(i % 5 == 3 ? limits::large_envelope : limits::small_envelope));
      node.put(mailbox(mailbox_number).mailbox.address, put.back());
    }
    return put;
  }

  /// Lets time pass, from one delivery or deadline to the next, until nothing is under way or `limit` are
  /// over.
  void run(milliseconds limit = 10min) {
    const SteadyTime end = clock.steady() + limit;
    for (;;) {
      network.deliver_due();
      if (client->next_deadline() <= clock.steady()) {
        client->tick(clock.now());
      }
      const SteadyTime next = std::min(client->next_deadline(), network.next_delivery().value_or(never));
      if (next > end) {
        clock.advance_to(next == never ? clock.steady() : end);
        return;
      }
      clock.advance_to(next);
    }
  }

  [[nodiscard]] client::StoreOutcome outcome(client::OperationId id) const {
    const auto at = listener.stored.find(id);
    return at == listener.stored.end() ? client::StoreOutcome{255} : at->second.result.outcome;
  }
  [[nodiscard]] bool complete(client::OperationId id) const {
    const auto at = listener.retrieved.find(id);
    return at != listener.retrieved.end() && at->second.result.complete;
  }

  const bool crypto_ready = crypto::initialise();
  ManualClock clock;
  MockNetwork network;
  SeededRandom random;
  TestTelemetry telemetry;
  RecordingListener listener;
  MockTransport& transport;
  std::vector<std::unique_ptr<ScriptedNode>> nodes;
  std::unique_ptr<client::Client> client;
};

}  // namespace toxasync::test

namespace toxasync::client {
inline std::ostream& operator<<(std::ostream& out, StoreOutcome outcome) {
  return out << "outcome " << static_cast<int>(outcome);
}
}  // namespace toxasync::client
