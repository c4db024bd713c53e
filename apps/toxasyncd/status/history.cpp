// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/history.hpp"

#include <algorithm>

namespace toxasync::daemon {

namespace {

constexpr double median = 0.5;
constexpr double most = 0.99;
constexpr std::size_t steps_a_minute = 60 / History::step_s;

Sample between(const Reading& from, const Reading& to, std::int64_t lag_ms) noexcept {
  const auto store = to.store_time.since(from.store_time);
  const auto retrieve = to.retrieve_time.since(from.retrieve_time);
  return {.unix_s = to.unix_s,
          .seconds = static_cast<double>(to.steady_ms - from.steady_ms) / 1000,
          .messages = to.messages,
          .bytes = to.bytes,
          .sessions = to.sessions,
          .stored = to.stored - from.stored,
          .fetched = to.fetched - from.fetched,
          .deleted = to.deleted - from.deleted,
          .refused = to.refused - from.refused,
          .store_failed = to.store_failed - from.store_failed,
          .store_full = to.store_full - from.store_full,
          .bytes_in = to.bytes_in - from.bytes_in,
          .bytes_out = to.bytes_out - from.bytes_out,
          .store_median_ms = store.quantile_ms(median),
          .store_most_ms = store.quantile_ms(most),
          .retrieve_median_ms = retrieve.quantile_ms(median),
          .retrieve_most_ms = retrieve.quantile_ms(most),
          .lag_ms = lag_ms};
}

}  // namespace

void History::add(const Reading& reading, std::int64_t lag_ms) {
  readings_.push_back(recent_from_);
  recent_.push_back(between(recent_from_, reading, lag_ms));
  if (recent_.size() > recent_kept) {
    recent_.pop_front();
    readings_.pop_front();
  }
  recent_from_ = reading;
  day_lag_ms_ = std::max(day_lag_ms_, lag_ms);
  if (reading.steady_ms - day_from_.steady_ms < day_step_s * 1000) {
    return;
  }
  day_.push_back(between(day_from_, reading, day_lag_ms_));
  if (day_.size() > day_kept) {
    day_.pop_front();
  }
  day_from_ = reading;
  day_lag_ms_ = 0;
}

std::uint64_t History::last_minute(std::uint64_t Sample::*figure) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), steps_a_minute); i < recent_.size(); ++i) {
    sum += recent_[i].*figure;
  }
  return sum;
}

std::int64_t History::lag_of_last_minute_ms() const noexcept {
  std::int64_t longest = 0;
  for (std::size_t i = recent_.size() - std::min(recent_.size(), steps_a_minute); i < recent_.size(); ++i) {
    longest = std::max(longest, recent_[i].lag_ms);
  }
  return longest;
}

Sample History::recent_as_one() const noexcept {
  return readings_.empty() ? between(recent_from_, recent_from_, 0)
                           : between(readings_.front(), recent_from_, lag_of_last_minute_ms());
}

}  // namespace toxasync::daemon
