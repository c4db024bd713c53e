// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "base/time.hpp"

namespace toxasync::test {

/// How far samples are from a distribution: the Kolmogorov-Smirnov distance, times the square root of their
/// number. Of 1000 sets of samples that have the distribution, however large they are, 1 exceeds 1.95.
constexpr double largest_misfit = 1.95;

inline double misfit(std::vector<milliseconds> samples, const std::function<double(milliseconds)>& below) {
  std::ranges::sort(samples);
  const auto count = static_cast<double>(samples.size());
  double distance = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double expected = below(samples[i]);
    const auto fewer = static_cast<double>(i);
    distance = std::max({distance, expected - fewer / count, (fewer + 1) / count - expected});
  }
  return distance * std::sqrt(count);
}

/// Intervals of a Poisson process, which tell nothing of one another (docs/protocol.md, sections 2, 4, 6 and
/// 10). At least 100 of them, so that a fixed interval, and a uniform one, misfit.
inline void check_exponential(const std::vector<milliseconds>& samples, milliseconds mean) {
  BOOST_TEST_REQUIRE(samples.size() >= 100U);
  const double found = misfit(samples, [mean](milliseconds sample) {
    return 1 - std::exp(-static_cast<double>(sample.count()) / static_cast<double>(mean.count()));
  });
  BOOST_TEST(found <= largest_misfit, found << " for a mean of " << mean.count() << " ms");
}

inline void check_uniform(const std::vector<milliseconds>& samples, milliseconds least, milliseconds most) {
  BOOST_TEST_REQUIRE(samples.size() >= 100U);
  const double found = misfit(samples, [=](milliseconds sample) {
    const auto part =
        static_cast<double>((sample - least).count()) / static_cast<double>((most - least).count());
    return std::clamp(part, 0.0, 1.0);
  });
  BOOST_TEST(found <= largest_misfit, found << " from " << least.count() << " to " << most.count() << " ms");
}

}  // namespace toxasync::test
