// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "base/node_finder.hpp"
#include "client/client.hpp"
#include "config/options.hpp"
#include "network/peer_listener.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The other nodes that this one announces to clients (docs/protocol.md, section 6, "Peers"): those named by
/// the operator, and those found at the addresses of neighbours in the DHT. Requests a descriptor from one
/// address every 15 s: from known nodes once an hour, from other addresses once a day. A node that has not
/// answered for a day is no longer announced.
class PeerKeeper final : private client::DiscoverListener {
 public:
  static constexpr milliseconds step = 15s;
  static constexpr milliseconds known_again = 1h;
  static constexpr milliseconds others_again = days(1);
  static constexpr milliseconds expire_after = days(1);
  static constexpr std::size_t max_probed = 256;

  struct Config {
    protocol::NodeId self{};
    std::vector<client::KnownNode> named;
    NodeFinder* finder = nullptr;  ///< May be null.
  };

  PeerKeeper(Transport& transport, Random& random, Telemetry telemetry, const Config& config,
             PeerListener& listener);

  [[nodiscard]] Transport& transport() const noexcept { return transport_; }
  void on_packet(const Route& from, ByteView packet, Now now) noexcept {
    client_.on_packet(from, packet, now);
  }
  void tick(Now now);
  /// Replaces the nodes named by the operator. One that is no longer named but has answered is still
  /// announced.
  void set_named(const std::vector<client::KnownNode>& named);
  [[nodiscard]] std::vector<PeerStats> stats(Now now) const;
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

 private:
  struct Peer {
    Bytes descriptor;
    Endpoint at;                       ///< Where it answered.
    unsigned version = 0;              ///< As it says of itself.
    std::uint64_t capacity_bytes = 0;  ///< Likewise.
    bool named = false;
    SteadyTime answered_at{};  ///< Meaningless without a descriptor.
  };

  void on_discovered(client::OperationId id, const client::DiscoverResult& result, Now now) noexcept override;

  [[nodiscard]] std::optional<Endpoint> next_address(Now now);
  [[nodiscard]] bool is_due(const Endpoint& endpoint, milliseconds again, Now now) const;
  void note_asked(const Endpoint& endpoint, Now now);
  void drop_silent(Now now);
  void notify();

  Transport& transport_;
  Telemetry telemetry_;
  protocol::NodeId self_;
  std::vector<Endpoint> named_;  ///< Addresses of the nodes that the operator named.
  NodeFinder* finder_;
  PeerListener& listener_;
  client::Client client_;
  std::map<protocol::NodeId, Peer> peers_;
  std::map<Endpoint, SteadyTime> asked_;
  std::deque<Endpoint> asked_order_;  ///< The keys of asked_, the oldest first.
  SteadyTime next_step_{};
};

}  // namespace toxasync::daemon
