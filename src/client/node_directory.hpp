// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <optional>

#include "client/types.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::client {

/// How far outside a descriptor's validity our clock may be: it may be our clock that is wrong.
constexpr seconds descriptor_tolerance = 24h;

/// Decodes a descriptor that is signed by the node it names and valid by our clock; nothing when it is
/// refused.
[[nodiscard]] std::optional<protocol::NodeDescriptor> read_valid_descriptor(ByteView bytes, Now now);

/// What the client knows of one node.
struct NodeEntry {
  KnownNode known;
  NodeStatus status;
  std::size_t preferred = 0;  ///< The endpoint that answered last, where the next operation begins.
  std::array<std::size_t, kinds> operations{};  ///< In flight.
  /// A retrieve was turned away: until then no more stores are begun.
  SteadyTime stores_wait_until = long_ago;
  SteadyTime stores_wait_from = long_ago;  ///< No sooner than that may it be so again.

  /// The latest descriptor, and its bytes as they were signed.
  std::optional<protocol::NodeDescriptor> descriptor;
  Bytes descriptor_bytes;
  bool descriptor_proven = false;  ///< An answer was sealed with its N, and that was reported.
  SteadyTime last_news{};          ///< When it was last reported that the node answers.

  /// The endpoint whose turn it is; null if the node has none.
  [[nodiscard]] const Endpoint* endpoint(std::size_t turn) const noexcept;

  /// Decodes a descriptor that came in a cookie reply: signed by this node, and not over by our clock, if
  /// that is known. One that begins later is no old one that somebody sent again: the node's clock is, or
  /// was, ahead. A descriptor that is known already is not verified again. Nothing when it is refused.
  [[nodiscard]] std::optional<protocol::NodeDescriptor> read_descriptor(ByteView bytes,
                                                                        std::optional<Now> now) const;
  void adopt(protocol::NodeDescriptor&& fresh, ByteView bytes);

  /// An authentic answer came from `from`.
  void answered(const Endpoint& from, UnixTime node_time, Now now) noexcept;
  /// An operation whose first attempt went to the endpoint `first` got no answer in `attempts`: the next one
  /// begins with the endpoint after these, so that each gets its turn.
  void failed(std::size_t first, std::size_t attempts) noexcept;
  /// A retrieve has ended. If the node has turned it away, stores wait that long, and go on for as long.
  void retrieved(bool turned_away, milliseconds wait, SteadyTime now) noexcept;
};

class NodeDirectory {
 public:
  /// Replaces the endpoints of a known node. Other ones than before are tried from the first on.
  void set(const KnownNode& node);
  void forget(const protocol::NodeId& id) { nodes_.erase(id); }
  /// Null for an unknown node. Stays valid until the node is forgotten.
  [[nodiscard]] NodeEntry* find(const protocol::NodeId& id) noexcept;
  [[nodiscard]] const NodeEntry* find(const protocol::NodeId& id) const noexcept;
  /// When stores may go on that wait; `never` when none must.
  [[nodiscard]] SteadyTime next_stores_again(SteadyTime now) const noexcept;

 private:
  std::map<protocol::NodeId, NodeEntry> nodes_;
};

}  // namespace toxasync::client
