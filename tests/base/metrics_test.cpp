// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/metrics.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace toxasync {
namespace {

class RecordingLog final : public Log {
 public:
  explicit RecordingLog(LogLevel least) : least_(least) {}
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= least_; }
  void write(LogLevel, std::string_view area, std::string_view message) noexcept override {
    lines.push_back(std::string(area) + ": " + std::string(message));
  }
  std::vector<std::string> lines;

 private:
  LogLevel least_;
};

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(every_counter_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto text = name(static_cast<Counter>(i));
    BOOST_TEST(text.find('.') != std::string_view::npos, text << " has no area");
    BOOST_TEST(names.insert(text).second, text << " is used twice");
  }
  BOOST_TEST(name(Counter::frames_in) == "frames.in");
  BOOST_TEST(name(Counter::receipts_received) == "receipts.received");
  BOOST_TEST(name(Counter::count_) == "unknown");
}

BOOST_AUTO_TEST_CASE(counters_count_alone) {
  Metrics metrics;
  metrics.add(Counter::bytes_in, 5);
  metrics.add(Counter::bytes_in);
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    BOOST_TEST(metrics.value(counter) == (counter == Counter::bytes_in ? 6U : 0U));
  }
}

BOOST_AUTO_TEST_CASE(counts_from_several_threads_are_not_lost) {
  Metrics metrics;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics] {
      for (int k = 0; k < 10000; ++k) {
        metrics.add(Counter::frames_in);
      }
    });
  }
  threads.clear();
  BOOST_TEST(metrics.value(Counter::frames_in) == 40000U);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_counted_always_and_logged_by_name_only_at_debug) {
  Metrics metrics;
  RecordingLog quiet(LogLevel::info);
  RecordingLog loud(LogLevel::debug);
  Telemetry(metrics, quiet).refuse(Counter::refused_cookie);
  Telemetry(metrics, loud).refuse(Counter::refused_cookie);
  BOOST_TEST(metrics.value(Counter::refused_cookie) == 2U);
  BOOST_TEST(quiet.lines.empty());
  BOOST_REQUIRE(loud.lines.size() == 1U);
  BOOST_TEST(loud.lines.front() == "refused: refused.cookie");
}

BOOST_AUTO_TEST_CASE(a_line_below_the_level_is_not_written) {
  Metrics metrics;
  RecordingLog log(LogLevel::warning);
  const Telemetry telemetry(metrics, log);
  telemetry.log(LogLevel::info, "node", "hidden");
  telemetry.log(LogLevel::error, "node", "shown");
  BOOST_REQUIRE(log.lines.size() == 1U);
  BOOST_TEST(log.lines.front() == "node: shown");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync
