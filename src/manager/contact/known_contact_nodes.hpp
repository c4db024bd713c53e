// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/contact/contact_nodes.hpp"
#include "manager/keys/friend_book.hpp"
#include "manager/nodes/home_nodes.hpp"
#include "manager/nodes/node_book.hpp"

namespace toxasync::manager {

/// From the book of nodes, our home nodes and the friends' bundles.
class KnownContactNodes final : public ContactNodes {
 public:
  KnownContactNodes(const NodeBook& book, const HomeNodes& home_nodes, FriendBook& friends)
      : book_(book), home_nodes_(home_nodes), friends_(friends) {}

  [[nodiscard]] std::vector<protocol::NodeId> nearest(const crypto::Point& p,
                                                      std::size_t count) const override {
    return book_.nearest(p, count);
  }
  [[nodiscard]] std::vector<protocol::NodeId> home_nodes() const override;
  [[nodiscard]] std::vector<protocol::NodeId> named_home_nodes() const override {
    return home_nodes_.named();
  }
  [[nodiscard]] bool has_answered(const protocol::NodeId& node) const override {
    const BookedNode* const known = book_.find(node);
    return known != nullptr && known->last_answer != UnixTime{};
  }
  [[nodiscard]] std::vector<protocol::NodeId> home_nodes_of(const FriendKey& key) const override;

 private:
  const NodeBook& book_;
  const HomeNodes& home_nodes_;
  FriendBook& friends_;
};

}  // namespace toxasync::manager
