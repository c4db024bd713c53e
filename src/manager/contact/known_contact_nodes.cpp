// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/known_contact_nodes.hpp"

#include <algorithm>

namespace toxasync::manager {

namespace {

std::vector<protocol::NodeId> ids_of(const std::vector<protocol::HomeNode>& nodes) {
  std::vector<protocol::NodeId> ids(nodes.size());
  std::ranges::transform(nodes, ids.begin(), &protocol::HomeNode::id);
  return ids;
}

}  // namespace

std::vector<protocol::NodeId> KnownContactNodes::home_nodes() const {
  return ids_of(home_nodes_.in_use());
}

std::vector<protocol::NodeId> KnownContactNodes::home_nodes_of(const FriendKey& key) const {
  std::vector<protocol::NodeId> all;
  if (const Friend* const who = friends_.find(key)) {
    for (const auto& installation : who->theirs) {
      const auto ids = ids_of(installation.home_nodes);
      all.insert(all.end(), ids.begin(), ids.end());
    }
  }
  return all;
}

}  // namespace toxasync::manager
