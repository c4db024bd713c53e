// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/clock.hpp"

namespace toxasync::test {

/// Time that stands still until a test moves it. Starts in the middle of an epoch (2025-06-15T15:00:00Z).
class ManualClock final : public Clock {
 public:
  static constexpr SteadyTime start_steady{1000s};
  static constexpr UnixTime start_unix{486'111h};

  [[nodiscard]] Now now() const noexcept override { return now_; }
  [[nodiscard]] SteadyTime steady() const noexcept { return now_.steady; }
  [[nodiscard]] UnixTime unix_time() const noexcept { return now_.unix_time(); }

  /// Time passes, on both clocks.
  void advance(milliseconds time) noexcept {
    now_.steady += time;
    now_.wall += time;
  }
  /// Lets time pass until the steady clock shows `time`; never goes back.
  void advance_to(SteadyTime time) noexcept {
    if (time > now_.steady) {
      advance(time - now_.steady);
    }
  }
  /// Somebody sets the wall clock; no time passes.
  void set_unix(UnixTime time) noexcept { now_.wall = time; }

 private:
  Now now_{start_steady, start_unix};
};

}  // namespace toxasync::test
