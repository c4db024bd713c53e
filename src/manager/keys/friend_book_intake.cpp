// SPDX-License-Identifier: GPL-3.0-or-later
#include <utility>

#include "manager/keys/friend_book.hpp"

// FriendBook, what friends send: their bundles, and what they say of ours (docs/protocol.md, section 5).

namespace toxasync::manager {

bool FriendBook::on_packet(Friend& from, const protocol::FriendPacket& packet) {
  bool good = false;
  if (packet.type == protocol::FriendPacketType::bundle_head) {
    good = intake_.on_head(from, packet.message);
  } else if (packet.type == protocol::FriendPacketType::bundle_keys) {
    good = intake_.on_keys(from, packet.message);
  } else if (packet.type == protocol::FriendPacketType::bundle_taken) {
    good = on_bundle_taken(from, packet.message);
  }
  if (!good) {
    services_.telemetry.refuse(Counter::refused_bundle);
  }
  return good;
}

bool FriendBook::on_whole_bundle(Friend& from, const protocol::WholeBundle& bundle, BundleSource source) {
  const bool good = intake_.keep(from, bundle, source);
  if (!good) {
    services_.telemetry.refuse(Counter::refused_bundle);
  }
  return good;
}

void FriendBook::on_bundle_kept(Friend& from, bool first) {
  listener_.on_friend_bundle(from);
  if (first) {
    const auto now = services_.clock.now().steady;
    if (keys_.held_one_time(from.key) + again_keys > keys_held && now >= from.refill_from) {
      from.refill_from = now + refill_every;
      make_room(from, again_keys);
    }
    from.our_content = {};  // a new bundle, with keys that no other installation of theirs has
  }
  offer_bundle(from);
}

bool FriendBook::on_bundle_taken(Friend& from, ByteView message) {
  protocol::BundleTaken taken_by;
  if (wire::decode(message, taken_by) != wire::Error::none || taken_by.receiver == crypto::Instance{}) {
    return false;
  }
  const auto& [version, receiver] = taken_by;
  if (version == protocol::greeting) {
    const Installation* const held = from.installation(receiver);
    acknowledge_bundle(from, held != nullptr ? held->version : protocol::BundleVersion{receiver, 0});
    return true;
  }
  if (version.instance != from.instance) {
    return false;
  }
  if (version.version > from.our_version) {
    renew_keys(from);  // our state was restored from a copy
  } else if (version.version == 0) {
    give_bundle_anew(from, receiver);
  } else {
    bundle_confirmed(from, version.version, receiver);
  }
  return true;
}

/// The installation with which they are online has nothing of us.
void FriendBook::give_bundle_anew(Friend& who, crypto::Instance receiver) {
  if (std::exchange(who.gave_anew, true)) {
    return;
  }
  if (Installation* const installation = who.installation(receiver)) {
    installation->taken_version = 0;
  }
  who.our_content = {};
  offer_bundle(who);
}

void FriendBook::acknowledge_bundle(Friend& who, const protocol::BundleVersion& version) {
  enqueue(who, protocol::make_friend_packet(protocol::FriendPacketType::bundle_taken,
                                            protocol::BundleTaken{version, who.instance}));
}

}  // namespace toxasync::manager
