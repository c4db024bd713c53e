// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/address_budget.hpp"

#include <algorithm>
#include <chrono>

#include "manager/core/part.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::manager {

namespace {

constexpr FriendKey nobody{};

/// Nothing for an address that is not public.
std::optional<Endpoint> host_of(const Endpoint& address) {
  if (!protocol::is_usable_address(address, false)) {
    return std::nullopt;
  }
  constexpr std::size_t ipv6_network = 8;
  Endpoint host{address.family, {}, 0};
  std::copy_n(address.ip.begin(), address.family == 4 ? 4 : ipv6_network, host.ip.begin());
  return host;
}

/// The one that was dropped, if any.
template <class Map, class When>
std::optional<typename Map::key_type> make_room(Map& map, When when) {
  if (map.size() < AddressBudget::most_remembered) {
    return std::nullopt;
  }
  const auto least = std::ranges::min_element(map, {}, [&](const auto& entry) { return when(entry.second); });
  const auto key = least->first;
  map.erase(least);
  return key;
}

struct HostRecord {
  UnixTime full_at{};
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.full_at); }
};

Bytes host_key(const Endpoint& host) {
  return state_key(Table::host, {ByteView(&host.family, 1), host.ip});
}

}  // namespace

const FriendKey* AddressBudget::payer(std::span<const FriendKey> friends, SteadyTime now) const {
  for (const FriendKey& who : friends.empty() ? std::span(&nobody, 1) : friends) {
    const auto bucket = of_friend_.find(who);
    if (bucket == of_friend_.end() || bucket->second.has(now, packets_per_friend, friend_each)) {
      return &who;
    }
  }
  return nullptr;
}

bool AddressBudget::may_send(const Endpoint& to, const Named& named, SteadyTime now) const {
  const auto tried = tried_.find(to);
  if (tried != tried_.end() && now < tried->second.next) {
    return false;
  }
  const auto host = host_of(to);
  const auto of_host = host ? of_host_.find(*host) : of_host_.end();
  const auto of_node = named.by_node ? of_node_.find(*named.by_node) : of_node_.end();
  return (of_host == of_host_.end() || of_host->second.has(now, packets_per_host, host_each)) &&
         (of_node == of_node_.end() || of_node->second.has(now, packets_per_node, node_each)) &&
         payer(named.by, now) != nullptr;
}

store::StateBatch AddressBudget::on_sent(const Endpoint& to, const Named& named, Now now) {
  store::StateBatch batch;
  if (!tried_.contains(to)) {
    make_room(tried_, [](const Tried& tried) { return tried.next; });
  }
  Tried& tried = tried_[to];
  tried.next = now.steady + pauses.at(std::min(tried.packets, pauses.size() - 1));
  ++tried.packets;
  const auto full_at = [](const Bucket& bucket) { return bucket.full_at; };
  if (const auto host = host_of(to)) {
    if (!of_host_.contains(*host)) {
      if (const auto dropped = make_room(of_host_, full_at)) {
        batch.push_back(erase_record(host_key(*dropped)));
      }
    }
    Bucket& bucket = of_host_[*host];
    bucket.spend(now.steady, host_each);
    batch.push_back(put_record(
        host_key(*host), HostRecord{std::chrono::ceil<seconds>(now.wall + (bucket.full_at - now.steady))}));
  }
  if (named.by_node) {
    if (!of_node_.contains(*named.by_node)) {
      make_room(of_node_, full_at);
    }
    of_node_[*named.by_node].spend(now.steady, node_each);
  }
  if (const FriendKey* const who = payer(named.by, now.steady)) {
    of_friend_[*who].spend(now.steady, friend_each);
  }
  return batch;
}

bool AddressBudget::load(const Telemetry& telemetry, const store::StateEntry& entry, Now now) {
  Endpoint host;
  if (entry.key.size() != 2 + host.ip.size()) {
    return false;
  }
  HostRecord record;
  if (read_record(telemetry, entry, record)) {
    host.family = entry.key[1];
    std::copy(entry.key.begin() + 2, entry.key.end(), host.ip.begin());
    const milliseconds left =
        std::clamp<milliseconds>(record.full_at - now.wall, 0ms, packets_per_host * host_each);
    of_host_[host].full_at = now.steady + left;
  }
  return true;
}

void AddressBudget::forget_full(SteadyTime now, store::StateBatch& batch) {
  std::erase_if(of_host_, [&](const auto& entry) {
    const bool full = entry.second.full_at <= now;
    if (full) {
      batch.push_back(erase_record(host_key(entry.first)));
    }
    return full;
  });
}

}  // namespace toxasync::manager
