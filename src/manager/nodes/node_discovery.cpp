// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/node_discovery.hpp"

#include <algorithm>

namespace toxasync::manager {

void NodeDiscovery::want_homes(bool wanted) {
  if (wanted && !homes_wanted_) {
    next_ = SteadyTime{};
  }
  homes_wanted_ = wanted;
}

void NodeDiscovery::tick(Now now) {
  if (started_ == long_ago) {
    started_ = now.steady;
    next_ = now.steady + first_step;
  }
  if (now.steady < next_) {
    return;
  }
  ask_one(now);
  probe_one(now);
  next_ = next_step(now);
}

bool NodeDiscovery::is_due(const BookedNode& node, Now now) const {
  const UnixTime unix_now = now.unix_time();
  if (node.asked > unix_now) {
    return true;  // the clock was set back
  }
  if (homes_wanted_ && !book_.answers(node)) {
    return unix_now - node.asked >= check_again;
  }
  return unix_now >= node.ask_at && book_.good() < enough &&
         (homes_wanted_ || now.steady - started_ >= routine_after);
}

/// The one that was asked longest ago, of those that were chosen before the others.
void NodeDiscovery::ask_one(Now now) {
  const BookedNode* next = nullptr;
  const auto place = [](const BookedNode& node) { return std::pair(!is_chosen(node.origin), node.asked); };
  book_.for_each([&](const BookedNode& node) {
    if (is_due(node, now) && (next == nullptr || place(node) < place(*next))) {
      next = &node;
    }
  });
  if (next == nullptr) {
    return;
  }
  const protocol::NodeId id = next->id;
  book_.set_asked(id, now.unix_time() + ask_again * 3 / 4 + services_.random.below(ask_again / 2));
  services_.telemetry.count(Counter::nodes_asked);
  services_.client.peers(id, *this, now);
}

void NodeDiscovery::probe_one(Now now) {
  if (finder_ == nullptr || book_.good() >= enough) {
    return;
  }
  for (const Endpoint& candidate : finder_->candidates()) {
    const auto probed = probed_at_.find(candidate);
    const bool lately = probed != probed_at_.end() && now.steady - probed->second < probe_again;
    if (lately || !protocol::is_usable_address(candidate, services_.config.allow_local_addresses)) {
      continue;
    }
    if (probed != probed_at_.end()) {
      std::erase(probed_, candidate);
    } else if (probed_.size() >= probes_remembered) {
      probed_at_.erase(probed_.front());
      probed_.pop_front();
    }
    probed_.push_back(candidate);
    probed_at_[candidate] = now.steady;
    services_.telemetry.count(Counter::nodes_probed);
    services_.client.discover(candidate, *this, now);
    return;
  }
}

/// The next one, if somebody is to be asked; else when that may be so again.
SteadyTime NodeDiscovery::next_step(Now now) const {
  constexpr milliseconds longest = 1h;
  if (finder_ != nullptr && book_.good() < enough) {
    return now.steady + step;
  }
  milliseconds wait = longest;
  book_.for_each([&](const BookedNode& node) {
    if (is_due(node, now)) {
      wait = std::min(wait, step);
    } else if (node.ask_at <= now.unix_time()) {
      wait = std::min(wait, routine_after);
    }
  });
  return now.steady + wait;
}

void NodeDiscovery::on_peers(client::OperationId /*operation*/, const client::PeersResult& result,
                             Now /*now*/) {
  for (const Bytes& descriptor : result.descriptors) {
    book_.learn(descriptor, {}, Origin::peers);
  }
  if (homes_wanted_ && !result.descriptors.empty()) {
    next_ = std::min(next_, services_.clock.now().steady + step);
  }
}

void NodeDiscovery::on_discovered(client::OperationId /*operation*/, const client::DiscoverResult& result,
                                  Now /*now*/) {
  if (!result.descriptor.empty()) {
    services_.telemetry.count(Counter::nodes_discovered);
    book_.learn(result.descriptor, result.at, Origin::dht);
  }
}

}  // namespace toxasync::manager
