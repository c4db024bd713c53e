// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "status/node_activity.hpp"
#include "status/node_contents.hpp"
#include "status/reading.hpp"

namespace toxasync::daemon {

/// A point of the plots: what happened between two readings.
struct Sample {
  UnixTime unix_time{};  ///< Of its end, as are the contents.
  double seconds = 0;
  NodeContents contents;
  NodeActivity activity;
  // Milliseconds from request to answer; 0 if there was none.
  double store_median_ms = 0;
  double store_p99_ms = 0;
  double retrieve_median_ms = 0;
  double retrieve_p99_ms = 0;
  milliseconds lag = 0ms;  ///< The longest.

  [[nodiscard]] static Sample between(const Reading& from, const Reading& to, milliseconds lag) noexcept;

  [[nodiscard]] double per_second(std::uint64_t NodeActivity::*count) const noexcept {
    return seconds > 0 ? static_cast<double>(activity.*count) / seconds : 0;
  }
};

}  // namespace toxasync::daemon
