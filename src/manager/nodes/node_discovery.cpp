// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/node_discovery.hpp"

#include <algorithm>

namespace toxasync::manager {

void NodeDiscovery::want_homes(bool wanted) {
  if (wanted && !homes_wanted_) {
    next_ms_ = 0;
  }
  homes_wanted_ = wanted;
}

void NodeDiscovery::tick(Now now) {
  if (started_ms_ == INT64_MIN) {
    started_ms_ = now.steady_ms;
    next_ms_ = now.steady_ms + first_step_ms;
  }
  if (now.steady_ms < next_ms_) {
    return;
  }
  ask_one(now);
  probe_one(now);
  next_ms_ = next_step_ms(now);
}

bool NodeDiscovery::is_due(const BookedNode& node, Now now) const {
  const std::int64_t now_s = now.unix_s();
  if (node.asked_s > now_s) {
    return true;  // the clock was set back
  }
  if (homes_wanted_ && !book_.answers(node)) {
    return now_s - node.asked_s >= check_again_s;
  }
  return now_s >= node.ask_at_s && book_.good() < enough &&
         (homes_wanted_ || now.steady_ms - started_ms_ >= routine_after_ms);
}

/// The one that was asked longest ago, of those that were chosen before the others.
void NodeDiscovery::ask_one(Now now) {
  const BookedNode* next = nullptr;
  const auto place = [](const BookedNode& node) { return std::pair(!is_chosen(node.origin), node.asked_s); };
  book_.for_each([&](const BookedNode& node) {
    if (is_due(node, now) && (next == nullptr || place(node) < place(*next))) {
      next = &node;
    }
  });
  if (next == nullptr) {
    return;
  }
  const protocol::NodeId id = next->id;
  const auto jitter = static_cast<std::int64_t>(services_.random.below(ask_again_s / 2));
  book_.set_asked(id, now.unix_s() + ask_again_s * 3 / 4 + jitter);
  services_.telemetry.count(Counter::nodes_asked);
  services_.client.peers(id, *this, now);
}

void NodeDiscovery::probe_one(Now now) {
  if (finder_ == nullptr || book_.good() >= enough) {
    return;
  }
  for (const Endpoint& candidate : finder_->candidates()) {
    const auto probed = probed_ms_.find(candidate);
    const bool lately = probed != probed_ms_.end() && now.steady_ms - probed->second < probe_again_ms;
    if (lately || !protocol::is_usable_address(candidate, services_.config.allow_local_addresses)) {
      continue;
    }
    if (probed != probed_ms_.end()) {
      std::erase(probed_, candidate);
    } else if (probed_.size() >= probes_remembered) {
      probed_ms_.erase(probed_.front());
      probed_.pop_front();
    }
    probed_.push_back(candidate);
    probed_ms_[candidate] = now.steady_ms;
    services_.telemetry.count(Counter::nodes_probed);
    services_.client.discover(candidate, *this, now);
    return;
  }
}

/// The next one, if somebody is to be asked; else when that may be so again.
std::int64_t NodeDiscovery::next_step_ms(Now now) const {
  constexpr std::int64_t longest_ms = 3600000;
  if (finder_ != nullptr && book_.good() < enough) {
    return now.steady_ms + step_ms;
  }
  std::int64_t wait_ms = longest_ms;
  book_.for_each([&](const BookedNode& node) {
    if (is_due(node, now)) {
      wait_ms = std::min(wait_ms, step_ms);
    } else if (node.ask_at_s <= now.unix_s()) {
      wait_ms = std::min(wait_ms, routine_after_ms);
    }
  });
  return now.steady_ms + wait_ms;
}

void NodeDiscovery::on_peers(client::OperationId /*operation*/, const client::PeersResult& result,
                             Now /*now*/) noexcept {
  for (const Bytes& descriptor : result.descriptors) {
    book_.learn(descriptor, {}, Origin::peers);
  }
  if (homes_wanted_ && !result.descriptors.empty()) {
    next_ms_ = std::min(next_ms_, services_.clock.now().steady_ms + step_ms);
  }
}

void NodeDiscovery::on_discovered(client::OperationId /*operation*/, const client::DiscoverResult& result,
                                  Now /*now*/) noexcept {
  if (!result.descriptor.empty()) {
    services_.telemetry.count(Counter::nodes_discovered);
    book_.learn(result.descriptor, result.at, Origin::dht);
  }
}

}  // namespace toxasync::manager
