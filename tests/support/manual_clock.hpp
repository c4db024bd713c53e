// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace toxasync::test {

/// Time that stands still until a test moves it. Starts in the middle of an epoch (2025-06-15T15:00:00Z).
class ManualClock final : public Clock {
 public:
  static constexpr std::int64_t start_steady_ms = 1'000'000;
  static constexpr std::int64_t start_unix_s = 1'750'000'000 - 1'750'000'000 % 3600;

  [[nodiscard]] Now now() const noexcept override { return now_; }
  [[nodiscard]] std::int64_t steady_ms() const noexcept { return now_.steady_ms; }
  [[nodiscard]] std::int64_t unix_s() const noexcept { return now_.unix_s(); }

  /// Time passes, on both clocks.
  void advance_ms(std::int64_t ms) noexcept {
    now_.steady_ms += ms;
    now_.unix_ms += ms;
  }
  void advance_s(std::int64_t s) noexcept { advance_ms(s * 1000); }
  /// Lets time pass until the steady clock shows `ms`; never goes back.
  void advance_to_ms(std::int64_t ms) noexcept {
    if (ms > now_.steady_ms) {
      advance_ms(ms - now_.steady_ms);
    }
  }
  /// Somebody sets the wall clock; no time passes.
  void set_unix_s(std::int64_t s) noexcept { now_.unix_ms = s * 1000; }

 private:
  Now now_{start_steady_ms, start_unix_s * 1000};
};

}  // namespace toxasync::test
