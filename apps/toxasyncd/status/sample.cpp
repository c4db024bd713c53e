// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/sample.hpp"

namespace toxasync::daemon {

Sample Sample::between(const Reading& from, const Reading& to, milliseconds lag) noexcept {
  constexpr double median = 0.5;
  constexpr double p99 = 0.99;
  const auto store = to.store_time.since(from.store_time);
  const auto retrieve = to.retrieve_time.since(from.retrieve_time);
  return {.unix_time = to.unix_time,
          .seconds = std::chrono::duration<double>(to.steady - from.steady).count(),
          .contents = to.contents,
          .activity = to.activity.since(from.activity),
          .store_median_ms = store.quantile_ms(median),
          .store_p99_ms = store.quantile_ms(p99),
          .retrieve_median_ms = retrieve.quantile_ms(median),
          .retrieve_p99_ms = retrieve.quantile_ms(p99),
          .lag = lag};
}

}  // namespace toxasync::daemon
