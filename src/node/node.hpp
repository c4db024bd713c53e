// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/transport.hpp"
#include "node/node_keys.hpp"
#include "protocol/node_descriptor.hpp"
#include "store/store.hpp"

// The storage-node role: docs/protocol.md, section 6. Sans-I/O: packets and ticks in, packets out by a
// Transport, disk by a Store.

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

class Node {
 public:
  /// `now` is needed for the validity of the keys. The references must outlive the node.
  Node(store::Store& store, NodeKeys& keys, Random& random, Telemetry telemetry, NodeConfig config, Now now);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// A packet, hostile; what is not a request is refused. The answer leaves by `via`, which must live until
  /// the node is destroyed or drop_transport is called.
  void on_packet(Transport& via, const Route& from, ByteView packet, Now now) noexcept;

  /// Expires, rotates keys, closes the store's group, and answers what the store completed. Call it after a
  /// burst of packets, when the store's wake_fd is readable, and at next_deadline_ms.
  void tick(Now now);
  /// By the steady clock. Past already while requests wait for the store's group to be closed.
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept;

  /// The transport goes away; what waits for an answer by it gets none.
  void drop_transport(Transport& transport) noexcept;

  /// The other nodes that whoever asks is told of, a few at random: their signed descriptors, at most
  /// peers_kept (what is more is dropped). Left out are our own, those without an address, and those past
  /// their time.
  static constexpr std::size_t peers_kept = 64;
  void set_peers(const std::vector<Bytes>& descriptors);

  [[nodiscard]] NodeLoad load() const noexcept;

  /// Other values for these two of NodeConfig.
  void set_key_work(std::uint32_t burst, std::uint32_t per_minute) noexcept;

  /// The signed descriptor that cookie replies carry.
  [[nodiscard]] const Bytes& descriptor() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace toxasync::node
