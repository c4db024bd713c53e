// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync {

/// One reading of both clocks. Deadlines use the steady one, protocol times the wall clock.
struct Now {
  std::int64_t steady_ms = 0;  ///< Milliseconds since an arbitrary start; never goes back.
  std::int64_t unix_ms = 0;    ///< Milliseconds since 1970-01-01T00:00:00Z; may jump.

  [[nodiscard]] constexpr std::int64_t unix_s() const noexcept { return unix_ms / 1000; }
};

/// Passed in by the host; nothing in src/ reads the system's clock.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const noexcept = 0;
};

}  // namespace toxasync
