// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/time.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <type_traits>

#include "base/clock.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync {
namespace {

static_assert(!std::is_convertible_v<SteadyTime, UnixTime> && !std::is_convertible_v<UnixTime, SteadyTime>);
static_assert(!std::is_convertible_v<std::int64_t, UnixTime> &&
              !std::is_convertible_v<std::int64_t, seconds>);
static_assert(!std::is_convertible_v<milliseconds, seconds> && std::is_convertible_v<seconds, milliseconds>);

}  // namespace

BOOST_AUTO_TEST_SUITE(base_time)

BOOST_AUTO_TEST_CASE(a_date_from_elsewhere_ends_in_the_year_9999) {
  BOOST_TEST(unix_time(0) == UnixTime{});
  BOOST_TEST(unix_time(1'750'000'000) == UnixTime{1'750'000'000s});
  BOOST_TEST(unix_time(UINT64_MAX) == last_date);
  BOOST_TEST(unix_time_ms(UINT64_MAX) == UnixTimeMs{last_date});
  BOOST_TEST((unix_time(UINT64_MAX) + days(36500) > last_date));
  BOOST_TEST((unix_time(UINT64_MAX) > unix_time_ms(0)));  // compared in milliseconds
}

BOOST_AUTO_TEST_CASE(a_date_is_written_as_0_if_it_is_before_1970) {
  BOOST_TEST(since_1970_s(UnixTime{-1s}) == 0U);
  BOOST_TEST(since_1970_ms(UnixTimeMs{-1ms}) == 0U);
  BOOST_TEST(since_1970_s(UnixTime{7s}) == 7U);
  BOOST_TEST(since_1970_ms(UnixTimeMs{7ms}) == 7U);
}

BOOST_AUTO_TEST_CASE(a_duration_that_does_not_fit_is_clamped) {
  BOOST_TEST((clamped_count<std::uint32_t, seconds>(-1s) == 0U));
  BOOST_TEST((clamped_count<std::uint32_t, seconds>(14 * 24h) == 1209600U));
  BOOST_TEST((clamped_count<std::uint32_t, seconds>(seconds::max()) == UINT32_MAX));
  BOOST_TEST((clamped_count<std::uint16_t, seconds>(65536s) == UINT16_MAX));
  BOOST_TEST((clamped_count<std::uint32_t, milliseconds>(1500ms) == 1500U));
}

BOOST_AUTO_TEST_CASE(now_is_never_the_date_that_stands_for_none) {
  for (const milliseconds since_1970 : {milliseconds(-1), milliseconds(0), milliseconds(999)}) {
    BOOST_TEST((Now{{}, UnixTimeMs{since_1970}}.unix_time() == UnixTime{1s}));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync
