// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/json/src.hpp>  // the library itself, which is headers only so

#include <cmath>
#include <deque>
#include <optional>

#include "status/metric_help.hpp"
#include "status/status_page.hpp"

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

template <std::uint64_t Sample::*figure>
json::value count(const Sample& sample) {
  return sample.*figure;
}
template <std::uint64_t Sample::*figure>
json::value rate(const Sample& sample) {
  return thousandths(sample.per_second(sample.*figure));
}
/// Null where nothing was timed.
template <double Sample::*figure>
json::value time(const Sample& sample) {
  return sample.*figure > 0 ? json::value(thousandths(sample.*figure)) : json::value(nullptr);
}

constexpr std::array<Column, 15> columns = {{
    {"unix_s", [](const Sample& sample) { return json::value(sample.unix_s); }},
    {"messages", count<&Sample::messages>},
    {"bytes", count<&Sample::bytes>},
    {"sessions", count<&Sample::sessions>},
    {"stored_per_s", rate<&Sample::stored>},
    {"fetched_per_s", rate<&Sample::fetched>},
    {"deleted_per_s", rate<&Sample::deleted>},
    {"refused_per_s", rate<&Sample::refused>},
    {"bytes_in_per_s", rate<&Sample::bytes_in>},
    {"bytes_out_per_s", rate<&Sample::bytes_out>},
    {"store_median_ms", time<&Sample::store_median_ms>},
    {"store_most_ms", time<&Sample::store_most_ms>},
    {"retrieve_median_ms", time<&Sample::retrieve_median_ms>},
    {"retrieve_most_ms", time<&Sample::retrieve_most_ms>},
    {"lag_ms", [](const Sample& sample) { return json::value(sample.lag_ms); }},
}};

json::object history_of(const std::deque<Sample>& samples, std::int64_t step_s, std::size_t kept) {
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
  return {{"step_s", step_s}, {"kept", kept}, {"columns", std::move(names)}, {"rows", std::move(rows)}};
}

json::array peers_of(const NodeStats& figures) {
  json::array all;
  for (const PeerStats& peer : figures.peers) {
    json::object one{{"id_begins", peer.short_id}, {"named", peer.named}, {"answered", peer.answered}};
    if (peer.answered) {
      one["version"] = peer.version;
      one["capacity_bytes"] = peer.capacity_bytes;
      one["answered_s_ago"] = peer.answered_s_ago;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

std::string to_json(const NodeStats& figures, const Metrics& metrics, const History& history, bool of_day) {
  json::object refused;
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (is_refusal(counter) && metrics.value(counter) != 0) {
      refused[name(counter)] = metrics.value(counter);
    }
  }
  json::object transports;
  for (const TransportStats& transport : figures.transports) {
    transports[transport.name] = transport.packets_in;
  }
  const json::object all{
      {"version", figures.version},
      {"now", figures.now_unix_s},
      {"started", figures.started_unix_s},
      {"faults", json::array(figures.faults.begin(), figures.faults.end())},
      {"capacity_bytes", figures.capacity_bytes},
      {"messages", figures.store.messages},
      {"bytes", figures.store.bytes},
      {"tombstones", figures.store.tombstones},
      {"sessions", figures.load.sessions},
      {"refused", std::move(refused)},
      {"packets_in", std::move(transports)},
      {"peers", peers_of(figures)},
      {"history", of_day ? history_of(history.day(), History::day_step_s, History::day_kept)
                         : history_of(history.recent(), History::step_s, History::recent_kept)}};
  return json::serialize(all);
}

}  // namespace toxasync::daemon
