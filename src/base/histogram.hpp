// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace toxasync {

/// How many durations fell between fixed bounds. Allocates nothing; may be counted up from any thread.
class Histogram {
 public:
  /// The upper ends, included; what is longer than the last has a counter of its own.
  static constexpr std::array<std::int64_t, 13> bounds_ms = {1,   2,   5,    10,   20,   50,   100,
                                                             200, 500, 1000, 2000, 5000, 10000};

  struct Counts {
    std::array<std::uint64_t, bounds_ms.size() + 1> in{};  ///< Of each place; not cumulative.
    std::uint64_t sum_ms = 0;

    [[nodiscard]] std::uint64_t total() const noexcept;
    /// What was added since `before`, an earlier reading of the same histogram.
    [[nodiscard]] Counts since(const Counts& before) const noexcept;
    /// The duration that the given share of them, above 0 and at most 1, does not exceed: assumed to be
    /// evenly spread between two bounds, and as the last bound beyond that. 0 if there are none.
    [[nodiscard]] double quantile_ms(double share) const noexcept;
  };

  /// A negative duration (there is none by a steady clock) counts as 0.
  void observe(milliseconds took) noexcept;
  [[nodiscard]] Counts counts() const noexcept;

 private:
  std::array<std::atomic<std::uint64_t>, bounds_ms.size() + 1> in_{};
  std::atomic<std::uint64_t> sum_ms_ = 0;
};

}  // namespace toxasync
