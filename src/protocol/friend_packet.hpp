// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "wire/archive.hpp"

// What travels over toxcore's friend channel: docs/protocol.md, section 5.

namespace toxasync::protocol {

constexpr std::uint8_t friend_packet_id = 190;
constexpr std::uint8_t friend_packet_magic = 0x74;
constexpr std::uint8_t friend_packet_version = 1;

enum class FriendPacketType : std::uint8_t {
  bundle_head = 1,
  bundle_keys = 2,
  bundle_taken = 3,
  envelope = 4,
  receipt = 5,
  nack = 6,
};

/// Whether a custom packet is one of ours, of any version: others belong to the host client.
constexpr bool is_friend_packet(ByteView packet) noexcept {
  return packet.size() >= 2 && packet[0] == friend_packet_id && packet[1] == friend_packet_magic;
}

/// The packet's type and message. Nothing for another version or an unknown type.
struct FriendPacket {
  FriendPacketType type{};
  ByteView message;
};
std::optional<FriendPacket> read_friend_packet(ByteView packet) noexcept;

/// A packet of `type` with `message`; at most limits::friend_packet bytes.
template <class Message>
Bytes make_friend_packet(FriendPacketType type, const Message& message) {
  Bytes packet(limits::friend_packet);
  packet[0] = friend_packet_id;
  packet[1] = friend_packet_magic;
  packet[2] = friend_packet_version;
  packet[3] = static_cast<std::uint8_t>(type);
  const auto size = wire::encode(message, MutableBytes(packet).subspan(limits::friend_packet_header));
  packet.resize(size ? limits::friend_packet_header + *size : 0);  // the limits rule the error out
  return packet;
}

}  // namespace toxasync::protocol
