// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bundle.hpp"
#include "protocol/friend_packet.hpp"
#include "protocol/live.hpp"
#include "protocol/node_friend.hpp"
#include "target.hpp"

// Custom packets of toxcore friends: of people (the whole packet, then its message), and of couriers and
// nodes.

namespace {

using namespace toxasync;

template <class Message>
void message_round_trip(const protocol::FriendPacket& packet, ByteView whole) {
  fuzz::round_trip<Message>(packet.message);
  Message message;
  if (wire::decode(packet.message, message) == wire::Error::none) {
    fuzz::check(fuzz::same(protocol::make_friend_packet(packet.type, message), whole),
                "a friend packet is made of the bytes it was read from");
  }
}

void read(ByteView in) {
  const auto packet = protocol::read_friend_packet(in);
  if (!packet) {
    return;
  }
  fuzz::check(protocol::is_friend_packet(in), "what reads as a friend packet is one");
  switch (packet->type) {
    case protocol::FriendPacketType::bundle_head:
      return message_round_trip<protocol::BundleHead>(*packet, in);
    case protocol::FriendPacketType::bundle_keys:
      return message_round_trip<protocol::BundleKeys>(*packet, in);
    case protocol::FriendPacketType::bundle_taken:
      return message_round_trip<protocol::BundleTaken>(*packet, in);
    case protocol::FriendPacketType::envelope:
      return message_round_trip<protocol::LiveEnvelope>(*packet, in);
    case protocol::FriendPacketType::receipt:
    case protocol::FriendPacketType::nack:
      return message_round_trip<protocol::LiveReceipt>(*packet, in);
  }
  fuzz::check(false, "a friend packet that was read is of a known type");
}

}  // namespace

TOXASYNC_FUZZ_TARGET(friend_packet) {
  read(in);
  if (const auto frames = protocol::decode_friend_ack(in)) {
    fuzz::check(fuzz::same(protocol::encode_friend_ack(*frames), in), "an acknowledgement has one encoding");
    fuzz::check(!protocol::is_friend_frame(in), "an acknowledgement is not a frame");
  }
  fuzz::check(!protocol::is_friend_frame(in) || !protocol::is_friend_packet(in),
              "no packet is both a person's and a courier's");
}
