// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>

#include "status/reading.hpp"
#include "status/sample.hpp"

namespace toxasync::daemon {

/// The last ten minutes in steps of 5 s, and the last day in steps of a minute: at most 1560 samples, about
/// 250 kB.
class History {
 public:
  static constexpr seconds step = 5s;
  static constexpr std::size_t max_recent = 120;
  static constexpr seconds day_step = 1min;
  static constexpr std::size_t max_day = 1440;

  explicit History(const Reading& start) : recent_from_(start), day_from_(start) {}

  /// Every step. `lag` is the longest since the last call.
  void add(const Reading& reading, milliseconds lag);

  [[nodiscard]] const std::deque<Sample>& recent() const noexcept { return recent_; }
  [[nodiscard]] const std::deque<Sample>& day() const noexcept { return day_; }
  [[nodiscard]] std::uint64_t last_minute(std::uint64_t NodeActivity::*count) const noexcept;
  [[nodiscard]] milliseconds lag_of_last_minute() const noexcept;
  /// The last ten minutes as one sample.
  [[nodiscard]] Sample recent_as_one() const noexcept;

 private:
  Reading recent_from_;
  Reading day_from_;
  milliseconds day_lag_ = 0ms;
  std::deque<Sample> recent_;
  std::deque<Sample> day_;
  std::deque<Reading> readings_;  ///< Where each of recent_ begins.
};

}  // namespace toxasync::daemon
