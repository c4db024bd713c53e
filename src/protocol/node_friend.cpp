// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/node_friend.hpp"

#include <algorithm>

#include "protocol/frame.hpp"

namespace toxasync::protocol {

static_assert(limits::frame <= limits::friend_packet);

std::optional<crypto::Point> tox_key_of(const NodeId& id) noexcept {
  return crypto::x25519_form(id.bytes());
}

ToxAddress tox_address_of(const crypto::Point& tox_key) noexcept {
  ToxAddress address{};
  std::copy(tox_key.begin(), tox_key.end(), address.begin());
  for (std::size_t i = 0; i < sizeof(node_nospam); ++i) {  // big-endian: Tox's, not ours
    address[tox_key.size() + i] = static_cast<std::uint8_t>(node_nospam >> (24 - 8 * i));
  }
  constexpr std::size_t checked = 36;
  for (std::size_t i = 0; i < checked; ++i) {
    address[checked + i % 2] ^= address[i];
  }
  return address;
}

FriendAck encode_friend_ack(std::uint32_t frames) noexcept {
  FriendAck packet{friend_ack_packet};
  store_le(frames, packet.data() + 1);
  return packet;
}

std::optional<std::uint32_t> decode_friend_ack(ByteView packet) noexcept {
  if (packet.size() != sizeof(FriendAck) || packet[0] != friend_ack_packet) {
    return std::nullopt;
  }
  return load_le<std::uint32_t>(packet.data() + 1);
}

bool is_friend_frame(ByteView packet) noexcept {
  return !packet.empty() && packet.size() <= limits::frame &&
         packet[0] >= static_cast<std::uint8_t>(FrameKind::store) &&
         packet[0] <= static_cast<std::uint8_t>(FrameKind::retrieve_response);
}

}  // namespace toxasync::protocol
