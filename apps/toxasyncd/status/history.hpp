// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "base/metrics.hpp"

namespace toxasync::daemon {

/// Readings of everything that is plotted, since the start or as of now.
struct Reading {
  std::int64_t unix_s = 0;
  std::int64_t steady_ms = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t stored = 0;
  std::uint64_t fetched = 0;  ///< Envelopes that were listed.
  std::uint64_t deleted = 0;
  std::uint64_t refused = 0;
  std::uint64_t store_failed = 0;
  std::uint64_t store_full = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  Histogram::Counts store_time;
  Histogram::Counts retrieve_time;
};

/// A point of the plots: what happened between two readings.
struct Sample {
  std::int64_t unix_s = 0;  ///< Of its end.
  double seconds = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t stored = 0;
  std::uint64_t fetched = 0;
  std::uint64_t deleted = 0;
  std::uint64_t refused = 0;
  std::uint64_t store_failed = 0;
  std::uint64_t store_full = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  // Milliseconds from request to answer; 0 if there was none.
  double store_median_ms = 0;
  double store_most_ms = 0;  ///< 99 of 100 took no longer.
  double retrieve_median_ms = 0;
  double retrieve_most_ms = 0;
  std::int64_t lag_ms = 0;  ///< The longest.

  /// Of a figure of this sample, for a second.
  [[nodiscard]] double per_second(std::uint64_t count) const noexcept {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }
};

/// The last ten minutes in steps of 5 s, and the last day in steps of a minute: at most 1560 samples, about
/// 250 kB.
class History {
 public:
  static constexpr std::int64_t step_s = 5;
  static constexpr std::size_t recent_kept = 120;
  static constexpr std::int64_t day_step_s = 60;
  static constexpr std::size_t day_kept = 1440;

  explicit History(const Reading& start) : recent_from_(start), day_from_(start) {}

  /// Every step_s. `lag_ms` is the longest since the last call.
  void add(const Reading& reading, std::int64_t lag_ms);

  [[nodiscard]] const std::deque<Sample>& recent() const noexcept { return recent_; }
  [[nodiscard]] const std::deque<Sample>& day() const noexcept { return day_; }
  /// The sum of a figure of the last minute's samples.
  [[nodiscard]] std::uint64_t last_minute(std::uint64_t Sample::*figure) const noexcept;
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
