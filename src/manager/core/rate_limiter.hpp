// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

/// How often operations of one kind may begin: a token bucket, and random distances between them.
class RateLimiter {
 public:
  static constexpr milliseconds burst_distance = 500ms;  ///< Mean, while the bucket has tokens.

  /// `burst` tokens at the start and at most, a new one each `each`.
  RateLimiter(std::int64_t burst, milliseconds each) : most_(burst * each), each_(each) {}

  [[nodiscard]] bool due(SteadyTime now) const noexcept { return now >= next_; }
  [[nodiscard]] SteadyTime next() const noexcept { return next_; }

  /// Whether there is a token. The time that has passed counts.
  bool allows(SteadyTime now) noexcept {
    if (!begun_) {
      begun_ = true;
      credit_ = most_;
    } else {
      credit_ = std::min(most_, credit_ + (now - counted_));
    }
    counted_ = now;
    return credit_ >= each_;
  }
  /// Something has begun: uses a token.
  void spend(SteadyTime now, Random& random) {
    credit_ -= each_;
    step(now, random);
  }
  /// Something else was done, which costs nothing.
  void step(SteadyTime now, Random& random) {
    next_ = now + random_delay(random, credit_ >= each_ ? burst_distance : each_);
  }
  /// Nothing could begin.
  void rest(SteadyTime now, Random& random) { next_ = now + 1ms + random_delay(random, each_); }
  /// Something is to begin soon.
  void schedule_soon(SteadyTime now, Random& random) {
    next_ = std::min(next_, now + random_delay(random, burst_distance));
  }

 private:
  milliseconds most_;
  milliseconds each_;
  milliseconds credit_ = 0ms;  ///< each_ is a token.
  SteadyTime counted_{};
  SteadyTime next_{};
  bool begun_ = false;
};

}  // namespace toxasync::manager
