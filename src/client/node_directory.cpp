// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/node_directory.hpp"

#include <algorithm>

namespace toxasync::client {

namespace {

bool is_over_at(const protocol::NodeDescriptor& descriptor, Now now) noexcept {
  return now.unix_time() > unix_time(descriptor.valid_until_s) + descriptor_tolerance;
}

bool is_valid_at(const protocol::NodeDescriptor& descriptor, Now now) noexcept {
  const UnixTime from = unix_time(descriptor.valid_from_s);
  return from - descriptor_tolerance <= now.unix_time() && !is_over_at(descriptor, now);
}

}  // namespace

std::optional<protocol::NodeDescriptor> read_valid_descriptor(ByteView bytes, Now now) {
  auto read = protocol::NodeDescriptor::decode_signed(bytes);
  return read && is_valid_at(*read, now) ? std::move(read) : std::nullopt;
}

const Endpoint* NodeEntry::endpoint(std::size_t turn) const noexcept {
  const auto& endpoints = known.endpoints;
  return endpoints.empty() ? nullptr : &endpoints[turn % endpoints.size()];
}

std::optional<protocol::NodeDescriptor> NodeEntry::read_descriptor(ByteView bytes,
                                                                   std::optional<Now> now) const {
  const bool is_known = descriptor && std::ranges::equal(bytes, descriptor_bytes);
  auto read = is_known ? descriptor : protocol::NodeDescriptor::decode_signed(bytes);
  const bool good = read && read->id == known.id && (!now || !is_over_at(*read, *now));
  return good ? std::move(read) : std::nullopt;
}

void NodeEntry::adopt(protocol::NodeDescriptor&& fresh, ByteView bytes) {
  status.capacity_bytes = fresh.capacity_bytes;
  descriptor_proven = descriptor_proven && std::ranges::equal(bytes, descriptor_bytes);
  descriptor_bytes.assign(bytes.begin(), bytes.end());
  descriptor = std::move(fresh);
}

void NodeEntry::answered(const Endpoint& from, UnixTime node_time, Now now) noexcept {
  status.answered = true;
  status.last_answer = now.unix_time();
  status.clock_ahead = node_time - now.unix_time();
  status.failures_in_a_row = 0;
  const auto at = std::ranges::find(known.endpoints, from);
  if (at != known.endpoints.end()) {  // else a relay or another address of the node answered
    preferred = static_cast<std::size_t>(at - known.endpoints.begin());
  }
}

void NodeEntry::failed(std::size_t first, std::size_t attempts) noexcept {
  ++status.failures_in_a_row;
  if (known.endpoints.size() > attempts) {
    preferred = (first + attempts) % known.endpoints.size();
  }
}

void NodeEntry::retrieved(bool turned_away, milliseconds wait, SteadyTime now) noexcept {
  if (!turned_away) {
    stores_wait_until = long_ago;
    stores_wait_from = long_ago;
  } else if (stores_wait_from <= now) {  // a node that always turns retrieves away still gets mail
    stores_wait_until = now + wait;
    stores_wait_from = now + 2 * wait;
  }
}

SteadyTime NodeDirectory::next_stores_again(SteadyTime now) const noexcept {
  SteadyTime next = never;
  for (const auto& [id, node] : nodes_) {
    next = node.stores_wait_until > now ? std::min(next, node.stores_wait_until) : next;
  }
  return next;
}

void NodeDirectory::set(const KnownNode& node) {
  NodeEntry& entry = nodes_[node.id];
  if (entry.known.endpoints != node.endpoints) {
    entry.preferred = 0;
  }
  entry.known = node;
}

NodeEntry* NodeDirectory::find(const protocol::NodeId& id) noexcept {
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? nullptr : &at->second;
}

const NodeEntry* NodeDirectory::find(const protocol::NodeId& id) const noexcept {
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? nullptr : &at->second;
}

}  // namespace toxasync::client
