// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <deque>
#include <map>

#include "adapters/toxcore_courier/frame_window.hpp"
#include "base/metrics.hpp"
#include "base/time.hpp"
#include "base/transport.hpp"

namespace toxasync {

/// Frames as lossless custom packets between friends of a Tox instance of ours (docs/protocol.md, section
/// 12), by the public API of any libtoxcore. One class for both ends: a node accepts everybody's courier, a
/// courier befriends the nodes that frames are sent to. What a peer is called in routes is its Tox public
/// key.
///
/// It owns the callbacks of the instance, its friends, and the user data of
/// tox_iterate. Used on one thread. Must be destroyed before tox_kill; its friends end with it.
class FriendTransport final : public Transport {
 public:
  enum class End : std::uint8_t { node, courier };

  /// Friends: each connection costs toxcore memory, which has not been measured.
  static constexpr std::size_t max_couriers = 256;
  static constexpr std::size_t max_nodes = 64;

  // The couriers of a node. It accepts `couriers_at_once`, and one more every `next_courier`. One that is
  // offline or idle for too long is removed. At the limit a new one replaces another: one that is offline,
  // else the one that made no authentic request for longest, else, of those that made one within
  // `courier_active`, the one that was accepted first: frames that anybody can send keep no place. Those
  // accepted within `courier_active` are left alone while they have less than half of the places; else one of
  // them goes: so neither newcomers nor those before them can keep all others out.
  static constexpr std::uint32_t couriers_at_once = 64;
  static constexpr milliseconds next_courier = 2s;
  static constexpr milliseconds courier_offline = 1min;
  static constexpr milliseconds courier_idle = 15min;
  static constexpr milliseconds courier_active = 3min;

  // The nodes of a courier. One that nothing was sent to for node_unused is removed. One that stays
  // offline may have removed us: the friend request is sent again, at intervals that double up to the
  // maximum.
  static constexpr milliseconds node_unused = 10min;
  static constexpr milliseconds first_request_interval = 1min;
  static constexpr milliseconds reconnect_request_delay = 5s;
  static constexpr milliseconds max_request_interval = 5min;

  /// Frames kept between a callback of toxcore's and the end of iterate(), and requests; more are dropped and
  /// counted (refused.overloaded, refused.courier).
  static constexpr std::size_t queue_limit = 1024;
  static constexpr std::size_t request_limit = couriers_at_once;

  /// `friends`: the maximum number. Existing friends of the instance are removed.
  FriendTransport(Tox* tox, End end, std::size_t friends, Telemetry telemetry);
  ~FriendTransport() override;
  FriendTransport(const FriendTransport&) = delete;
  FriendTransport& operator=(const FriendTransport&) = delete;

  /// Calls tox_iterate, and after it everything that is due. Returns how many frames were delivered.
  std::size_t iterate(SteadyTime now);

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_friends; }
  /// A route that send() refuses, if the id is not a valid key.
  [[nodiscard]] Route route_to_node(const NodeId& node_id, const Endpoint& endpoint) const noexcept override;
  [[nodiscard]] static Route route_to_key(const crypto::Point& tox_key) noexcept;
  /// Held for a moment while the friend is offline or has too many unacknowledged frames (FrameWindow).
  /// False, and counted (refused.friend_window_full), at the limit of held frames; false also for an unknown
  /// courier.
  bool send(const Route& to, ByteView packet) noexcept override;
  /// The node found a request of a courier's to be authentic.
  void on_authentic(const Route& from) noexcept override;
  void set_receiver(PacketReceiver* receiver) noexcept override { receiver_ = receiver; }

  [[nodiscard]] std::size_t friends() const noexcept { return friends_.size(); }
  [[nodiscard]] std::size_t online() const noexcept;

  // Toxcore's callbacks; `self` is the transport.
  static void on_request(Tox* tox, const std::uint8_t* key, const std::uint8_t* text, std::size_t length,
                         void* self) noexcept;
  static void on_connection(Tox* tox, std::uint32_t number, Tox_Connection connection, void* self) noexcept;
  static void on_packet(Tox* tox, std::uint32_t number, const std::uint8_t* data, std::size_t length,
                        void* self) noexcept;

 private:
  struct Friend {
    std::uint32_t number = 0;
    bool online = false;
    SteadyTime since{};               ///< When it came online or went offline.
    SteadyTime used{};                ///< The last frame from a courier, or to a node.
    SteadyTime accepted{};            ///< A courier: when, and
    SteadyTime authentic = long_ago;  ///< its last authentic request.
    SteadyTime next_request{};        ///< A courier: when the request is to be sent again, and what passes
    milliseconds request_interval = 0ms;  ///< until the next time.
    bool needs_flush = false;             ///< Since the last flush().
    FrameWindow window;
  };
  using Friends = std::map<crypto::Point, Friend>;
  struct Packet {
    crypto::Point from{};
    Bytes bytes;
  };

  [[nodiscard]] Friends::iterator find(std::uint32_t number);
  void queue_request(const crypto::Point& key, ByteView text);
  void accept(const crypto::Point& key);
  [[nodiscard]] bool take_accept_token();
  void handle_connection(std::uint32_t number, bool online);
  void handle_packet(std::uint32_t number, ByteView packet);
  /// The node with that key, which is added as a friend if needed; end() if that fails.
  [[nodiscard]] Friends::iterator find_or_add_node(const crypto::Point& key);
  [[nodiscard]] bool send_request(const crypto::Point& key, Friend& node);
  bool make_room();
  /// What make_room() removes, of at least one; end(): nothing.
  [[nodiscard]] Friends::iterator least_courier();
  [[nodiscard]] Friends::iterator least_node();
  void flush(Friend& to);
  void process_callbacks();
  std::size_t deliver();
  void maintain_friends();
  [[nodiscard]] bool is_unused(const Friend& peer) const noexcept;
  void resend_requests();
  Friends::iterator remove(Friends::iterator peer);

  Tox* tox_;
  End end_;
  std::size_t max_friends_;
  Telemetry telemetry_;
  PacketReceiver* receiver_ = nullptr;
  Friends friends_;
  std::deque<Packet> queue_;
  std::deque<crypto::Point> requests_;
  SteadyTime now_{};  ///< Of the last iterate().
  SteadyTime next_maintenance_ = long_ago;
  std::uint32_t accept_tokens_ = couriers_at_once;
  SteadyTime accept_tokens_refilled_{};
};

}  // namespace toxasync
