// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "adapters/toxcore_courier/courier_settings.hpp"
#include "adapters/toxcore_courier/friend_transport.hpp"
#include "base/result.hpp"

namespace toxasync {

/// What is wrong and what to do, in one sentence.
std::string_view describe_courier_error(Tox_Err_New error) noexcept;

/// Carries frames to storage nodes by a Tox instance of its own, hidden from the client, with a key that is
/// new at every start: a node sees nothing of the user's, and what the client's options allow (TCP relays, a
/// proxy) is all that is used. The instance runs on a thread of its own; everything here is called by the
/// client's, and never waits for the other one for longer than a queue takes to be swapped.
class Courier final : public Transport {
 public:
  /// Frames that wait, in each direction; more are dropped and counted (refused.overloaded).
  static constexpr std::size_t queue_limit = 1024;
  /// Nodes of the Tox network to join it by; of more the oldest is forgotten.
  static constexpr std::size_t most_joints = 64;
  /// They are asked again, some at a time, until the network is joined: as toxcore advises clients to do.
  static constexpr std::int64_t join_again_ms = 5000;
  static constexpr std::size_t joints_at_once = 4;
  static constexpr std::size_t longest_host = 255;
  /// Toxcore must be asked for packets: so often while there is traffic.
  static constexpr std::int64_t busy_interval_ms = 5;
  static constexpr std::int64_t busy_for_ms = 1000;

  static Result<std::unique_ptr<Courier>, Tox_Err_New> start(const CourierSettings& settings,
                                                             Telemetry telemetry);
  /// Waits for the thread.
  ~Courier() override;
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  /// A node of the Tox network, or a TCP relay of it, by which to join. The host has 1 to longest_host bytes.
  void join_by(std::string host, std::uint16_t port, const crypto::Point& key, bool relay);

  /// Hands on what has arrived. Returns how many.
  std::size_t poll();
  /// Whether poll() has something.
  [[nodiscard]] bool has_frames() const;
  /// Storage nodes that are online as its friends now.
  [[nodiscard]] std::size_t nodes_online() const;
  /// The hidden instance's Tox public key.
  [[nodiscard]] const crypto::Point& tox_key() const noexcept { return tox_key_; }

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_friends; }
  [[nodiscard]] Route route_to_node(const ByteArray<32>& node_id,
                                    const Endpoint& endpoint) const noexcept override;
  bool send(const Route& to, ByteView packet) noexcept override;
  void set_receiver(PacketReceiver* receiver) noexcept override { receiver_ = receiver; }

 private:
  struct Kill {
    void operator()(Tox* tox) const noexcept { tox_kill(tox); }
  };
  struct Packet {
    Route route;
    Bytes bytes;
  };
  struct Joint {
    std::string host;
    std::uint16_t port = 0;
    crypto::Point key{};
    bool relay = false;
  };
  /// Takes what arrives, on the courier's thread.
  class Intake final : public PacketReceiver {
   public:
    explicit Intake(Courier& courier) noexcept : courier_(courier) {}
    void on_packet(const Route& from, ByteView packet) noexcept override { courier_.take(from, packet); }

   private:
    Courier& courier_;
  };

  Courier(std::unique_ptr<Tox, Kill> tox, Telemetry telemetry);

  // On the courier's thread.
  void run();
  void step();
  void take(const Route& from, ByteView packet) noexcept;
  void join_network(std::int64_t now_ms);

  Telemetry telemetry_;
  SystemClock clock_;
  PacketReceiver* receiver_ = nullptr;  // The client's thread.
  crypto::Point tox_key_{};

  // The courier's thread.
  std::unique_ptr<Tox, Kill> tox_;
  FriendTransport friends_;
  Intake intake_{*this};
  std::vector<Joint> joints_;
  std::size_t next_joint_ = 0;
  std::int64_t next_join_ms_ = 0;
  std::int64_t busy_until_ms_ = 0;
  bool connected_ = false;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable wake_;
  std::deque<Packet> outgoing_;
  std::deque<Packet> incoming_;
  std::deque<Joint> fresh_joints_;
  std::size_t online_ = 0;
  bool stop_ = false;

  std::thread thread_;  // The last: all the rest is there when it begins.
};

}  // namespace toxasync
