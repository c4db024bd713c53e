// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/send_window.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

std::size_t SendWindow::in_flight(const FriendKey& to) const noexcept {
  const auto found = recipients_.find(to);
  return found == recipients_.end() ? 0 : found->second.in_flight;
}

bool SendWindow::has_room(const FriendKey& to, std::size_t parts) const noexcept {
  const std::size_t under_way = in_flight(to);
  return under_way == 0 || under_way + parts <= parts_in_flight;
}

void SendWindow::end(const FriendKey& to, std::size_t operations) {
  if (const auto found = recipients_.find(to); found != recipients_.end()) {
    found->second.in_flight -= std::min(operations, found->second.in_flight);
  }
}

void SendWindow::stop_waiting(const FriendKey& to, const Place& place) {
  if (const auto found = recipients_.find(to); found != recipients_.end()) {
    found->second.waiting.erase(place);
  }
}

bool SendWindow::is_waiting(const FriendKey& to, const Place& place) const {
  const auto found = recipients_.find(to);
  return found != recipients_.end() && found->second.waiting.contains(place);
}

std::optional<SendWindow::Place> SendWindow::first_waiting(const FriendKey& to) const {
  const auto found = recipients_.find(to);
  if (found == recipients_.end() || found->second.waiting.empty()) {
    return std::nullopt;
  }
  return *found->second.waiting.begin();
}

std::set<FriendKey> SendWindow::take_noted() {
  return std::exchange(roomy_, {});
}

void SendWindow::forget(const FriendKey& to) {
  recipients_.erase(to);
  roomy_.erase(to);
}

}  // namespace toxasync::manager
