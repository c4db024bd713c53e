// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace toxasync {

/// The system's clocks. The steady one stands still while the machine sleeps.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const noexcept override {
    return {milliseconds(std::chrono::steady_clock::now().time_since_epoch()),
            milliseconds(std::chrono::system_clock::now().time_since_epoch())};
  }

 private:
  template <class Duration>
  static std::int64_t milliseconds(Duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }
};

}  // namespace toxasync
