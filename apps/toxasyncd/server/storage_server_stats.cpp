// SPDX-License-Identifier: GPL-3.0-or-later
// What the storage server tells of itself.
#include <iostream>
#include <sstream>

#include "adapters/addresses/node_address.hpp"
#include "server/storage_server.hpp"
#include "status/metric_help.hpp"

namespace toxasync::daemon {

namespace {

std::uint64_t refused_in_all(const Metrics& metrics) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counter_count; ++i) {
    sum += is_refusal(static_cast<Counter>(i)) ? metrics.value(static_cast<Counter>(i)) : 0;
  }
  return sum;
}

}  // namespace

NodeStats StorageServer::figures() const {
  const Now now = clock_.now();
  NodeStats all;
  all.version = TOXASYNC_VERSION;
  all.node_address = format_node_address({keys_->id(), endpoints_});
  all.now_unix_s = now.unix_s();
  all.up_s = (now.steady_ms - started_.steady_ms) / 1000;
  all.started_unix_s = all.now_unix_s - all.up_s;
  all.store = store_->stats();
  all.capacity_bytes = all.store.capacity_bytes != 0 ? all.store.capacity_bytes : options_.capacity_bytes;
  all.load = node_->load();
  all.sessions_limit = node::NodeConfig{}.sessions;
  all.couriers = transports_->couriers();
  all.transports = transports_->figures();
  all.peers = peers_->figures(now);
  return all;
}

Reading StorageServer::reading() const {
  const Now now = clock_.now();
  const store::StoreStats kept = store_->stats();
  return {.unix_s = now.unix_s(),
          .steady_ms = now.steady_ms,
          .messages = kept.messages,
          .bytes = kept.bytes,
          .sessions = node_->load().sessions,
          .stored = metrics_.value(Counter::node_stored),
          .fetched = metrics_.value(Counter::node_listed),
          .deleted = metrics_.value(Counter::node_deleted),
          .refused = refused_in_all(metrics_),
          .store_failed = metrics_.value(Counter::store_failed),
          .store_full = metrics_.value(Counter::refused_store_full),
          .bytes_in = metrics_.value(Counter::bytes_in),
          .bytes_out = metrics_.value(Counter::bytes_out),
          .store_time = metrics_.timing(Timing::store),
          .retrieve_time = metrics_.timing(Timing::retrieve)};
}

void StorageServer::announce() {
  std::cout << "toxasyncd: node address " << format_node_address({keys_->id(), endpoints_}) << '\n';
  if (const auto key = transports_->relay_key()) {
    std::cout << "toxasyncd: TCP relay on port " << options_.tcp_port << " with DHT key " << to_hex(*key)
              << '\n';
  }
  std::cout << "toxasyncd: ready transports=" << transports_->names() << std::endl;
  manager_.ready(serving());
}

std::string StorageServer::serving() const {
  return "serving by " + transports_->names();
}

std::string StorageServer::stats_line() const {
  const store::StoreStats kept = store_->stats();
  std::ostringstream line;
  line << "stats messages=" << kept.messages << " bytes=" << kept.bytes << " tombstones=" << kept.tombstones
       << " damaged=" << kept.damaged << " stored=" << metrics_.value(Counter::node_stored)
       << " deleted=" << metrics_.value(Counter::node_deleted) << " refused=" << refused_in_all(metrics_);
  return line.str();
}

void StorageServer::print_stats() const {
  for (std::size_t i = 0; options_.log_level == LogLevel::debug && i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (metrics_.value(counter) != 0) {
      std::cout << "counter " << name(counter) << ' ' << metrics_.value(counter) << '\n';
    }
  }
  std::cout << stats_line() << std::endl;
}

}  // namespace toxasync::daemon
