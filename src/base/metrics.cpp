// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/metrics.hpp"

namespace toxasync {

std::string_view name(Counter counter) noexcept {
  static constexpr std::array<std::string_view, counter_count> names = {
#define TOXASYNC_COUNTER_NAME(identifier, text) std::string_view(text),
      TOXASYNC_COUNTERS(TOXASYNC_COUNTER_NAME)
#undef TOXASYNC_COUNTER_NAME
  };
  const auto index = static_cast<std::size_t>(counter);
  return index < names.size() ? names[index] : "unknown";
}

}  // namespace toxasync
