// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "hostile_friend.hpp"

// Bundle heads and keys: docs/protocol.md, section 5.

namespace toxasync::sim {

namespace {

constexpr std::size_t many_keys = 220;

}  // namespace

protocol::BundleHead HostileFriend::make_head(Victim& victim, Installation& from) {
  if (from.head && twists_("head: the last one again")) {
    return *from.head;
  }
  protocol::BundleHead head;
  name_version(victim, from, head);
  name_root(victim, from, head);
  name_keys(victim, from, head);
  name_nodes(head);
  head.use_until_s = since_1970_s(world_.clock.unix_time() + days(28));
  if (twists_("head: use-until past or far")) {
    head.use_until_s =
        random_.chance(500) ? any_number(random_) : since_1970_s(world_.clock.unix_time() - 1s);
  }
  sign(victim, from, head);
  from.head = head;
  from.version = std::max(from.version, head.version.version);
  return head;
}

void HostileFriend::name_version(Victim& victim, Installation& from, protocol::BundleHead& head) {
  const std::uint64_t date = since_1970_ms(world_.clock.now().wall);
  head.version = {from.instance, std::max(date, from.version + 1)};
  if (from.version > UINT64_MAX / 2) {
    head.version.version = from.version + 1;  // it has named the last ones: it begins again at 0
  }
  if (twists_("head: any version")) {
    head.version.version = any_number(random_);
  } else if (twists_("head: a version of the future")) {
    head.version.version = date + random_.below(UINT64_C(400) * 86'400'000);
  } else if (twists_("head: a version that it gave")) {
    head.version.version = from.version - random_.below(2);
  }
  if (twists_("head: any instance")) {
    head.version.instance = any_instance(victim);
  }
  if (twists_("head: replaces an instance")) {
    head.replaces = any_instance(victim);
  }
}

void HostileFriend::name_root(Victim& victim, Installation& from, protocol::BundleHead& head) {
  if (twists_("head: a new root")) {
    from.root = crypto::KeyPair::generate(random_);
  }
  head.root = crypto::friends_root(from.root, victim.user->key);
  ByteArray<32> shared{};
  if (crypto::x25519(shared, from.root.secret.bytes(), crypto::point_of(victim.user->key))) {
    head.root_mac = protocol::root_mac(shared, head.root.m, key(), victim.user->key, head.version);
  }
  const Victim& other = any_victim();
  if (!other.heads.empty() && twists_("head: somebody else's root")) {
    head.root = other.heads.back().root;
    head.root_mac = random_.chance(500) ? other.heads.back().root_mac : head.root_mac;
  }
  if (twists_("head: a root that is no point")) {
    head.root.m = any_point(random_);
  }
  if (twists_("head: another write secret")) {
    head.root.write_secret = crypto::Wiped<32>(random_.array<32>());
  }
  if (twists_("head: a wrong root MAC")) {
    flip_a_bit(random_, head.root_mac);
  }
}

void HostileFriend::name_keys(Victim& victim, Installation& from, protocol::BundleHead& head) {
  std::size_t count = random_.chance(300) ? 0 : random_.below(60);
  if (twists_("head: very many keys")) {
    count = random_.below(many_keys);
  }
  from.keys.clear();
  for (std::size_t i = 0; i < count; ++i) {
    // That nobody has their secret half does not show; a key agreement for each would cost the test much.
    auto key = random_.id<crypto::Point>();
    key[31] &= 0x7f;
    from.keys.push_back(key);
  }
  head.last_resort = crypto::KeyPair::generate(random_).public_key;
  if (twists_("head: a last-resort key that is none")) {
    head.last_resort = any_point(random_);
  } else if (!victim.heads.empty() && twists_("head: their own last-resort key")) {
    head.last_resort = victim.heads.back().last_resort;
  }
  if (!from.keys.empty() && twists_("head: keys that are none")) {
    one_of(random_, from.keys) = any_point(random_);
  }
  if (!from.keys.empty() && twists_("head: one key twice, or their own")) {
    one_of(random_, from.keys) =
        victim.keys.empty() || random_.chance(500) ? head.last_resort : one_of(random_, victim.keys);
  }
  head.one_time_count = static_cast<std::uint16_t>(from.keys.size());
  head.keys_hash = protocol::one_time_hash(from.keys);
  if (twists_("head: another count of keys")) {
    head.one_time_count = static_cast<std::uint16_t>(any_number(random_));
  }
  if (twists_("head: the hash of other keys")) {
    head.keys_hash = random_.array<32>();
  }
}

Endpoint HostileFriend::any_address() {
  Endpoint address = nobody(random_, namer_);
  switch (random_.below(7)) {
    case 0:
      return client_.endpoint();
    case 1:
      return one_of(random_, world_.users)->endpoint;
    case 2:
      return world_.nodes.empty() ? address : one_of(random_, world_.nodes)->endpoint;
    case 3:
      random_.fill(address.ip);
      address.family = 6;
      return address;
    case 4:
      address.port = static_cast<std::uint16_t>(random_.below(65536));
      return address;
    case 5:
      address.family = static_cast<std::uint8_t>(random_.below(8));
      return address;
    default:
      return address;
  }
}

void HostileFriend::name_nodes(protocol::BundleHead& head) {
  const bool many = twists_("head: as many nodes as fit");
  const std::size_t count = many ? limits::home_nodes : 1 + random_.below(3);
  const bool own = !own_.empty() && random_.chance(500);
  const auto first = random_.below(std::max<std::size_t>(own_.size(), 1));
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const node = own ? &own_[(first + i) % own_.size()] : client_.any_node();
    protocol::HomeNode named;
    if (node == nullptr || twists_("head: a node that does not exist")) {
      named = {random_.id<protocol::NodeId>(), {{any_address()}}};
    } else {
      named = {node->id, {{node->endpoints.front()}}};
    }
    if (twists_("head: wrong addresses of a node")) {
      named.addresses.front().endpoint = any_address();
    }
    while (named.addresses.size() < limits::addresses_per_node && (many || random_.chance(100))) {
      named.addresses.insert(named.addresses.begin() + static_cast<std::ptrdiff_t>(random_.below(2)),
                             {any_address()});
    }
    head.home_nodes.push_back(std::move(named));
  }
  if (twists_("head: one node several times")) {
    head.home_nodes.resize(limits::home_nodes, head.home_nodes.front());
  }
}

void HostileFriend::sign(Victim& victim, const Installation& from, protocol::BundleHead& head) {
  const auto& signer =
      twists_("head: another signer") ? one_of(random_, victim.installations).signer : from.signer;
  head.sign(signer, key(), victim.user->key);
  if (twists_("head: a new signer")) {
    head.sign(crypto::SigningKey(random_.array<32>()), key(), victim.user->key);
  }
  if (twists_("head: a wrong signature")) {
    flip_a_bit(random_, head.signature);
  }
}

void HostileFriend::give_head(Victim& victim) {
  give(victim, protocol::FriendPacketType::bundle_head, make_head(victim, installation(victim)));
}

void HostileFriend::give_bundle(Victim& victim) {
  Installation& from = installation(victim);
  give(victim, protocol::FriendPacketType::bundle_head, make_head(victim, from));
  give_all_keys(victim, from);
}

void HostileFriend::give_new_installation(Victim& victim) {
  Installation& from = add_installation(victim);
  give(victim, protocol::FriendPacketType::bundle_head, make_head(victim, from));
  give_all_keys(victim, from);
}

/// What others gave them is given on, as it is or signed by them.
void HostileFriend::give_heads_of_others(Victim& victim) {
  const Victim& other = any_victim();
  if (other.heads.empty()) {
    return;
  }
  protocol::BundleHead head = one_of(random_, other.heads);
  if (random_.chance(500)) {
    sign(victim, victim.installations.back(), head);
  }
  give(victim, protocol::FriendPacketType::bundle_head, head);
}

void HostileFriend::give_all_keys(Victim& victim, const Installation& from) {
  if (!from.head) {
    return;
  }
  for (std::size_t at = 0; at < from.keys.size(); at += limits::keys_per_packet) {
    const auto count = std::min(limits::keys_per_packet, from.keys.size() - at);
    const auto first = from.keys.begin() + static_cast<std::ptrdiff_t>(at);
    if (!twists_("keys: one packet is missing")) {
      give(victim, protocol::FriendPacketType::bundle_keys,
           protocol::BundleKeys{from.head->version,
                                static_cast<std::uint16_t>(at),
                                {first, first + static_cast<std::ptrdiff_t>(count)}});
    }
  }
}

void HostileFriend::give_keys(Victim& victim) {
  const Installation& from = installation(victim);
  protocol::BundleKeys keys;
  keys.version = from.head ? from.head->version : protocol::BundleVersion{from.instance, 1};
  if (twists_("keys: of any version")) {
    keys.version = {any_instance(victim), any_number(random_)};
  }
  keys.first = static_cast<std::uint16_t>(random_.chance(500) ? any_number(random_) : random_.below(200));
  const std::size_t count = 1 + random_.below(limits::keys_per_packet);
  for (std::size_t i = 0; i < count; ++i) {
    keys.keys.push_back(from.keys.empty() || random_.chance(100) ? any_point(random_)
                                                                 : one_of(random_, from.keys));
  }
  give(victim, protocol::FriendPacketType::bundle_keys, keys);
}

}  // namespace toxasync::sim
