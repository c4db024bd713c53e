// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/retry_backoff.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/support/seeded_random.hpp"

namespace toxasync::manager {
namespace {

constexpr Now now{1'000'000, 0};
constexpr std::int64_t first_ms = 5000;
constexpr std::int64_t longest_ms = 30000;

struct Fixture {
  /// How long it is waited now.
  std::int64_t wait(std::uint16_t retry_after_s = 0) {
    std::int64_t retry_at_ms = 0;
    backoff.postpone(backoff_ms, retry_at_ms, now, retry_after_s);
    return retry_at_ms - now.steady_ms;
  }
  const bool ready = crypto::initialise();
  test::SeededRandom random{1};
  RetryBackoff backoff{random, first_ms, longest_ms};
  std::int64_t backoff_ms = 0;
};

BOOST_FIXTURE_TEST_SUITE(retry_backoff, Fixture)

BOOST_AUTO_TEST_CASE(the_wait_doubles_up_to_the_longest) {
  for (const std::int64_t least : {5000, 10000, 20000, 30000, 30000}) {
    const auto waited = wait();
    BOOST_TEST(waited >= least);
    BOOST_TEST(waited <= least + least / 4);
  }
}

BOOST_AUTO_TEST_CASE(a_node_may_ask_for_a_longer_wait) {
  const auto waited = wait(60);
  BOOST_TEST(waited >= 60000);
  BOOST_TEST(waited <= 75000);
  BOOST_TEST(backoff_ms == first_ms);  // which does not change ours
}

BOOST_AUTO_TEST_CASE(clients_turned_away_together_come_back_apart) {
  std::set<std::int64_t> waits;
  for (int i = 0; i < 50; ++i) {
    backoff_ms = 0;
    waits.insert(wait());
  }
  BOOST_TEST(waits.size() > 30U);
  BOOST_TEST(*waits.rbegin() - *waits.begin() > first_ms / 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
