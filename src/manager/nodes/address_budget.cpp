// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/address_budget.hpp"

#include <algorithm>
#include <optional>

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

template <class Map, class When>
void make_room(Map& map, When when) {
  if (map.size() >= AddressBudget::most_remembered) {
    map.erase(std::ranges::min_element(map, {}, [&](const auto& entry) { return when(entry.second); }));
  }
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

bool AddressBudget::may_send(const Endpoint& to, std::span<const FriendKey> friends, SteadyTime now) const {
  const auto tried = tried_.find(to);
  if (tried != tried_.end() && now < tried->second.next) {
    return false;
  }
  const auto host = host_of(to);
  const auto bucket = host ? of_host_.find(*host) : of_host_.end();
  return (bucket == of_host_.end() || bucket->second.has(now, packets_per_host, host_each)) &&
         payer(friends, now) != nullptr;
}

void AddressBudget::on_sent(const Endpoint& to, std::span<const FriendKey> friends, SteadyTime now) {
  if (!tried_.contains(to)) {
    make_room(tried_, [](const Tried& tried) { return tried.next; });
  }
  Tried& tried = tried_[to];
  tried.next = now + pauses.at(std::min(tried.packets, pauses.size() - 1));
  ++tried.packets;
  if (const auto host = host_of(to)) {
    if (!of_host_.contains(*host)) {
      make_room(of_host_, [](const Bucket& bucket) { return bucket.full_at; });
    }
    of_host_[*host].spend(now, host_each);
  }
  if (const FriendKey* const who = payer(friends, now)) {
    of_friend_[*who].spend(now, friend_each);
  }
}

}  // namespace toxasync::manager
