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
  static constexpr std::int64_t session_each_ms = 60000;
  static constexpr std::int64_t sessions_saved = 8;     ///< And at the start.
  static constexpr std::int64_t sessions_reserved = 2;  ///< Not for what can wait.
  static constexpr std::int64_t first_pause_ms = 30000;
  static constexpr std::int64_t longest_pause_ms = 3600000;
  static constexpr std::size_t nodes = 1024;  ///< Remembered; past that all are forgotten.

  /// A steady time; 0: now.
  [[nodiscard]] std::int64_t usable_at_ms(const protocol::NodeId& node) const noexcept {
    const auto found = pauses_.find(node);
    return found == pauses_.end() ? 0 : found->second.until_ms;
  }
  [[nodiscard]] bool usable(const protocol::NodeId& node, std::int64_t now_ms) const noexcept {
    return usable_at_ms(node) <= now_ms;
  }
  /// Whether a session may be begun with it. `can_wait`: something more urgent may come.
  [[nodiscard]] bool affords(const protocol::NodeId& node, std::int64_t now_ms, bool can_wait) const {
    return credit_ms(node, now_ms) >= session_each_ms * (1 + (can_wait ? sessions_reserved : 0));
  }
  /// A session was begun.
  void charge(const protocol::NodeId& node, std::int64_t now_ms) {
    if (credits_.size() >= nodes && !credits_.contains(node)) {
      credits_.clear();
    }
    const std::int64_t left_ms = credit_ms(node, now_ms) - session_each_ms;
    credits_[node] = {left_ms, now_ms};
  }

  void worked(const protocol::NodeId& node) { pauses_.erase(node); }
  void failed(const protocol::NodeId& node, std::int64_t now_ms) {
    Pause& pause = entry(node);
    pause.length_ms = pause.length_ms == 0 ? first_pause_ms : std::min(2 * pause.length_ms, longest_pause_ms);
    pause.until_ms = now_ms + pause.length_ms;
  }
  /// It answered that it is busy.
  void busy(const protocol::NodeId& node, std::int64_t now_ms, std::int64_t wait_ms) {
    Pause& pause = entry(node);
    pause.length_ms = 0;
    pause.until_ms = now_ms + std::clamp(wait_ms, first_pause_ms, longest_pause_ms);
  }
  /// A retrieve from it ended so.
  void retrieved(const protocol::NodeId& node, const client::RetrieveResult& result, std::int64_t now_ms) {
    if (result.complete) {
      worked(node);
    } else if (result.reachable) {
      busy(node, now_ms, std::int64_t{result.retry_after_s} * 1000);
    } else {
      failed(node, now_ms);
    }
  }

 private:
  struct Pause {
    std::int64_t until_ms = 0;
    std::int64_t length_ms = 0;  ///< Doubled at each failure in a row.
  };
  struct Credit {
    std::int64_t left_ms = 0;  ///< session_each_ms is a session,
    std::int64_t as_of_ms = 0;
  };
  [[nodiscard]] std::int64_t credit_ms(const protocol::NodeId& node, std::int64_t now_ms) const {
    const auto found = credits_.find(node);
    return found == credits_.end() ? sessions_saved * session_each_ms
                                   : std::min(found->second.left_ms + (now_ms - found->second.as_of_ms),
                                              sessions_saved * session_each_ms);
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
