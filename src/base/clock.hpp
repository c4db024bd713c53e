// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.hpp"

namespace toxasync {

/// One reading of both clocks. Deadlines use the steady one, protocol times the wall clock.
struct Now {
  SteadyTime steady{};
  UnixTimeMs wall{};

  /// From 1970-01-01T00:00:01Z on, whatever the wall clock says: a date of 0 stands for none.
  [[nodiscard]] constexpr UnixTime unix_time() const noexcept {
    return std::max(std::chrono::floor<seconds>(wall), UnixTime{1s});
  }
};

/// Passed in by the host; nothing in src/ reads the system's clock.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const noexcept = 0;
};

}  // namespace toxasync
