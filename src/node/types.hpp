// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/transport.hpp"
#include "wire/limits.hpp"

// What is set of a node, and what it says of itself.

namespace toxasync::node {

struct NodeConfig {
  std::vector<Endpoint> addresses;             ///< Told in the descriptor, at most 4.
  std::uint64_t capacity_bytes = 64ULL << 20;  ///< Told in the descriptor if the store knows none of its own.
  std::uint32_t longest_ttl_s = limits::largest_time_to_live_s;
  // Public-key work for new sessions and mailboxes, per IPv4 /32 and IPv6 /56.
  std::uint32_t key_work_burst = 128;
  std::uint32_t key_work_per_minute = 16;
  /// Over all sources: a quarter of a core's time, where an agreement takes 67 us.
  std::uint32_t key_work_per_second = 3700;
  std::size_t sources = 4096;    ///< Token buckets kept; the one longest untouched goes first.
  std::size_t networks = 8192;   ///< Whose share of the store is counted; likewise. Three for a source.
  std::size_t deposits = 16384;  ///< Envelopes of which is remembered whose they are, likewise.
  std::size_t sessions = 4096;   ///< Kept, least recently used first to go. As many subscriptions.
  std::size_t pending_requests = 1024;  ///< Waiting for the disk; past that `try later`.
  std::int64_t expire_every_ms = 1000;
};

/// What the node has in hand now.
struct NodeLoad {
  std::size_t sessions = 0;  ///< Kept, of clients that asked lately or are yet to be pushed out.
  std::size_t pending = 0;   ///< Requests that wait for the disk.
};

}  // namespace toxasync::node
