// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// How many envelopes are on their way to each node for each friend, and which messages wait for room there.
/// The limit keeps a recipient from having to hold many incomplete messages. Nodes have windows of their own:
/// one that does not answer must not hold up what others would take.
class SendWindow {
 public:
  using Place = OutgoingMessage::Place;

  /// Store and cancel operations under way, for one friend at one node.
  static constexpr std::size_t parts_in_flight = 48;

  /// Whether so many more may start. A message that is larger than what is left of the window goes alone.
  [[nodiscard]] bool has_room(const FriendKey& to, const protocol::NodeId& node, std::size_t parts) const;
  [[nodiscard]] bool full(const FriendKey& to, const protocol::NodeId& node) const {
    return in_flight(to, node) >= parts_in_flight;
  }
  void begin(const FriendKey& to, const protocol::NodeId& node) { ++windows_[to][node].in_flight; }
  void end(const FriendKey& to, const protocol::NodeId& node);

  void wait(const OutgoingMessage& message, const protocol::NodeId& node) {
    windows_[message.to][node].waiting.insert(message.place());
  }
  /// At all nodes.
  void stop_waiting(const FriendKey& to, const Place& place);
  [[nodiscard]] bool is_waiting(const FriendKey& to, const protocol::NodeId& node, const Place& place) const;
  [[nodiscard]] std::optional<Place> first_waiting(const FriendKey& to, const protocol::NodeId& node) const;
  /// Nodes at which something waits.
  [[nodiscard]] std::vector<protocol::NodeId> waited_for(const FriendKey& to) const;

  /// A message to the friend has ended: others may have waited for that.
  void note_room(const FriendKey& to) { roomy_.insert(to); }
  [[nodiscard]] bool has_noted() const noexcept { return !roomy_.empty(); }
  /// The friends noted since the last call.
  std::set<FriendKey> take_noted();
  void forget(const FriendKey& to);

 private:
  struct Window {
    std::size_t in_flight = 0;
    std::set<Place> waiting;

    [[nodiscard]] bool is_used() const noexcept { return in_flight > 0 || !waiting.empty(); }
  };
  [[nodiscard]] const Window* find(const FriendKey& to, const protocol::NodeId& node) const;
  [[nodiscard]] std::size_t in_flight(const FriendKey& to, const protocol::NodeId& node) const;

  std::map<FriendKey, std::map<protocol::NodeId, Window>> windows_;  ///< Those in use.
  std::set<FriendKey> roomy_;
};

}  // namespace toxasync::manager
