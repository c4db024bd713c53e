// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "hostile_friend.hpp"

// What takes many steps in a row, which free choice at every step would hardly ever make.

namespace toxasync::sim {

HostileFriend::Victim& HostileFriend::victim(const test::User& user) {
  return *std::ranges::find(victims_, &user,
                            [](const Victim& v) { return static_cast<const test::User*>(v.user); });
}

void HostileFriend::meet(const test::User& user) {
  take_what_came();
  begin(victim(user));
}

void HostileFriend::part(const test::User& user) {
  take_what_came();
  go(victim(user));
}

std::optional<crypto::Point> HostileFriend::root_of(const test::User& user) {
  take_what_came();
  const Victim& known = victim(user);
  return known.heads.empty() ? std::nullopt : std::optional(known.heads.back().root.m);
}

void HostileFriend::flood(const test::User& user, std::size_t letters, bool each_from_a_new_installation) {
  take_what_came();
  twists_.none();
  Victim& flooded = victim(user);
  if (flooded.heads.empty()) {
    return;
  }
  const protocol::BundleHead head = flooded.heads.back();
  Installation& from = flooded.installations.back();
  for (std::size_t i = 0; i < letters; ++i) {
    Forgery forgery;
    forgery.recipient = user.key;
    forgery.pre_key = head.last_resort;
    forgery.header = {{},
                      each_from_a_new_installation ? crypto::Instance{random_.u64()} : from.instance,
                      crypto::pre_key_id(forgery.pre_key),
                      random_.id<crypto::MessageId>()};
    forgery.body.kind = crypto::MessageKind::normal;
    forgery.body.sequence = forgery.body.floor = ++from.sequence;
    forgery.body.parts = 1;
    name_dates(forgery.body);
    forgery.body.text = {'x'};
    if (const auto letter = write_part(flooded, head.root, forgery)) {
      give(flooded, protocol::FriendPacketType::envelope, letter->live);
    }
  }
}

/// Of a bundle with the most nodes and addresses that fit: none that are, or those of the world with more
/// addresses.
void HostileFriend::name_strangers(const test::User& user, bool one_host) {
  twists_.none();
  Victim& told = victim(user);
  Installation& from = installation(told);
  protocol::BundleHead head = make_head(told, from);
  head.home_nodes.clear();
  const auto any_host = [this] {
    Endpoint host = nobody(random_, namer_);
    host.ip[2] = static_cast<std::uint8_t>(random_.below(256));
    return host;
  };
  const Endpoint host = any_host();
  const bool true_nodes = random_.chance(300);
  while (head.home_nodes.size() < limits::home_nodes) {
    const auto* const node = true_nodes ? client_.any_node() : nullptr;
    protocol::HomeNode named{node != nullptr ? node->id : random_.id<protocol::NodeId>(), {}};
    if (node != nullptr) {
      named.addresses.push_back({node->endpoints.front()});
    }
    while (named.addresses.size() < limits::addresses_per_node) {
      Endpoint address = one_host ? host : any_host();
      address.port = static_cast<std::uint16_t>(1 + random_.below(65535));
      named.addresses.push_back({address});
    }
    head.home_nodes.push_back(std::move(named));
  }
  sign(told, from, head);
  from.head = head;
  give(told, protocol::FriendPacketType::bundle_head, head);
  give_all_keys(told, from);
}

}  // namespace toxasync::sim
