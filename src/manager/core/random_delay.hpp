// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/random.hpp"
#include "base/time.hpp"

namespace toxasync::manager {

/// Exponentially distributed with this mean, at most five times it: events of a Poisson process tell nothing
/// of one another (docs/protocol.md, sections 4 and 6).
inline milliseconds random_delay(Random& random, milliseconds mean) {
  constexpr double longest = 5.0;
  const double uniform = (static_cast<double>(random.u64() >> 11U) + 1.0) / 9007199254740993.0;
  const double factor = std::min(-std::log(uniform), longest);
  return milliseconds{static_cast<std::int64_t>(factor * static_cast<double>(mean.count()))};
}

}  // namespace toxasync::manager
