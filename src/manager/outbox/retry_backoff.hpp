// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace toxasync::manager {

/// When what failed is tried again: after twice the time at each failure, and with jitter, so that clients
/// that a node turned away together do not come back together.
class RetryBackoff {
 public:
  RetryBackoff(Random& random, std::int64_t first_ms, std::int64_t longest_ms)
      : random_(random), first_ms_(first_ms), longest_ms_(longest_ms) {}

  /// `retry_after_s`: as the node asked for, 0 if it did not.
  void postpone(std::int64_t& backoff_ms, std::int64_t& retry_at_ms, Now now,
                std::uint16_t retry_after_s) const {
    backoff_ms = std::min(backoff_ms == 0 ? first_ms_ : 2 * backoff_ms, longest_ms_);
    const std::int64_t wait_ms = std::max(backoff_ms, std::int64_t{retry_after_s} * 1000);
    const auto jitter = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(wait_ms / 4 + 1)));
    retry_at_ms = now.steady_ms + wait_ms + jitter;
  }

 private:
  Random& random_;
  std::int64_t first_ms_;
  std::int64_t longest_ms_;
};

}  // namespace toxasync::manager
