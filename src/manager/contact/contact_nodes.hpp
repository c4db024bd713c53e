// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "manager/core/friend_channel.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::manager {

/// Sorts, and leaves each once.
inline void drop_repeated(std::vector<protocol::NodeId>& nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
}

/// The nodes on which people meet who do not have each other's keys. The client can reach all of them.
class ContactNodes {
 public:
  virtual ~ContactNodes() = default;
  /// Of the nodes that our user or our friends name, and that have answered: the `count` whose
  /// H256(P|node id) is least.
  [[nodiscard]] virtual std::vector<protocol::NodeId> nearest(const crypto::Point& p,
                                                              std::size_t count) const = 0;
  /// Our own home nodes.
  [[nodiscard]] virtual std::vector<protocol::NodeId> home_nodes() const = 0;
  /// Those of them that our user named.
  [[nodiscard]] virtual std::vector<protocol::NodeId> named_home_nodes() const = 0;
  [[nodiscard]] virtual bool has_answered(const protocol::NodeId& node) const = 0;
  /// The home nodes that a friend's bundles name.
  [[nodiscard]] virtual std::vector<protocol::NodeId> home_nodes_of(const FriendKey& key) const = 0;
};

}  // namespace toxasync::manager
