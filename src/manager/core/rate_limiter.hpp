// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

/// How often operations of one kind may begin: a token bucket, and random distances between them.
class RateLimiter {
 public:
  static constexpr std::int64_t burst_distance_ms = 500;  ///< Mean, while the bucket has tokens.

  /// `burst` tokens at the start and at most, a new one each `each_ms`.
  RateLimiter(std::int64_t burst, std::int64_t each_ms) : most_ms_(burst * each_ms), each_ms_(each_ms) {}

  [[nodiscard]] bool due(std::int64_t now_ms) const noexcept { return now_ms >= next_ms_; }
  [[nodiscard]] std::int64_t next_ms() const noexcept { return next_ms_; }

  /// Whether there is a token. The time that has passed counts.
  bool allows(std::int64_t now_ms) noexcept {
    if (!begun_) {
      begun_ = true;
      credit_ms_ = most_ms_;
    } else {
      credit_ms_ = std::min(most_ms_, credit_ms_ + (now_ms - counted_ms_));
    }
    counted_ms_ = now_ms;
    return credit_ms_ >= each_ms_;
  }
  /// Something has begun: uses a token.
  void spend(std::int64_t now_ms, Random& random) {
    credit_ms_ -= each_ms_;
    step(now_ms, random);
  }
  /// Something else was done, which costs nothing.
  void step(std::int64_t now_ms, Random& random) {
    next_ms_ = now_ms + random_delay_ms(random, credit_ms_ >= each_ms_ ? burst_distance_ms : each_ms_);
  }
  /// Nothing could begin.
  void rest(std::int64_t now_ms, Random& random) {
    next_ms_ = now_ms + 1 + random_delay_ms(random, each_ms_);
  }
  /// Something is to begin soon.
  void schedule_soon(std::int64_t now_ms, Random& random) {
    next_ms_ = std::min(next_ms_, now_ms + random_delay_ms(random, burst_distance_ms));
  }

 private:
  std::int64_t most_ms_;
  std::int64_t each_ms_;
  std::int64_t credit_ms_ = 0;  ///< each_ms_ is a token.
  std::int64_t counted_ms_ = 0;
  std::int64_t next_ms_ = 0;
  bool begun_ = false;
};

}  // namespace toxasync::manager
