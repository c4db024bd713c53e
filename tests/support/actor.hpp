// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/clock.hpp"

namespace toxasync::test {

/// Somebody in a world beside its users and nodes, who acts at times of their own.
class Actor {
 public:
  virtual ~Actor() = default;
  /// When they act next.
  [[nodiscard]] virtual SteadyTime next() const = 0;
  virtual void tick() = 0;
};

}  // namespace toxasync::test
