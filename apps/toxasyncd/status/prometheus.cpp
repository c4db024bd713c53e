// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/prometheus.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "status/metric_help.hpp"

namespace toxasync::daemon {

namespace {

constexpr std::size_t usual_size = 16384;
constexpr std::string_view refused = "refused.";

/// Writes the text format: first a family, then its samples.
class Text {
 public:
  Text() { text_.reserve(usual_size); }

  void family(std::string_view name, std::string_view type, std::string_view help) {
    append({"# HELP ", name, " ", help, ".\n# TYPE ", name, " ", type, "\n"});
  }
  void sample(std::string_view name, std::string_view labels, std::uint64_t value) {
    sample_text(name, labels, std::to_string(value));
  }
  void seconds(std::string_view name, std::string_view labels, std::uint64_t ms) {
    sample_text(name, labels, in_seconds(ms));
  }
  void single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    family(name, type, help);
    sample(name, "", value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

  /// Milliseconds as seconds, without zeros at the end.
  static std::string in_seconds(std::uint64_t ms) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%llu.%03llu", static_cast<unsigned long long>(ms / 1000),
                  static_cast<unsigned long long>(ms % 1000));
    std::string seconds(text.data());
    seconds.erase(seconds.find_last_not_of('0') + 1);
    if (seconds.back() == '.') {
      seconds.pop_back();
    }
    return seconds;
  }

 private:
  void sample_text(std::string_view name, std::string_view labels, std::string_view value) {
    if (labels.empty()) {
      append({name, " ", value, "\n"});
    } else {
      append({name, "{", labels, "} ", value, "\n"});
    }
  }
  void append(std::initializer_list<std::string_view> parts) {
    for (const auto part : parts) {
      text_.append(part);
    }
  }

  std::string text_;
};

std::string quoted(std::string_view label, std::string_view value) {
  std::string text(label);
  text.append("=\"").append(value).append("\"");
  return text;
}

std::string metric_name(Counter counter) {
  std::string text = "toxasync_";
  text.append(name(counter)).append("_total");
  std::ranges::replace(text, '.', '_');
  return text;
}

void add_counters(Text& text, const Metrics& metrics) {
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (!name(counter).starts_with(refused) && !help_of(counter).empty()) {
      text.single(metric_name(counter), "counter", help_of(counter), metrics.value(counter));
    }
  }
  text.family("toxasync_refused_total", "counter", "Requests and packets refused, by reason");
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (name(counter).starts_with(refused) && !help_of(counter).empty()) {
      text.sample("toxasync_refused_total", quoted("reason", name(counter).substr(refused.size())),
                  metrics.value(counter));
    }
  }
}

void add_timing(Text& text, std::string_view request, const Histogram::Counts& counts) {
  const std::string label = quoted("request", request);
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts.in.size(); ++i) {
    so_far += counts.in[i];
    const bool last = i == Histogram::bounds_ms.size();
    const std::string bound =
        last ? "+Inf" : Text::in_seconds(static_cast<std::uint64_t>(Histogram::bounds_ms.at(i)));
    text.sample("toxasync_answer_seconds_bucket", label + "," + quoted("le", bound), so_far);
  }
  text.seconds("toxasync_answer_seconds_sum", label, counts.sum_ms);
  text.sample("toxasync_answer_seconds_count", label, so_far);
}

void add_timings(Text& text, const Metrics& metrics) {
  text.family("toxasync_answer_seconds", "histogram",
              "Time from a request that uses the store to its answer, with a resolution of 1 ms");
  add_timing(text, "store", metrics.timing(Timing::store));
  add_timing(text, "retrieve", metrics.timing(Timing::retrieve));
}

void add_gauges(Text& text, const NodeStats& stats) {
  const auto gauge = [&text](std::string_view name, std::string_view help, std::uint64_t value) {
    text.single(name, "gauge", help, value);
  };
  gauge("toxasync_healthy", "1 if /healthz reports no problem, else 0", stats.problems.empty() ? 1 : 0);
  gauge("toxasync_start_time_seconds", "Start time in Unix seconds", since_1970_s(stats.started));
  gauge("toxasync_capacity_bytes", "Maximum size of the stored envelopes", stats.capacity_bytes);
  gauge("toxasync_messages", "Envelopes stored now", stats.store.messages);
  gauge("toxasync_message_bytes", "Size of the envelopes stored now", stats.store.bytes);
  gauge("toxasync_tombstones", "Records of removed envelopes, kept until these would have expired",
        stats.store.tombstones);
  gauge("toxasync_sessions", "Open sessions with clients", stats.load.sessions);
  gauge("toxasync_sessions_limit", "Maximum number of sessions", stats.sessions_limit);
  gauge("toxasync_pending_requests", "Requests waiting for the store", stats.load.pending);
  gauge("toxasync_couriers", "Couriers: clients that are Tox friends of the node", stats.couriers);
  text.family("toxasync_loop_lag_seconds", "gauge", "Maximum lag of the event loop in the last minute");
  text.seconds("toxasync_loop_lag_seconds", "", static_cast<std::uint64_t>(stats.loop_lag.count()));
  text.family("toxasync_peers", "gauge", "Other nodes, by whether they answered within the last day");
  const auto answering = static_cast<std::uint64_t>(std::ranges::count_if(stats.peers, &PeerStats::answered));
  text.sample("toxasync_peers", quoted("state", "answering"), answering);
  text.sample("toxasync_peers", quoted("state", "silent"), stats.peers.size() - answering);
  text.family("toxasync_transport_packets_total", "counter", "Packets received, by transport");
  for (const TransportStats& transport : stats.transports) {
    text.sample("toxasync_transport_packets_total", quoted("transport", transport.name),
                transport.packets_in);
  }
  text.family("toxasync_build_info", "gauge", "Version of the program; the value is always 1");
  text.sample("toxasync_build_info", quoted("version", stats.version), 1);
}

}  // namespace

std::string to_prometheus(const NodeStats& stats, const Metrics& metrics) {
  Text text;
  add_gauges(text, stats);
  add_timings(text, metrics);
  add_counters(text, metrics);
  return text.take();
}

}  // namespace toxasync::daemon
