// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <map>

#include "adapters/toxcore_courier/frame_window.hpp"
#include "base/metrics.hpp"
#include "base/transport.hpp"

namespace toxasync {

/// Frames as lossless custom packets between friends of a Tox instance of ours (docs/protocol.md, section
/// 11), by the public API of any libtoxcore. One class for both ends: a node accepts everybody's courier, a
/// courier befriends the nodes that frames are sent to. What a peer is called in routes is its Tox public
/// key.
///
/// Everything of the instance's is the transport's: its callbacks, its friends, and the user data of
/// tox_iterate. Used on one thread. Must be destroyed before tox_kill; its friends end with it.
class FriendTransport final : public Transport {
 public:
  enum class End : std::uint8_t { node, courier };

  /// Friends: each connection costs toxcore memory, which has not been measured.
  static constexpr std::size_t max_couriers = 256;
  static constexpr std::size_t max_nodes = 64;

  // A node's couriers. It accepts `couriers_at_once`, and one more each time `next_courier_ms` have passed.
  // One that is offline or idle for too long is removed; where all places are taken the one that is offline
  // longest, else the one that is idle longest, but none that was active lately: then the new one is refused.
  static constexpr std::uint32_t couriers_at_once = 64;
  static constexpr std::int64_t next_courier_ms = 2000;
  static constexpr std::int64_t courier_offline_ms = 60000;
  static constexpr std::int64_t courier_idle_ms = 900000;
  static constexpr std::int64_t courier_active_ms = 180000;

  // A courier's nodes. One that nothing is sent to for so long is removed. One that stays offline has perhaps
  // forgotten us: the request is sent again, after these times, doubled each time up to the longest.
  static constexpr std::int64_t node_unused_ms = 600000;
  static constexpr std::int64_t first_request_interval_ms = 60000;
  static constexpr std::int64_t reconnect_request_delay_ms = 5000;
  static constexpr std::int64_t max_request_interval_ms = 300000;

  /// Frames kept between a callback of toxcore's and the end of iterate(), and requests; more are dropped and
  /// counted (refused.overloaded, refused.courier).
  static constexpr std::size_t queue_limit = 1024;
  static constexpr std::size_t request_limit = couriers_at_once;

  /// `friends`: the most at a time. What friends the instance has are removed.
  FriendTransport(Tox* tox, End end, std::size_t friends, Telemetry telemetry);
  ~FriendTransport() override;
  FriendTransport(const FriendTransport&) = delete;
  FriendTransport& operator=(const FriendTransport&) = delete;

  /// tox_iterate, and all that is due, after it and not in its midst. Returns how many frames were handed on.
  std::size_t iterate(std::int64_t steady_ms);

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_friends; }
  /// No way, which send() refuses, if the id is no key.
  [[nodiscard]] Route route_to_node(const ByteArray<32>& node_id,
                                    const Endpoint& endpoint) const noexcept override;
  [[nodiscard]] static Route route_to_key(const crypto::Point& tox_key) noexcept;
  /// Held for a moment while the friend is not online or has much to take (FrameWindow). False, and counted
  /// (refused.friend_window_full), if more is held than may be; false also if a node has no such courier.
  bool send(const Route& to, ByteView packet) noexcept override;
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
    std::int64_t since_ms = 0;  ///< It is online or offline.
    std::int64_t used_ms = 0;   ///< Its last frame (a node), or the last one to it (a courier).
    std::int64_t next_request_ms =
        0;  ///< A courier: when the request is to be sent again, and what passes until the
    std::int64_t request_interval_ms = 0;  ///< next time.
    bool needs_flush = false;              ///< Since the last flush().
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
  /// The node with that key, which is befriended if it is none of ours yet; the end where that cannot be.
  [[nodiscard]] Friends::iterator find_or_add_node(const crypto::Point& key);
  [[nodiscard]] bool send_request(const crypto::Point& key, Friend& node);
  bool make_room();
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
  std::int64_t now_ms_ = 0;  ///< Steady, of the last iterate().
  std::int64_t next_maintenance_ms_ = std::numeric_limits<std::int64_t>::min();
  std::uint32_t accept_tokens_ = couriers_at_once;
  std::int64_t accept_tokens_refilled_ms_ = 0;
};

}  // namespace toxasync
