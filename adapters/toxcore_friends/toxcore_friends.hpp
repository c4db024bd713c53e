// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/metrics.hpp"
#include "base/time.hpp"
#include "manager/core/friend_channel.hpp"

namespace toxasync {

/// The friends of a running Tox instance and toxcore's lossless custom packets to them (docs/protocol.md,
/// section 5), by the public API of any libtoxcore. Must be destroyed before tox_kill; used on the thread
/// that calls tox_iterate.
///
/// The callbacks for the friends' status belong to the client, so friends and presence are polled. Custom
/// packets have one callback for all: the adapter registers it, and passes other packets on to the client.
class ToxcoreFriends final : public manager::FriendChannel {
 public:
  static constexpr milliseconds refresh_interval = 250ms;
  /// Packets kept between tox_iterate and poll(); more are dropped and counted (refused.overloaded): the
  /// friend, who gets no receipt, sends them again.
  static constexpr std::size_t queue_limit = 4096;

  enum class PacketCallback : std::uint8_t {
    take,   ///< Take toxcore's callback for lossless packets.
    leave,  ///< The host calls handle_lossless_packet.
  };

  /// Whether an adapter exists for `tox`. There may be one at a time.
  [[nodiscard]] static bool is_attached(const Tox* tox);

  /// Requires !is_attached(tox).
  ToxcoreFriends(Tox* tox, PacketCallback callback, Telemetry telemetry);
  /// Leaves toxcore's callback to the client's.
  ~ToxcoreFriends() override;
  ToxcoreFriends(const ToxcoreFriends&) = delete;
  ToxcoreFriends& operator=(const ToxcoreFriends&) = delete;

  /// Called from poll() and refresh() only. Null: toxasync packets are dropped.
  void set_listener(manager::FriendListener* listener) noexcept { listener_ = listener; }

  /// Gets all other packets, unchanged, inside tox_iterate and with its user data. May be null.
  void set_client_callback(tox_friend_lossless_packet_cb* callback) noexcept { client_callback_ = callback; }

  /// Refreshes the friends, at most every refresh_interval, and delivers the received packets.
  void poll(SteadyTime now);
  /// Updates the list of friends and their presence now.
  void refresh();

  /// For hosts that receive packets themselves. False: not a toxasync packet, nothing was done.
  bool handle_lossless_packet(std::uint32_t friend_number, ByteView packet) noexcept;

  /// toxcore's callback.
  static void on_lossless_packet(Tox* tox, std::uint32_t friend_number, const std::uint8_t* data,
                                 std::size_t length, void* user_data) noexcept;

  /// By toxcore's current list.
  [[nodiscard]] std::optional<manager::FriendKey> key_of(std::uint32_t friend_number) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> number_of(const manager::FriendKey& key) const noexcept;
  /// Whether the listener knows the friend.
  [[nodiscard]] bool is_known(const manager::FriendKey& key) const noexcept { return friends_.contains(key); }

  manager::ChannelSend send(const manager::FriendKey& to, ByteView packet) noexcept override;

 private:
  struct Friend {
    std::uint32_t number = 0;
    bool online = false;
    std::uint64_t seen = 0;  ///< The number of the last refresh that listed them.
  };
  struct KeyHash {
    /// Keys are random enough; who could choose them are friends that the user has accepted.
    std::size_t operator()(const manager::FriendKey& key) const noexcept {
      return static_cast<std::size_t>(load_le<std::uint64_t>(key.data()));
    }
  };
  struct Packet {
    manager::FriendKey from{};
    Bytes bytes;
  };

  void remove_unseen();

  Tox* tox_;
  PacketCallback callback_;
  Telemetry telemetry_;
  manager::FriendListener* listener_ = nullptr;
  tox_friend_lossless_packet_cb* client_callback_ = nullptr;
  std::unordered_map<manager::FriendKey, Friend, KeyHash> friends_;
  std::vector<std::uint32_t> numbers_;  // Toxcore's list, kept for its memory.
  std::deque<Packet> queue_;
  std::uint64_t refreshes_ = 0;
  SteadyTime next_refresh_ = long_ago;
};

}  // namespace toxasync
