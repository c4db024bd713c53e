// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace toxasync::manager {

/// When what failed is tried again: after twice the time at each failure, and with jitter, so that clients
/// that a node turned away together do not come back together.
class RetryBackoff {
 public:
  RetryBackoff(Random& random, milliseconds first, milliseconds longest)
      : random_(random), first_(first), longest_(longest) {}

  /// `retry_after`: as the node asked for, 0 if it did not.
  void postpone(milliseconds& backoff, SteadyTime& retry_at, Now now, seconds retry_after) const {
    backoff = std::min(backoff == 0ms ? first_ : 2 * backoff, longest_);
    const milliseconds wait = std::max<milliseconds>(backoff, retry_after);
    retry_at = now.steady + wait + random_.below(wait / 4 + 1ms);
  }

 private:
  Random& random_;
  milliseconds first_;
  milliseconds longest_;
};

}  // namespace toxasync::manager
