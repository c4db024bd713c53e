// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "crypto/curve.hpp"

namespace toxasync::manager {

/// A friend, by their Tox public key (32 bytes).
using crypto::FriendKey;

enum class ChannelSend : std::uint8_t {
  sent,        ///< Handed to the host; never a promise of delivery.
  queue_full,  ///< The host's send queue is full: try later.
  offline,     ///< Not connected, or no such friend.
};

/// The host's own reliable, encrypted channel to friends who are online (toxcore: lossless custom packets).
/// Handed in.
class FriendChannel {
 public:
  virtual ~FriendChannel() = default;
  /// `packet` is at most limits::friend_packet bytes and begins with protocol::friend_packet_id.
  virtual ChannelSend send(const FriendKey& to, ByteView packet) noexcept = 0;
};

/// What the host reports of its friends.
class FriendListener {
 public:
  virtual ~FriendListener() = default;
  /// Also for each friend there is at the start.
  virtual void on_friend_added(const FriendKey& key) noexcept = 0;
  virtual void on_friend_removed(const FriendKey& key) noexcept = 0;
  virtual void on_friend_presence(const FriendKey& key, bool online) noexcept = 0;
  /// A packet that protocol::is_friend_packet. Hostile, as far as the friend is.
  virtual void on_friend_packet(const FriendKey& from, ByteView packet) noexcept = 0;
};

}  // namespace toxasync::manager
