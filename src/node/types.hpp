// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "base/transport.hpp"
#include "wire/limits.hpp"

// The settings of a node, and its load.

namespace toxasync::node {

struct NodeConfig {
  std::vector<Endpoint> addresses;             ///< Announced in the descriptor, at most 4.
  std::uint64_t capacity_bytes = 64ULL << 20;  ///< Announced in the descriptor if the store reports none.
  seconds longest_ttl = limits::largest_time_to_live;
  // Public-key agreements for new sessions and mailboxes, per IPv4 /32 and IPv6 /56.
  std::uint32_t key_agreements_burst = 128;
  std::uint32_t key_agreements_per_minute = 16;
  /// Over all sources: a quarter of a core's time, where an agreement takes 67 us.
  std::uint32_t key_agreements_per_second = 3700;
  std::size_t sources = 4096;  ///< Token buckets kept; the least recently used is dropped first.
  std::size_t networks =
      8192;  ///< Networks with an account in the storage quota, likewise. A source has three.
  std::size_t deposits = 16384;  ///< Envelopes whose source is remembered, likewise.
  /// Sessions kept, and as many subscriptions: which one is dropped says SharedTable.
  std::size_t sessions = 4096;
  std::size_t pending_requests = 1024;  ///< Waiting for the disk; past that `try later`.
  milliseconds expire_every = 1s;
};

/// What the node has in memory now.
struct NodeLoad {
  std::size_t sessions = 0;  ///< Including those of clients that are gone, until others need the space.
  std::size_t pending = 0;   ///< Requests that wait for the disk.
};

}  // namespace toxasync::node
