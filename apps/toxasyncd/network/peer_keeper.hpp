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
  static constexpr std::int64_t step_ms = 15000;
  static constexpr std::int64_t known_again_ms = 3600000;
  static constexpr std::int64_t others_again_ms = 86400000;
  static constexpr std::int64_t expire_after_ms = 86400000;
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
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept;

 private:
  struct Peer {
    Bytes descriptor;
    Endpoint at;                       ///< Where it answered.
    unsigned version = 0;              ///< As it says of itself.
    std::uint64_t capacity_bytes = 0;  ///< Likewise.
    bool named = false;
    std::int64_t answered_ms = 0;  ///< Steady; meaningless without a descriptor.
  };

  void on_discovered(client::OperationId id, const client::DiscoverResult& result, Now now) noexcept override;

  [[nodiscard]] std::optional<Endpoint> next_address(Now now);
  [[nodiscard]] bool is_due(const Endpoint& endpoint, std::int64_t again_ms, Now now) const;
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
  std::map<Endpoint, std::int64_t> asked_ms_;  ///< Steady.
  std::deque<Endpoint> asked_;                 ///< The keys of asked_ms_, the oldest first.
  std::int64_t next_step_ms_ = 0;
};

}  // namespace toxasync::daemon
