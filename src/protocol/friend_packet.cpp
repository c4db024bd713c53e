// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/friend_packet.hpp"

namespace toxasync::protocol {

std::optional<FriendPacket> read_friend_packet(ByteView packet) noexcept {
  if (packet.size() < limits::friend_packet_header || packet.size() > limits::friend_packet ||
      !is_friend_packet(packet) || packet[2] != friend_packet_version) {
    return std::nullopt;
  }
  const auto type = static_cast<FriendPacketType>(packet[3]);
  if (type < FriendPacketType::bundle_head || type > FriendPacketType::nack) {
    return std::nullopt;
  }
  return FriendPacket{type, packet.subspan(limits::friend_packet_header)};
}

}  // namespace toxasync::protocol
