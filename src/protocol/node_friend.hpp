// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/curve.hpp"
#include "protocol/node_descriptor.hpp"

// A storage node as a Tox friend, whose friend packets carry frames: docs/protocol.md, section 12.

namespace toxasync::protocol {

/// Public key 32, nospam 4, checksum 2.
using ToxAddress = ByteArray<38>;

/// The nospam of every node's Tox address, as tox_self_set_nospam expects it.
constexpr std::uint32_t node_nospam = 0x746f7861;

/// The text of the friend request by which a courier introduces itself to a node.
constexpr std::string_view courier_greeting = "toxasync/1 courier";

/// The Tox public key of a node: its id in X25519 form. Nothing when the id is no key.
[[nodiscard]] std::optional<crypto::Point> tox_key_of(const NodeId& id) noexcept;
/// The Tox address with that public key and the nospam of nodes.
[[nodiscard]] ToxAddress tox_address_of(const crypto::Point& tox_key) noexcept;

/// Frames that either end sends before the other has acknowledged them, at most.
constexpr std::uint32_t friend_frames_in_flight = 60;
/// An acknowledgement is sent after so many frames.
constexpr std::uint32_t friend_frames_per_ack = 15;

/// Acknowledges frames: packet id, then how many have come since the two were connected, modulo 2^32.
constexpr std::uint8_t friend_ack_packet = 0xa4;
using FriendAck = ByteArray<5>;

[[nodiscard]] FriendAck encode_friend_ack(std::uint32_t frames) noexcept;
/// Nothing when it is not one.
[[nodiscard]] std::optional<std::uint32_t> decode_friend_ack(ByteView packet) noexcept;

/// Whether a friend packet is of one of the four kinds of frame, and no longer than one.
[[nodiscard]] bool is_friend_frame(ByteView packet) noexcept;

}  // namespace toxasync::protocol
