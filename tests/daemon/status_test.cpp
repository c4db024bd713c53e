// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

#include "config/settings.hpp"
#include "status/history.hpp"
#include "status/http_server.hpp"
#include "status/metric_help.hpp"
#include "status/prometheus.hpp"
#include "status/status_json.hpp"
#include "status/status_page.hpp"
#include "status/status_site.hpp"

using namespace toxasync;
using namespace toxasync::daemon;

namespace {

constexpr UnixTime start{500'000h};

Reading reading_at(seconds time) {
  Reading reading;
  reading.unix_time = start + time;
  reading.steady = SteadyTime{time};
  return reading;
}

NodeStats some_stats() {
  NodeStats stats;
  stats.version = "1.2.3";
  stats.node_address = "toxasync:" + std::string(64, 'a') + "@192.0.2.1:1";
  stats.capacity_bytes = 1ULL << 30;
  return stats;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(status)

BOOST_AUTO_TEST_CASE(every_counter_of_a_node_has_a_help_text) {
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    BOOST_TEST(help_of(counter) != name(counter),
               "metric_help.cpp: give " << name(counter) << " words, or count it to the clients' own");
  }
  BOOST_TEST(help_of(Counter::messages_queued).empty());
  BOOST_TEST(is_refusal(Counter::refused_rate));
  BOOST_TEST(!is_refusal(Counter::refused_cookie));
  BOOST_TEST(!is_refusal(Counter::store_failed));
}

BOOST_AUTO_TEST_CASE(the_host_must_be_an_address_or_a_configured_name) {
  const std::vector<std::string> names = {"node.example"};
  for (const char* const good : {"127.0.0.1", "127.0.0.1:1", "192.0.2.9:33501", "[::1]", "[::1]:33501",
                                 "localhost", "LocalHost:1", "node.example", "NODE.example:2"}) {
    BOOST_TEST(is_own_host(good, names), good);
  }
  for (const char* const bad :
       {"", ":80", "evil.example", "node.example.evil", "localhost.evil", "127.0.0.1.evil", "[node.example]",
        "[", "[::1", "node.example@evil", "0x7f.1"}) {
    BOOST_TEST(!is_own_host(bad, names), bad);
  }
}

BOOST_AUTO_TEST_CASE(history_keeps_ten_minutes_and_a_day) {
  History history(reading_at(0s));
  constexpr seconds two_days = days(2);
  for (seconds at = History::step; at <= two_days; at += History::step) {
    Reading reading = reading_at(at);
    reading.activity.stored = static_cast<std::uint64_t>(at.count());  // one a second
    history.add(reading, at % 1min == 30s ? 7ms : 0ms);
  }
  BOOST_TEST(history.recent().size() == History::max_recent);
  BOOST_TEST(history.day().size() == History::max_day);
  BOOST_TEST((history.recent().back().unix_time == start + two_days));
  BOOST_TEST(history.recent().back().activity.stored == 5U);
  BOOST_TEST(history.day().back().activity.stored == 60U);
  BOOST_TEST(history.day().back().per_second(&NodeActivity::stored) == 1);
  BOOST_TEST((history.day().back().lag == 7ms));
  BOOST_TEST(history.recent_as_one().activity.stored == 600U);
  BOOST_TEST(history.recent_as_one().seconds == 600);
  BOOST_TEST(history.last_minute(&NodeActivity::stored) == 60U);
  BOOST_TEST((history.lag_of_last_minute() == 7ms));
}

BOOST_AUTO_TEST_CASE(a_problem_is_reported_for_one_minute) {
  const auto faults_after = [](std::uint64_t failed, std::uint64_t full, milliseconds lag, seconds until) {
    History history(reading_at(0s));
    Reading reading = reading_at(5s);
    reading.activity.store_failed = failed;
    reading.activity.store_full = full;
    history.add(reading, lag);
    for (seconds at = 10s; at <= until; at += 5s) {
      reading.steady = SteadyTime{at};
      history.add(reading, 0ms);
    }
    return problems_of(history);
  };
  BOOST_TEST(faults_after(0, 0, 1000ms, 5s).empty());
  BOOST_TEST(faults_after(1, 0, 0ms, 5s).at(0).find("failed because of the disk") != std::string::npos);
  BOOST_TEST(faults_after(0, 1, 0ms, 5s).at(0).find("full") != std::string::npos);
  BOOST_TEST(faults_after(0, 0, 1001ms, 5s).at(0).find("late by 1001 ms") != std::string::npos);
  BOOST_TEST(faults_after(1, 1, 1001ms, 60s).size() == 3U);
  BOOST_TEST(faults_after(1, 1, 1001ms, 65s).empty());
}

BOOST_AUTO_TEST_CASE(json_rows_match_the_listed_columns) {
  History history(reading_at(0s));
  for (seconds at = 5s; at <= 2min; at += 5s) {
    history.add(reading_at(at), 0ms);
  }
  const Metrics metrics;
  const auto all = boost::json::parse(to_json(some_stats(), metrics, history, HistoryRange::day)).as_object();
  const auto& told = all.at("history").as_object();
  BOOST_TEST(told.at("rows").as_array().size() == 2U);
  BOOST_TEST(told.at("rows").as_array().front().as_array().size() == told.at("columns").as_array().size());
  BOOST_TEST(told.at("rows").as_array().front().as_array().front().as_int64() == 1'800'000'060);
}

BOOST_AUTO_TEST_CASE(values_are_escaped_on_the_status_page) {
  NodeStats stats = some_stats();
  stats.problems = {"<script>alert(\"x\") & {{nonce}}</script>"};
  stats.transports.push_back({"udp", "<b>", 1});
  const Metrics metrics;
  const History history(reading_at(0s));
  const std::string page = to_page(stats, metrics, history, "n0nce");
  BOOST_TEST(page.find("&lt;script&gt;alert(&quot;x&quot;) &amp; {{nonce}}&lt;/script&gt;") !=
             std::string::npos);
  BOOST_TEST(page.find("<b>") == std::string::npos);
  BOOST_TEST(page.find("✗ Degraded") != std::string::npos);
  std::size_t scripts = 0;
  for (auto at = page.find("<script"); at != std::string::npos; at = page.find("<script", at + 1)) {
    scripts += page.compare(at, 23, "<script nonce=\"n0nce\">\n") == 0 ? 1 : 100;
  }
  BOOST_TEST(scripts == 1U);
  BOOST_TEST(page.find("style=") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(prometheus_seconds_have_millisecond_resolution) {
  Metrics metrics;
  metrics.observe(Timing::store, 1ms);
  metrics.observe(Timing::store, 1234ms);
  const std::string text = to_prometheus(some_stats(), metrics);
  BOOST_TEST(text.find("toxasync_answer_seconds_sum{request=\"store\"} 1.235\n") != std::string::npos);
  BOOST_TEST(text.find("toxasync_answer_seconds_bucket{request=\"store\",le=\"0.001\"} 1\n") !=
             std::string::npos);
  BOOST_TEST(text.find("toxasync_answer_seconds_bucket{request=\"store\",le=\"2\"} 2\n") !=
             std::string::npos);
  BOOST_TEST(text.find("toxasync_answer_seconds_sum{request=\"retrieve\"} 0\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
