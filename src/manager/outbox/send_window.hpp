// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>

#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// How many envelopes are on their way to nodes for each friend, and which messages wait for room. The limit
/// keeps a recipient from having to hold many incomplete messages.
class SendWindow {
 public:
  using Place = OutgoingMessage::Place;

  /// Store and cancel operations under way, for one friend.
  static constexpr std::size_t parts_in_flight = 96;

  /// Whether so many more may start. A message that is larger than what is left of the window goes alone.
  [[nodiscard]] bool has_room(const FriendKey& to, std::size_t parts) const noexcept;
  [[nodiscard]] bool full(const FriendKey& to) const noexcept { return in_flight(to) >= parts_in_flight; }
  void begin(const FriendKey& to) { ++recipients_[to].in_flight; }
  void end(const FriendKey& to, std::size_t operations = 1);

  void wait(const OutgoingMessage& message) { recipients_[message.to].waiting.insert(message.place()); }
  void stop_waiting(const FriendKey& to, const Place& place);
  [[nodiscard]] bool is_waiting(const FriendKey& to, const Place& place) const;
  [[nodiscard]] std::optional<Place> first_waiting(const FriendKey& to) const;

  /// A message to the friend has ended: others may have waited for that.
  void note_room(const FriendKey& to) { roomy_.insert(to); }
  [[nodiscard]] bool has_noted() const noexcept { return !roomy_.empty(); }
  /// The friends noted since the last call.
  std::set<FriendKey> take_noted();
  void forget(const FriendKey& to);

 private:
  struct Recipient {
    std::size_t in_flight = 0;
    std::set<Place> waiting;
  };
  [[nodiscard]] std::size_t in_flight(const FriendKey& to) const noexcept;

  std::map<FriendKey, Recipient> recipients_;
  std::set<FriendKey> roomy_;
};

}  // namespace toxasync::manager
