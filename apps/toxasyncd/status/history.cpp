// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/history.hpp"

#include <algorithm>

namespace toxasync::daemon {

namespace {

constexpr std::size_t samples_per_minute = 1min / History::step;

}  // namespace

void History::add(const Reading& reading, milliseconds lag) {
  readings_.push_back(recent_from_);
  recent_.push_back(Sample::between(recent_from_, reading, lag));
  if (recent_.size() > max_recent) {
    recent_.pop_front();
    readings_.pop_front();
  }
  recent_from_ = reading;
  day_lag_ = std::max(day_lag_, lag);
  if (reading.steady - day_from_.steady < day_step) {
    return;
  }
  day_.push_back(Sample::between(day_from_, reading, day_lag_));
  if (day_.size() > max_day) {
    day_.pop_front();
  }
  day_from_ = reading;
  day_lag_ = 0ms;
}

std::uint64_t History::last_minute(std::uint64_t NodeActivity::*count) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), samples_per_minute); i < recent_.size();
       ++i) {
    sum += recent_[i].activity.*count;
  }
  return sum;
}

milliseconds History::lag_of_last_minute() const noexcept {
  milliseconds longest = 0ms;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), samples_per_minute); i < recent_.size();
       ++i) {
    longest = std::max(longest, recent_[i].lag);
  }
  return longest;
}

Sample History::recent_as_one() const noexcept {
  return readings_.empty() ? Sample::between(recent_from_, recent_from_, 0ms)
                           : Sample::between(readings_.front(), recent_from_, lag_of_last_minute());
}

}  // namespace toxasync::daemon
