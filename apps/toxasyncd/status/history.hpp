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
  static constexpr std::int64_t step_s = 5;
  static constexpr std::size_t max_recent = 120;
  static constexpr std::int64_t day_step_s = 60;
  static constexpr std::size_t max_day = 1440;

  explicit History(const Reading& start) : recent_from_(start), day_from_(start) {}

  /// Every step_s. `lag_ms` is the longest since the last call.
  void add(const Reading& reading, std::int64_t lag_ms);

  [[nodiscard]] const std::deque<Sample>& recent() const noexcept { return recent_; }
  [[nodiscard]] const std::deque<Sample>& day() const noexcept { return day_; }
  [[nodiscard]] std::uint64_t last_minute(std::uint64_t NodeActivity::*count) const noexcept;
  [[nodiscard]] std::int64_t lag_of_last_minute_ms() const noexcept;
  /// The last ten minutes as one sample.
  [[nodiscard]] Sample recent_as_one() const noexcept;

 private:
  Reading recent_from_;
  Reading day_from_;
  std::int64_t day_lag_ms_ = 0;
  std::deque<Sample> recent_;
  std::deque<Sample> day_;
  std::deque<Reading> readings_;  ///< Where each of recent_ begins.
};

}  // namespace toxasync::daemon
