// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/wall_clock_guard.hpp"

#include <algorithm>

namespace toxasync::node {

WallClockGuard::WallClockGuard(Now now, const Marks& marks) noexcept
    : now_(now), believed_(offset_of(now.wall, now.steady)) {
  const bool plausible =
      marks.believed == UnixTime{} || std::chrono::abs(now.unix_time() - marks.believed) <= jump;
  if (plausible) {
    return;
  }
  believed_ = offset_of(marks.believed, now.steady);
  if (marks.other != UnixTime{}) {
    away_ = true;
    away_since_ = now.steady - std::clamp(marks.stayed, milliseconds{0}, settling);
    nearest_ = offset_of(marks.other, now.steady);
  }
  observe(now);
}

void WallClockGuard::observe(Now now) noexcept {
  now_ = now;
  const Offset course = offset_of(now.wall, now.steady);
  const Offset ahead = course - believed_;
  if (ahead == Offset{0}) {
    away_ = false;
    return;
  }
  const bool same_side = away_ && (ahead > Offset{0}) == (nearest_ > believed_);
  if (!same_side) {
    away_ = true;
    away_since_ = now.steady;
    nearest_ = course;
  } else {
    nearest_ = ahead > Offset{0} ? std::min(nearest_, course) : std::max(nearest_, course);
  }
  if (now.steady - away_since_ >= settling) {
    believed_ = nearest_;
    away_ = false;
    if (course != believed_) {
      observe(now);
    }
  }
}

UnixTime WallClockGuard::date_of(Offset course) const noexcept {
  return Now{now_.steady, UnixTimeMs{now_.steady.time_since_epoch() + course}}.unix_time();
}

UnixTime WallClockGuard::earliest() const noexcept {
  return std::min(now_.unix_time(), believed());
}

UnixTime WallClockGuard::latest() const noexcept {
  return std::max(now_.unix_time(), believed());
}

seconds WallClockGuard::doubted() const noexcept {
  const seconds ahead = now_.unix_time() - believed();
  return std::chrono::abs(ahead) > jump ? ahead : 0s;
}

WallClockGuard::Marks WallClockGuard::marks() const noexcept {
  if (!in_doubt()) {
    return {earliest(), {}, {}};
  }
  return {believed(), date_of(nearest_), now_.steady - away_since_};
}

}  // namespace toxasync::node
