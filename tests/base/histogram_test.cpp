// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/histogram.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

namespace toxasync {
namespace {

constexpr std::size_t places = Histogram::bounds_ms.size() + 1;

BOOST_AUTO_TEST_SUITE(histogram)

BOOST_AUTO_TEST_CASE(a_duration_counts_below_the_first_bound_it_does_not_pass) {
  for (std::size_t i = 0; i < Histogram::bounds_ms.size(); ++i) {
    Histogram histogram;
    const std::int64_t bound = Histogram::bounds_ms.at(i);
    histogram.observe(milliseconds(bound));
    histogram.observe(milliseconds(bound + 1));
    const auto counts = histogram.counts();
    BOOST_TEST(counts.in.at(i) == 1U);
    BOOST_TEST(counts.in.at(i + 1) == 1U);
    BOOST_TEST(counts.total() == 2U);
    BOOST_TEST(counts.sum_ms == static_cast<std::uint64_t>(2 * bound + 1));
  }
}

BOOST_AUTO_TEST_CASE(durations_past_all_bounds_and_negative_ones_are_counted) {
  Histogram histogram;
  histogram.observe(milliseconds::max());
  BOOST_TEST(histogram.counts().in.at(places - 1) == 1U);
  histogram.observe(-5ms);
  BOOST_TEST(histogram.counts().in.at(0) == 1U);
  BOOST_TEST(histogram.counts().sum_ms == static_cast<std::uint64_t>(milliseconds::max().count()));
}

BOOST_AUTO_TEST_CASE(quantiles_lie_between_the_bounds_of_the_durations) {
  Histogram histogram;
  BOOST_TEST(histogram.counts().quantile_ms(0.5) == 0);
  for (int i = 0; i < 98; ++i) {
    histogram.observe(4ms);
  }
  histogram.observe(150ms);
  histogram.observe(150ms);
  const auto counts = histogram.counts();
  BOOST_TEST(counts.quantile_ms(0.5) > 2);
  BOOST_TEST(counts.quantile_ms(0.5) <= 5);
  BOOST_TEST(counts.quantile_ms(0.98) == 5);
  BOOST_TEST(counts.quantile_ms(0.99) > 100);
  BOOST_TEST(counts.quantile_ms(1) == 200);
  histogram.observe(99999ms);
  BOOST_TEST(histogram.counts().quantile_ms(1) == 10000);
}

BOOST_AUTO_TEST_CASE(a_difference_is_what_came_in_between) {
  Histogram histogram;
  histogram.observe(1ms);
  const auto before = histogram.counts();
  histogram.observe(30ms);
  histogram.observe(31ms);
  const auto after = histogram.counts().since(before);
  BOOST_TEST(after.total() == 2U);
  BOOST_TEST(after.sum_ms == 61U);
  BOOST_TEST(after.in.at(0) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync
