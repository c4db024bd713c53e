// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/known_contact_nodes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace toxasync::manager {

namespace {

std::vector<protocol::NodeId> ids_of(const std::vector<protocol::HomeNode>& nodes) {
  std::vector<protocol::NodeId> ids(nodes.size());
  std::ranges::transform(nodes, ids.begin(), &protocol::HomeNode::id);
  return ids;
}

}  // namespace

/// By rendezvous hashing. Two who have chosen different nodes meet on the nearest of those that were found:
/// it is always one of them.
std::vector<protocol::NodeId> KnownContactNodes::nearest(const crypto::Point& p, std::size_t count) const {
  auto ids = book_.nearest(p, count);
  std::optional<std::pair<ByteArray<32>, protocol::NodeId>> found;
  book_.for_each([&](const BookedNode& node) {
    if (!is_chosen(node.origin) && !book_.demoted(node.id) && !book_.given_up(node.id)) {
      const std::pair candidate{crypto::h256({}, {p, node.id}), node.id};
      found = found ? std::min(*found, candidate) : candidate;
    }
  });
  if (found && std::ranges::find(ids, found->second) == ids.end()) {
    ids.push_back(found->second);
  }
  return ids;
}

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
