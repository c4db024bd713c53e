// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/time.hpp"
#include "node/types.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// One of the node's transports.
struct TransportStats {
  std::string_view name;  ///< "udp", "dispatcher", "friends"
  std::string detail;     ///< For people: "UDP port 33500".
  std::uint64_t packets_in = 0;
};

/// Another storage node.
struct PeerStats {
  std::string short_id;   ///< The first hexadecimal digits of its id.
  bool named = false;     ///< By --peer; else found in the DHT.
  bool answered = false;  ///< Within the last day; else the rest is not known.
  unsigned version = 0;   ///< Of its descriptor.
  std::uint64_t capacity_bytes = 0;
  seconds answered_ago = 0s;
};

/// What the status page, /metrics and /status.json show, as of one moment. It contains no client's address,
/// key or mailbox.
struct NodeStats {
  std::string_view version;
  std::string node_address;  ///< The address line for clients.
  UnixTime started{};
  UnixTime now{};
  seconds up = 0s;
  store::StoreStats store;
  std::uint64_t capacity_bytes = 0;
  node::NodeLoad load;
  std::size_t sessions_limit = 0;
  std::size_t couriers = 0;
  std::vector<TransportStats> transports;
  std::vector<PeerStats> peers;
  std::vector<std::string> problems;  ///< Why /healthz answers 503; empty: the node is healthy.
  milliseconds loop_lag = 0ms;        ///< Maximum of the last minute.
};

}  // namespace toxasync::daemon
