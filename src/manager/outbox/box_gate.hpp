// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>

#include "manager/core/deadline_queue.hpp"
#include "manager/outbox/outgoing_message.hpp"
#include "manager/outbox/retry_backoff.hpp"

namespace toxasync::manager {

/// Boxes that have turned an envelope away: they are full, or the node does not take their epoch, or has no
/// room. It would turn away all that waits for them. So a closed box is asked with one envelope at a time,
/// ever more seldom, until it takes one.
class BoxGate {
 public:
  using Place = OutgoingMessage::Place;

  /// Of one installation, in one epoch, at one node.
  struct Box {
    FriendKey to{};
    protocol::NodeId node{};
    crypto::Instance instance{};
    crypto::Epoch epoch = 0;

    // NOLINTNEXTLINE(modernize-use-nullptr): as in base/ids.hpp
    auto operator<=>(const Box&) const = default;
  };

  explicit BoxGate(const RetryBackoff& backoff) : backoff_(backoff) {}

  [[nodiscard]] bool is_closed(const Box& box) const;
  [[nodiscard]] bool may_ask(const Box& box, Now now) const;
  /// An envelope is on its way to a closed box.
  void ask(const Box& box) { states_[box].asking = true; }

  void turned_away(const Box& box, Now now, seconds retry_after);
  /// It took an envelope.
  void took(const Box& box);
  /// What was asked with said nothing of the box, or was given up: another one may ask now.
  void ask_another(const Box& box, Now now);

  /// Until it may be asked. Who waits is not told apart from who has ended meanwhile.
  void wait(const Box& box, const Place& place) { states_[box].waiting.insert(place); }
  std::optional<Place> pop_waiting(const Box& box);

  /// A box that may be asked now.
  std::optional<Box> pop_due(Now now) { return ask_again_.pop_due(now.steady); }
  [[nodiscard]] SteadyTime next_deadline() const noexcept { return ask_again_.next(); }
  void forget(const FriendKey& to);

 private:
  struct State {
    milliseconds backoff = 0ms;  ///< 0: it is open, and those who waited are let in.
    SteadyTime ask_again{};
    bool asking = false;
    std::set<Place> waiting;
  };
  [[nodiscard]] const State* find(const Box& box) const;
  void forget_unused(const FriendKey& to, Now now);

  const RetryBackoff& backoff_;
  std::map<Box, State> states_;
  DeadlineQueue<Box> ask_again_;
};

}  // namespace toxasync::manager
