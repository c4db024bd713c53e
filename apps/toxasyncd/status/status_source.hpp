// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "status/node_stats.hpp"
#include "status/reading.hpp"

namespace toxasync::daemon {

/// Where the status page gets its data from.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  [[nodiscard]] virtual NodeStats stats() const = 0;
  [[nodiscard]] virtual Reading reading() const = 0;
};

}  // namespace toxasync::daemon
