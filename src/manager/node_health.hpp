// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "protocol/node_descriptor.hpp"

namespace toxasync::manager {

/// Nodes that did not answer or had no time, and until when each is left alone: one silent node must not cost
/// an attempt for each of hundreds of mailboxes.
class NodeHealth {
 public:
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
  void worked(const protocol::NodeId& node) { pauses_.erase(node); }
  void failed(const protocol::NodeId& node, std::int64_t now_ms) {
    Pause& pause = entry(node);
    pause.length_ms = pause.length_ms == 0 ? first_pause_ms : std::min(2 * pause.length_ms, longest_pause_ms);
    pause.until_ms = now_ms + pause.length_ms;
  }
  /// It answered that it has no time for us.
  void busy(const protocol::NodeId& node, std::int64_t now_ms, std::int64_t wait_ms) {
    Pause& pause = entry(node);
    pause.length_ms = 0;
    pause.until_ms = now_ms + std::clamp(wait_ms, first_pause_ms, longest_pause_ms);
  }

 private:
  struct Pause {
    std::int64_t until_ms = 0;
    std::int64_t length_ms = 0;  ///< Doubled at each failure in a row.
  };
  Pause& entry(const protocol::NodeId& node) {
    if (pauses_.size() >= nodes && !pauses_.contains(node)) {
      pauses_.clear();
    }
    return pauses_[node];
  }

  std::map<protocol::NodeId, Pause> pauses_;
};

}  // namespace toxasync::manager
