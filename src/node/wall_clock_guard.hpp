// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/clock.hpp"

namespace toxasync::node {

/// Which dates may be true while the wall clock may be wrong (docs/store.md, "The clock").
///
/// A *course* of the wall clock is where it gets with the steady one. The course that it was on is believed
/// until it has been on one side of it for an hour; then the nearest that it was on meanwhile is. Until then
/// there are two dates, that of the believed course and that of the wall clock: nothing that ends by the
/// later one is over, and what is promised counts from the later one. Small differences are no exception: NTP
/// steps a clock by minutes, or moves it by milliseconds, of which the believed course is an hour or two
/// behind.
class WallClockGuard {
 public:
  /// How long a clock must stay on another course to be believed. By the steady clock.
  static constexpr milliseconds settling = 1h;
  /// A difference that is to be reported; at the start also one that is not doubted: machines are switched
  /// off.
  static constexpr seconds jump = days(1);

  /// What outlives the process. UnixTime{}: none.
  struct Marks {
    UnixTime believed{};    ///< The last date of the believed course.
    UnixTime other{};       ///< Of the course that the clock is on instead,
    milliseconds stayed{};  ///< and for how long it has been.

    bool operator==(const Marks&) const = default;
  };

  /// Without a believed date in `marks` the clock is believed.
  WallClockGuard(Now now, const Marks& marks) noexcept;

  /// Call it with each reading.
  void observe(Now now) noexcept;

  /// The date of the believed course: no jump moves it.
  [[nodiscard]] UnixTime believed() const noexcept { return date_of(believed_); }
  /// Of the two dates; equal while the clock keeps its course.
  [[nodiscard]] UnixTime earliest() const noexcept;
  [[nodiscard]] UnixTime latest() const noexcept;

  /// How far the clock is ahead (or behind, < 0) of the believed course; 0: not more than a day.
  [[nodiscard]] seconds doubted() const noexcept;
  [[nodiscard]] bool in_doubt() const noexcept { return doubted() != 0s; }

  [[nodiscard]] Marks marks() const noexcept;

 private:
  /// What to add to the steady clock to get the date.
  using Offset = milliseconds;
  static Offset offset_of(UnixTimeMs date, SteadyTime steady) noexcept {
    return date.time_since_epoch() - steady.time_since_epoch();
  }
  [[nodiscard]] UnixTime date_of(Offset course) const noexcept;

  Now now_;
  Offset believed_;
  /// While the clock is on another course: since when, and where it was next to the believed one.
  bool away_ = false;
  SteadyTime away_since_{};
  Offset nearest_{};
};

}  // namespace toxasync::node
