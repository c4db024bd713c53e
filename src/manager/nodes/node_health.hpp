// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "client/types.hpp"

namespace toxasync::manager {

/// Nodes that did not answer or were busy, and until when none of our requests goes to each: one silent node
/// must not cost an attempt for each of hundreds of mailboxes. And how much each may be asked. A node pays
/// for the first request of a session twice from what it grants a source, 16 a minute and 128 at once
/// (docs/protocol.md, section 6): an eighth of that is used here, the rest is for the mail of friends.
class NodeHealth {
 public:
  static constexpr milliseconds session_each = 1min;
  static constexpr std::int64_t sessions_saved = 8;     ///< And at the start.
  static constexpr std::int64_t sessions_reserved = 2;  ///< Not for what can wait.
  static constexpr milliseconds first_pause = 30s;
  static constexpr milliseconds longest_pause = 1h;
  static constexpr std::size_t nodes = 1024;  ///< Remembered; past that all are forgotten.

  /// The past where it is usable now.
  [[nodiscard]] SteadyTime usable_at(const protocol::NodeId& node) const noexcept {
    const auto found = pauses_.find(node);
    return found == pauses_.end() ? SteadyTime{} : found->second.until;
  }
  [[nodiscard]] bool usable(const protocol::NodeId& node, SteadyTime now) const noexcept {
    return usable_at(node) <= now;
  }
  /// Whether a session may be begun with it. `can_wait`: something more urgent may come.
  [[nodiscard]] bool affords(const protocol::NodeId& node, SteadyTime now, bool can_wait) const {
    return credit(node, now) >= session_each * (1 + (can_wait ? sessions_reserved : 0));
  }
  /// A session was begun.
  void charge(const protocol::NodeId& node, SteadyTime now) {
    if (credits_.size() >= nodes && !credits_.contains(node)) {
      credits_.clear();
    }
    const milliseconds left = credit(node, now) - session_each;
    credits_[node] = {left, now};
  }

  void worked(const protocol::NodeId& node) { pauses_.erase(node); }
  void failed(const protocol::NodeId& node, SteadyTime now) {
    Pause& pause = entry(node);
    pause.length = pause.length == 0ms ? first_pause : std::min(2 * pause.length, longest_pause);
    pause.until = now + pause.length;
  }
  /// It answered that it is busy.
  void busy(const protocol::NodeId& node, SteadyTime now, milliseconds wait) {
    Pause& pause = entry(node);
    pause.length = 0ms;
    pause.until = now + std::clamp(wait, first_pause, longest_pause);
  }
  /// A retrieve from it ended so.
  void retrieved(const protocol::NodeId& node, const client::RetrieveResult& result, SteadyTime now) {
    if (result.endless) {
      entry(node) = {now + longest_pause, longest_pause};
    } else if (result.complete) {
      worked(node);
    } else if (result.reachable) {
      busy(node, now, result.retry_after);
    } else {
      failed(node, now);
    }
  }

 private:
  struct Pause {
    SteadyTime until{};
    milliseconds length = 0ms;  ///< Doubled at each failure in a row.
  };
  struct Credit {
    milliseconds left = 0ms;  ///< session_each is a session,
    SteadyTime as_of{};
  };
  [[nodiscard]] milliseconds credit(const protocol::NodeId& node, SteadyTime now) const {
    const auto found = credits_.find(node);
    return found == credits_.end()
               ? sessions_saved * session_each
               : std::min(found->second.left + (now - found->second.as_of), sessions_saved * session_each);
  }
  Pause& entry(const protocol::NodeId& node) {
    if (pauses_.size() >= nodes && !pauses_.contains(node)) {
      pauses_.clear();
    }
    return pauses_[node];
  }

  std::map<protocol::NodeId, Pause> pauses_;
  std::map<protocol::NodeId, Credit> credits_;
};

}  // namespace toxasync::manager
