// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/status_json.hpp"

#include <array>
#include <boost/json/src.hpp>  // the library itself, used as header-only
#include <cmath>
#include <deque>

#include "status/metric_help.hpp"

namespace toxasync::daemon {

namespace json = boost::json;

namespace {

/// Three digits behind the point are enough for a plot.
double thousandths(double value) {
  constexpr double parts = 1000;
  return std::round(value * parts) / parts;
}

struct Column {
  std::string_view name;
  json::value (*of)(const Sample&);
};

template <std::uint64_t NodeContents::*count>
json::value contents(const Sample& sample) {
  return sample.contents.*count;
}
template <std::uint64_t NodeActivity::*count>
json::value rate(const Sample& sample) {
  return thousandths(sample.per_second(count));
}
/// Null where nothing was timed.
template <double Sample::*time_ms>
json::value time(const Sample& sample) {
  return sample.*time_ms > 0 ? json::value(thousandths(sample.*time_ms)) : json::value(nullptr);
}

constexpr std::array<Column, 15> columns = {{
    {"unix_s", [](const Sample& sample) { return json::value(since_1970_s(sample.unix_time)); }},
    {"messages", contents<&NodeContents::messages>},
    {"bytes", contents<&NodeContents::bytes>},
    {"sessions", contents<&NodeContents::sessions>},
    {"stored_per_s", rate<&NodeActivity::stored>},
    {"fetched_per_s", rate<&NodeActivity::fetched>},
    {"deleted_per_s", rate<&NodeActivity::deleted>},
    {"refused_per_s", rate<&NodeActivity::refused>},
    {"bytes_in_per_s", rate<&NodeActivity::bytes_in>},
    {"bytes_out_per_s", rate<&NodeActivity::bytes_out>},
    {"store_median_ms", time<&Sample::store_median_ms>},
    {"store_p99_ms", time<&Sample::store_p99_ms>},
    {"retrieve_median_ms", time<&Sample::retrieve_median_ms>},
    {"retrieve_p99_ms", time<&Sample::retrieve_p99_ms>},
    {"lag_ms", [](const Sample& sample) { return json::value(sample.lag.count()); }},
}};

json::object history_of(const std::deque<Sample>& samples, seconds step, std::size_t max_rows) {
  json::array names;
  for (const Column& column : columns) {
    names.emplace_back(column.name);
  }
  json::array rows;
  rows.reserve(samples.size());
  for (const Sample& sample : samples) {
    json::array row;
    row.reserve(columns.size());
    for (const Column& column : columns) {
      row.push_back(column.of(sample));
    }
    rows.push_back(std::move(row));
  }
  return {{"step_s", step.count()},
          {"max_rows", max_rows},
          {"columns", std::move(names)},
          {"rows", std::move(rows)}};
}

json::array peers_of(const NodeStats& stats) {
  json::array all;
  for (const PeerStats& peer : stats.peers) {
    json::object one{{"id_begins", peer.short_id}, {"named", peer.named}, {"answered", peer.answered}};
    if (peer.answered) {
      one["version"] = peer.version;
      one["capacity_bytes"] = peer.capacity_bytes;
      one["answered_s_ago"] = peer.answered_ago.count();
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

std::string to_json(const NodeStats& stats, const Metrics& metrics, const History& history,
                    HistoryRange range) {
  json::object refused;
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (is_refusal(counter) && metrics.value(counter) != 0) {
      refused[name(counter)] = metrics.value(counter);
    }
  }
  json::object transports;
  for (const TransportStats& transport : stats.transports) {
    transports[transport.name] = transport.packets_in;
  }
  const json::object all{{"version", stats.version},
                         {"now", since_1970_s(stats.now)},
                         {"started", since_1970_s(stats.started)},
                         {"problems", json::array(stats.problems.begin(), stats.problems.end())},
                         {"capacity_bytes", stats.capacity_bytes},
                         {"messages", stats.store.messages},
                         {"bytes", stats.store.bytes},
                         {"tombstones", stats.store.tombstones},
                         {"sessions", stats.load.sessions},
                         {"refused", std::move(refused)},
                         {"packets_in", std::move(transports)},
                         {"peers", peers_of(stats)},
                         {"history", range == HistoryRange::day
                                         ? history_of(history.day(), History::day_step, History::max_day)
                                         : history_of(history.recent(), History::step, History::max_recent)}};
  return json::serialize(all);
}

}  // namespace toxasync::daemon
