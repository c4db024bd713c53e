// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>

#include "client/types.hpp"

namespace toxasync::client {

/// Operations that wait for a place in flight: first come, first served for each node, the nodes in turn, so
/// that a node which does not answer delays only its own operations.
class RequestQueue {
 public:
  void push(const protocol::NodeId& node, OperationId id);
  void remove(const protocol::NodeId& node, OperationId id);
  /// The next operation, of a node for which `may_start` holds.
  std::optional<OperationId> pop(const std::function<bool(const protocol::NodeId&)>& may_start);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void drop_if_empty(const protocol::NodeId& node);

  std::map<protocol::NodeId, std::deque<OperationId>> of_node_;  ///< None is empty.
  std::list<protocol::NodeId> turns_;                            ///< The keys of of_node_.
  std::size_t size_ = 0;
};

}  // namespace toxasync::client
