// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/history.hpp"

#include <algorithm>

namespace toxasync::daemon {

namespace {

constexpr std::size_t samples_per_minute = 60 / History::step_s;

}  // namespace

void History::add(const Reading& reading, std::int64_t lag_ms) {
  readings_.push_back(recent_from_);
  recent_.push_back(Sample::between(recent_from_, reading, lag_ms));
  if (recent_.size() > max_recent) {
    recent_.pop_front();
    readings_.pop_front();
  }
  recent_from_ = reading;
  day_lag_ms_ = std::max(day_lag_ms_, lag_ms);
  if (reading.steady_ms - day_from_.steady_ms < day_step_s * 1000) {
    return;
  }
  day_.push_back(Sample::between(day_from_, reading, day_lag_ms_));
  if (day_.size() > max_day) {
    day_.pop_front();
  }
  day_from_ = reading;
  day_lag_ms_ = 0;
}

std::uint64_t History::last_minute(std::uint64_t NodeActivity::*count) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), samples_per_minute); i < recent_.size();
       ++i) {
    sum += recent_[i].activity.*count;
  }
  return sum;
}

std::int64_t History::lag_of_last_minute_ms() const noexcept {
  std::int64_t longest = 0;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), samples_per_minute); i < recent_.size();
       ++i) {
    longest = std::max(longest, recent_[i].lag_ms);
  }
  return longest;
}

Sample History::recent_as_one() const noexcept {
  return readings_.empty() ? Sample::between(recent_from_, recent_from_, 0)
                           : Sample::between(readings_.front(), recent_from_, lag_of_last_minute_ms());
}

}  // namespace toxasync::daemon
