// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/request_queue.hpp"

#include <algorithm>

namespace toxasync::client {

void RequestQueue::push(const protocol::NodeId& node, OperationId id) {
  const auto [at, fresh] = of_node_.try_emplace(node);
  if (fresh) {
    turns_.push_back(node);
  }
  at->second.push_back(id);
  ++size_;
}

void RequestQueue::remove(const protocol::NodeId& node, OperationId id) {
  const auto at = of_node_.find(node);
  if (at != of_node_.end()) {
    size_ -= std::erase(at->second, id);
    drop_if_empty(node);
  }
}

std::optional<OperationId> RequestQueue::pop(const std::function<bool(const protocol::NodeId&)>& may_start) {
  const auto turn = std::ranges::find_if(turns_, may_start);
  if (turn == turns_.end()) {
    return std::nullopt;
  }
  const protocol::NodeId node = *turn;
  turns_.splice(turns_.end(), turns_, turn);
  auto& line = of_node_.find(node)->second;
  const OperationId id = line.front();
  line.pop_front();
  --size_;
  drop_if_empty(node);
  return id;
}

void RequestQueue::drop_if_empty(const protocol::NodeId& node) {
  const auto at = of_node_.find(node);
  if (at->second.empty()) {
    of_node_.erase(at);
    turns_.remove(node);
  }
}

}  // namespace toxasync::client
