// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace toxasync {

/// The system's clocks. The steady one stands still while the machine sleeps.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const noexcept override {
    return {std::chrono::floor<milliseconds>(std::chrono::steady_clock::now()),
            std::chrono::floor<milliseconds>(std::chrono::system_clock::now())};
  }
};

}  // namespace toxasync
