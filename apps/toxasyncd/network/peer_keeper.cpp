// SPDX-License-Identifier: GPL-3.0-or-later
#include "network/peer_keeper.hpp"

#include <algorithm>
#include <utility>

#include "protocol/node_descriptor.hpp"

namespace toxasync::daemon {

PeerKeeper::PeerKeeper(Transport& transport, Random& random, Telemetry telemetry, const Config& config,
                       PeerListener& listener)
    : transport_(transport),
      telemetry_(telemetry),
      self_(config.self),
      finder_(config.finder),
      listener_(listener),
      client_(transport, random, telemetry, nullptr) {
  set_named(config.named);
}

void PeerKeeper::set_named(const std::vector<client::KnownNode>& named) {
  named_.clear();
  const bool removed = std::erase_if(peers_, [&named](const auto& entry) {
                         return entry.second.named &&
                                std::ranges::find(named, entry.first, &client::KnownNode::id) == named.end();
                       }) != 0;
  for (const auto& node : named) {
    peers_[node.id].named = true;
    named_.insert(named_.end(), node.endpoints.begin(), node.endpoints.end());
  }
  if (removed) {
    notify();
  }
}

std::vector<PeerStats> PeerKeeper::stats(Now now) const {
  constexpr std::size_t short_digits = 12;
  std::vector<PeerStats> all;
  for (const auto& [id, peer] : peers_) {
    all.push_back({.short_id = to_hex(id).substr(0, short_digits),
                   .named = peer.named,
                   .answered = !peer.descriptor.empty(),
                   .version = peer.version,
                   .capacity_bytes = peer.capacity_bytes,
                   .answered_ago = std::chrono::floor<seconds>(now.steady - peer.answered_at)});
  }
  return all;
}

SteadyTime PeerKeeper::next_deadline() const noexcept {
  return std::min(next_step_, client_.next_deadline());
}

void PeerKeeper::tick(Now now) {
  client_.tick(now);
  if (now.steady < next_step_) {
    return;
  }
  next_step_ = now.steady + step;
  drop_silent(now);
  if (const auto address = next_address(now)) {
    note_asked(*address, now);
    telemetry_.count(Counter::nodes_probed);
    client_.discover(*address, *this, now);
  }
}

/// The operator's nodes first, then those that we know, then, while there is room, neighbours in the DHT.
std::optional<Endpoint> PeerKeeper::next_address(Now now) {
  for (const Endpoint& endpoint : named_) {
    if (is_due(endpoint, known_again, now)) {
      return endpoint;
    }
  }
  for (const auto& [id, peer] : peers_) {
    if (!peer.descriptor.empty() && is_due(peer.at, known_again, now)) {
      return peer.at;
    }
  }
  if (finder_ == nullptr || peers_.size() >= max_peers) {
    return std::nullopt;
  }
  for (const Endpoint& candidate : finder_->candidates()) {
    if (protocol::is_usable_address(candidate, true) && is_due(candidate, others_again, now)) {
      return candidate;
    }
  }
  return std::nullopt;
}

bool PeerKeeper::is_due(const Endpoint& endpoint, milliseconds again, Now now) const {
  const auto asked = asked_.find(endpoint);
  return asked == asked_.end() || now.steady - asked->second >= again;
}

void PeerKeeper::note_asked(const Endpoint& endpoint, Now now) {
  std::erase(asked_order_, endpoint);
  if (asked_order_.size() >= max_probed) {
    asked_.erase(asked_order_.front());
    asked_order_.pop_front();
  }
  asked_order_.push_back(endpoint);
  asked_[endpoint] = now.steady;
}

void PeerKeeper::on_discovered(client::OperationId /*id*/, const client::DiscoverResult& result,
                               Now now) noexcept {
  try {
    const auto descriptor = protocol::NodeDescriptor::decode_signed(result.descriptor);
    if (!descriptor || descriptor->id == self_ || descriptor->addresses.empty()) {
      return;  // invalid, our own, or without an address that clients could use
    }
    const bool known = peers_.contains(descriptor->id);
    if (!known && (peers_.size() >= max_peers || std::ranges::find(named_, result.at) != named_.end())) {
      // Another node answers at the address of a named one: that line is out of date.
      return telemetry_.refuse(Counter::refused_descriptor);
    }
    telemetry_.count(Counter::nodes_discovered, known ? 0 : 1);
    Peer& peer = peers_[descriptor->id];
    peer.descriptor = result.descriptor;
    peer.version = descriptor->version;
    peer.capacity_bytes = descriptor->capacity_bytes;
    peer.at = result.at;
    peer.answered_at = now.steady;
    notify();
  } catch (const std::exception&) {  // out of memory: it is probed again later
    telemetry_.refuse(Counter::refused_overloaded);
  }
}

void PeerKeeper::drop_silent(Now now) {
  bool any = false;
  for (auto at = peers_.begin(); at != peers_.end();) {
    Peer& peer = at->second;
    const bool silent = !peer.descriptor.empty() && now.steady - peer.answered_at >= expire_after;
    any = any || silent;
    if (silent && peer.named) {
      peer.descriptor.clear();
    }
    at = silent && !peer.named ? peers_.erase(at) : std::next(at);
  }
  if (any) {
    notify();
  }
}

void PeerKeeper::notify() {
  std::vector<Bytes> descriptors;
  for (const auto& [id, peer] : peers_) {
    if (!peer.descriptor.empty()) {
      descriptors.push_back(peer.descriptor);
    }
  }
  listener_.on_peers_changed(descriptors);
}

}  // namespace toxasync::daemon
