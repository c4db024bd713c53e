// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/send_window.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace toxasync::manager {

const SendWindow::Window* SendWindow::find(const FriendKey& to, const protocol::NodeId& node) const {
  const auto windows = windows_.find(to);
  if (windows == windows_.end()) {
    return nullptr;
  }
  const auto found = windows->second.find(node);
  return found == windows->second.end() ? nullptr : &found->second;
}

std::size_t SendWindow::in_flight(const FriendKey& to, const protocol::NodeId& node) const {
  const Window* const window = find(to, node);
  return window == nullptr ? 0 : window->in_flight;
}

bool SendWindow::has_room(const FriendKey& to, const protocol::NodeId& node, std::size_t parts) const {
  const std::size_t under_way = in_flight(to, node);
  return under_way == 0 || under_way + parts <= parts_in_flight;
}

void SendWindow::end(const FriendKey& to, const protocol::NodeId& node) {
  const auto windows = windows_.find(to);
  if (windows == windows_.end()) {
    return;  // the friend was forgotten meanwhile
  }
  const auto found = windows->second.find(node);
  if (found != windows->second.end()) {
    found->second.in_flight -= std::min<std::size_t>(found->second.in_flight, 1);
    if (!found->second.is_used()) {
      windows->second.erase(found);
    }
  }
}

void SendWindow::stop_waiting(const FriendKey& to, const Place& place) {
  const auto windows = windows_.find(to);
  if (windows == windows_.end()) {
    return;
  }
  for (auto at = windows->second.begin(); at != windows->second.end();) {
    at->second.waiting.erase(place);
    at = at->second.is_used() ? std::next(at) : windows->second.erase(at);
  }
}

bool SendWindow::is_waiting(const FriendKey& to, const protocol::NodeId& node, const Place& place) const {
  const Window* const window = find(to, node);
  return window != nullptr && window->waiting.contains(place);
}

std::optional<SendWindow::Place> SendWindow::first_waiting(const FriendKey& to,
                                                           const protocol::NodeId& node) const {
  const Window* const window = find(to, node);
  return window == nullptr || window->waiting.empty() ? std::nullopt
                                                      : std::optional(*window->waiting.begin());
}

std::vector<protocol::NodeId> SendWindow::waited_for(const FriendKey& to) const {
  std::vector<protocol::NodeId> nodes;
  if (const auto windows = windows_.find(to); windows != windows_.end()) {
    for (const auto& [node, window] : windows->second) {
      if (!window.waiting.empty()) {
        nodes.push_back(node);
      }
    }
  }
  return nodes;
}

std::set<FriendKey> SendWindow::take_noted() {
  return std::exchange(roomy_, {});
}

void SendWindow::forget(const FriendKey& to) {
  windows_.erase(to);
  roomy_.erase(to);
}

}  // namespace toxasync::manager
