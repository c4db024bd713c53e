// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/retry_backoff.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/support/seeded_random.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::manager {
namespace {

constexpr Now now{SteadyTime{1000s}, {}};
constexpr milliseconds first = 5s;
constexpr milliseconds longest = 30s;

struct Fixture {
  /// How long it is waited now.
  milliseconds wait(seconds retry_after = 0s) {
    SteadyTime retry_at{};
    retries.postpone(backoff, retry_at, now, retry_after);
    return retry_at - now.steady;
  }
  const bool ready = crypto::initialise();
  test::SeededRandom random{1};
  RetryBackoff retries{random, first, longest};
  milliseconds backoff = 0s;
};

BOOST_FIXTURE_TEST_SUITE(retry_backoff, Fixture)

BOOST_AUTO_TEST_CASE(the_wait_doubles_up_to_the_longest) {
  for (const milliseconds least : {5s, 10s, 20s, 30s, 30s}) {
    const auto waited = wait();
    BOOST_TEST(waited >= least);
    BOOST_TEST(waited <= least + least / 4);
  }
}

BOOST_AUTO_TEST_CASE(a_node_may_ask_for_a_longer_wait) {
  const auto waited = wait(1min);
  BOOST_TEST(waited >= 60s);
  BOOST_TEST(waited <= 75s);
  BOOST_TEST(backoff == first);  // which does not change ours
}

BOOST_AUTO_TEST_CASE(clients_turned_away_together_come_back_apart) {
  std::set<milliseconds> waits;
  for (int i = 0; i < 50; ++i) {
    backoff = 0s;
    waits.insert(wait());
  }
  BOOST_TEST(waits.size() > 30U);
  BOOST_TEST(*waits.rbegin() - *waits.begin() > first / 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
