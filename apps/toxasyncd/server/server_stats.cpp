// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/server_stats.hpp"

#include <iostream>
#include <sstream>
#include <utility>

#include "status/metric_help.hpp"

namespace toxasync::daemon {

namespace {

std::uint64_t total_refused(const Metrics& metrics) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counter_count; ++i) {
    sum += is_refusal(static_cast<Counter>(i)) ? metrics.value(static_cast<Counter>(i)) : 0;
  }
  return sum;
}

}  // namespace

ServerStats::ServerStats(const Parts& parts, std::string node_address)
    : parts_(parts), node_address_(std::move(node_address)), started_(parts.clock.now()) {}

NodeStats ServerStats::stats() const {
  const Now now = parts_.clock.now();
  NodeStats all;
  all.version = TOXASYNC_VERSION;
  all.node_address = node_address_;
  all.now = now.unix_time();
  all.up = std::chrono::floor<seconds>(now.steady - started_.steady);
  all.started = all.now - all.up;
  all.store = parts_.store.stats();
  all.capacity_bytes =
      all.store.capacity_bytes != 0 ? all.store.capacity_bytes : parts_.options.capacity_bytes;
  all.load = parts_.node.load();
  all.sessions_limit = node::NodeConfig{}.sessions;
  all.couriers = parts_.transports.couriers();
  all.transports = parts_.transports.stats();
  all.peers = parts_.peers.stats(now);
  if (const seconds ahead = parts_.node.doubted_clock(); ahead != 0s) {
    all.problems.push_back(node::describe_doubted_clock(ahead));
  }
  return all;
}

Reading ServerStats::reading() const {
  const Now now = parts_.clock.now();
  const store::StoreStats stored = parts_.store.stats();
  const Metrics& metrics = parts_.metrics;
  return {.unix_time = now.unix_time(),
          .steady = now.steady,
          .contents = {.messages = stored.messages,
                       .bytes = stored.bytes,
                       .sessions = parts_.node.load().sessions},
          .activity = {.stored = metrics.value(Counter::node_stored),
                       .fetched = metrics.value(Counter::node_listed),
                       .deleted = metrics.value(Counter::node_deleted),
                       .refused = total_refused(metrics),
                       .store_failed = metrics.value(Counter::store_failed),
                       .store_full = metrics.value(Counter::refused_store_full),
                       .bytes_in = metrics.value(Counter::bytes_in),
                       .bytes_out = metrics.value(Counter::bytes_out)},
          .store_time = metrics.timing(Timing::store),
          .retrieve_time = metrics.timing(Timing::retrieve)};
}

std::string ServerStats::line() const {
  const store::StoreStats stored = parts_.store.stats();
  const Metrics& metrics = parts_.metrics;
  std::ostringstream line;
  line << "stats messages=" << stored.messages << " bytes=" << stored.bytes
       << " tombstones=" << stored.tombstones << " damaged=" << stored.damaged
       << " stored=" << metrics.value(Counter::node_stored)
       << " deleted=" << metrics.value(Counter::node_deleted) << " refused=" << total_refused(metrics);
  return line.str();
}

void ServerStats::print() const {
  for (std::size_t i = 0; parts_.options.log_level == LogLevel::debug && i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (parts_.metrics.value(counter) != 0) {
      std::cout << "counter " << name(counter) << ' ' << parts_.metrics.value(counter) << '\n';
    }
  }
  std::cout << line() << std::endl;
}

}  // namespace toxasync::daemon
