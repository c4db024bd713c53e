// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/histogram.hpp"

#include <algorithm>
#include <numeric>

namespace toxasync {

void Histogram::observe(milliseconds took) noexcept {
  const std::int64_t ms = std::max(took, 0ms).count();
  const auto place = std::ranges::lower_bound(bounds_ms, ms) - bounds_ms.begin();
  in_[static_cast<std::size_t>(place)].fetch_add(1, std::memory_order_relaxed);
  sum_ms_.fetch_add(static_cast<std::uint64_t>(ms), std::memory_order_relaxed);
}

Histogram::Counts Histogram::counts() const noexcept {
  Counts counts;
  for (std::size_t i = 0; i < in_.size(); ++i) {
    counts.in[i] = in_[i].load(std::memory_order_relaxed);
  }
  counts.sum_ms = sum_ms_.load(std::memory_order_relaxed);
  return counts;
}

std::uint64_t Histogram::Counts::total() const noexcept {
  return std::accumulate(in.begin(), in.end(), std::uint64_t{0});
}

Histogram::Counts Histogram::Counts::since(const Counts& before) const noexcept {
  Counts difference;
  for (std::size_t i = 0; i < in.size(); ++i) {
    difference.in[i] = in[i] - before.in[i];
  }
  difference.sum_ms = sum_ms - before.sum_ms;
  return difference;
}

double Histogram::Counts::quantile_ms(double share) const noexcept {
  const double wanted = share * static_cast<double>(total());
  double passed = 0;
  for (std::size_t i = 0; i < bounds_ms.size(); ++i) {
    const auto here = static_cast<double>(in[i]);
    if (here > 0 && passed + here >= wanted) {
      const auto low = static_cast<double>(i == 0 ? 0 : bounds_ms[i - 1]);
      return low + (static_cast<double>(bounds_ms[i]) - low) * (wanted - passed) / here;
    }
    passed += here;
  }
  return total() == 0 ? 0 : static_cast<double>(bounds_ms.back());
}

}  // namespace toxasync
