// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "hostile_friend.hpp"

// Packets over the friend channel, but for bundles: docs/protocol.md, section 5.

namespace toxasync::sim {

namespace {

constexpr std::size_t remembered_packets = 50;

}  // namespace

void HostileFriend::give(Victim& victim, Bytes packet) {
  if (packet.empty()) {
    return;
  }
  if (twists_("packet: flips a bit")) {
    flip_a_bit(random_, packet);
  }
  if (twists_("packet: cuts it or adds to it")) {
    packet.resize(std::min<std::size_t>(limits::friend_packet, random_.below(2 * packet.size() + 1)));
  }
  if (reachable(victim)) {
    const test::ProductCode product;
    victim.user->manager->on_friend_packet(key(), packet);
  }
  remember(victim.packets, std::move(packet), remembered_packets);
}

crypto::Instance HostileFriend::any_instance(Victim& victim) {
  switch (random_.below(5)) {
    case 0:
      return crypto::Instance{random_.u64()};
    case 1:
      return crypto::Instance{any_number(random_)};
    case 2: {
      const Victim& other = any_victim();
      return other.heads.empty() ? crypto::Instance{} : one_of(random_, other.heads).version.instance;
    }
    case 3:
      return one_of(random_, any_victim().installations).instance;
    default:
      return one_of(random_, victim.installations).instance;
  }
}

crypto::MessageId HostileFriend::any_id(Victim& victim) {
  if (heard_of && temper_.does("names a message of somebody else")) {
    if (const auto id = heard_of()) {
      return *id;
    }
  }
  const Victim& other = temper_.does("names a message to another friend") ? any_victim() : victim;
  if (!other.letters.empty() && random_.chance(300)) {
    return one_of(random_, other.letters).id;
  }
  return other.received.empty() || random_.chance(200) ? random_.id<crypto::MessageId>()
                                                       : one_of(random_, other.received);
}

void HostileFriend::give_taken(Victim& victim) {
  protocol::BundleTaken taken;
  if (!victim.heads.empty()) {
    taken.version = one_of(random_, victim.heads).version;
  }
  if (twists_("taken: a version never made")) {
    taken.version.version = any_number(random_);
  }
  if (twists_("taken: any instance")) {
    taken.version.instance = any_instance(victim);
  }
  taken.receiver =
      twists_("taken: by any instance") ? any_instance(victim) : victim.installations.back().instance;
  give(victim, protocol::FriendPacketType::bundle_taken, taken);
}

void HostileFriend::give_greeting(Victim& victim) {
  const auto from = twists_("greets as any instance") ? any_instance(victim) : installation(victim).instance;
  give(victim, protocol::FriendPacketType::bundle_taken, protocol::BundleTaken{protocol::greeting, from});
}

void HostileFriend::give_ids(Victim& victim, protocol::FriendPacketType type) {
  protocol::LiveReceipt receipt;
  receipt.instance = twists_("receipt: any instance") ? any_instance(victim) : installation(victim).instance;
  const std::size_t count =
      twists_("receipt: as many ids as fit") ? limits::receipt_ids : 1 + random_.below(5);
  for (std::size_t i = 0; i < count; ++i) {
    receipt.ids.push_back(any_id(victim));
  }
  give(victim, type, receipt);
}

void HostileFriend::give_receipt(Victim& victim) {
  give_ids(victim, protocol::FriendPacketType::receipt);
}

void HostileFriend::give_nack(Victim& victim) {
  give_ids(victim, protocol::FriendPacketType::nack);
}

/// Of one message, in any order, and some of them again.
void HostileFriend::give_receipts_of_several(Victim& victim) {
  const auto id = any_id(victim);
  for (std::uint64_t i = 1 + random_.below(6); i > 0; --i) {
    give(victim, protocol::FriendPacketType::receipt,
         protocol::LiveReceipt{one_of(random_, victim.installations).instance, {id}});
  }
}

void HostileFriend::give_letter(Victim& victim) {
  for (Letter& letter : write_letters(victim)) {
    if (twists_("live: in another mailbox")) {
      letter.live.mailbox = any_point(random_);
    }
    if (twists_("live: of any epoch")) {
      letter.live.epoch = static_cast<crypto::Epoch>(any_number(random_));
    }
    give(victim, protocol::FriendPacketType::envelope, letter.live);
  }
}

void HostileFriend::give_many_letters(Victim& victim) {
  const std::size_t count = random_.below(300);
  for (std::size_t i = 0; i < count; ++i) {
    give_letter(victim);
  }
}

/// Random bytes, with a first byte or a whole beginning that is right.
void HostileFriend::give_junk(Victim& victim) {
  Bytes packet = any_bytes(random_, random_.below(limits::friend_packet + 1));
  const Bytes start{protocol::friend_packet_id, protocol::friend_packet_magic,
                    protocol::friend_packet_version, static_cast<std::uint8_t>(random_.below(9))};
  std::copy_n(start.begin(), std::min(packet.size(), random_.below(start.size() + 1)), packet.begin());
  give(victim, std::move(packet));
}

void HostileFriend::give_earlier(Victim& victim) {
  const Victim& other = twists_("packet: to another friend") ? any_victim() : victim;
  if (!other.packets.empty()) {
    give(victim, Bytes(one_of(random_, other.packets)));
  }
}

}  // namespace toxasync::sim
