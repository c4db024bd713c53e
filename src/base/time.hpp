// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

// Times have types: a deadline (SteadyTime) and a date (UnixTime) do not mix, and seconds become milliseconds
// by themselves. Integers are left in the structs of the wire, in the C API, and where a unit is printed.

namespace toxasync {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// By the steady clock, since an arbitrary start; never goes back.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, milliseconds>;

/// Since 1970-01-01T00:00:00Z; may jump. In records `UnixTime{}` stands for none.
using UnixTime = std::chrono::sys_seconds;
using UnixTimeMs = std::chrono::sys_time<milliseconds>;

/// Neither happens. To compare with, not to calculate with: a sum overflows.
constexpr SteadyTime never = SteadyTime::max();
constexpr SteadyTime long_ago = SteadyTime::min();

/// 9999-12-31T23:59:59Z. Dates from other machines are cut here, so that sums of dates and durations are
/// safe.
constexpr UnixTime last_date{253402300799s};

/// A date as other machines write it, in seconds since 1970.
constexpr UnixTime unix_time(std::uint64_t since_1970_s) noexcept {
  const auto last = static_cast<std::uint64_t>(last_date.time_since_epoch().count());
  return UnixTime{seconds{static_cast<std::int64_t>(std::min(since_1970_s, last))}};
}

/// The same in milliseconds.
constexpr UnixTimeMs unix_time_ms(std::uint64_t since_1970_ms) noexcept {
  const auto last = static_cast<std::uint64_t>(UnixTimeMs{last_date}.time_since_epoch().count());
  return UnixTimeMs{milliseconds{static_cast<std::int64_t>(std::min(since_1970_ms, last))}};
}

/// The way back: 0 for what is before 1970.
constexpr std::uint64_t since_1970_s(UnixTime time) noexcept {
  return static_cast<std::uint64_t>(std::max(time.time_since_epoch(), 0s).count());
}
constexpr std::uint64_t since_1970_ms(UnixTimeMs time) noexcept {
  return static_cast<std::uint64_t>(std::max(time.time_since_epoch(), 0ms).count());
}

/// A duration as the wire and the C API have it: so many units, which the caller names; what does not fit is
/// clamped.
template <std::unsigned_integral Number, class Unit>
constexpr Number clamped_count(std::type_identity_t<Unit> duration) noexcept {
  static_assert(sizeof(Number) < sizeof(typename Unit::rep));
  constexpr Unit largest{std::numeric_limits<Number>::max()};
  return static_cast<Number>(std::clamp(duration, Unit{0}, largest).count());
}

}  // namespace toxasync
