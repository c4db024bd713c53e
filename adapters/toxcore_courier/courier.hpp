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
#include "adapters/toxcore_courier/bootstrap_node.hpp"
#include "adapters/toxcore_courier/courier_settings.hpp"
#include "adapters/toxcore_courier/friend_transport.hpp"
#include "base/result.hpp"

namespace toxasync {

/// What is wrong and what to do, in one sentence.
std::string_view describe_courier_error(Tox_Err_New error) noexcept;

/// Carries frames to storage nodes by a second Tox instance, hidden from the client, with a new key at every
/// start: nodes learn nothing about the user, and only what the client's options allow (TCP relays, a proxy)
/// is used. The instance runs on its own thread; everything here is called by the client's thread, and waits
/// for the other one only as long as swapping a queue takes.
class Courier final : public Transport {
 public:
  /// Queued frames in each direction; more are dropped and counted (refused.overloaded).
  static constexpr std::size_t queue_limit = 1024;
  /// Nodes to join the Tox network through; the oldest is dropped for a new one.
  static constexpr std::size_t max_bootstrap_nodes = 64;
  /// Until the network is joined, some of them are tried again at this interval, as toxcore advises.
  static constexpr milliseconds bootstrap_interval = 5s;
  static constexpr std::size_t bootstrap_nodes_per_attempt = 4;
  /// How often toxcore is polled for packets while there is traffic.
  static constexpr milliseconds busy_interval = 5ms;
  static constexpr milliseconds busy_for = 1s;

  static Result<std::unique_ptr<Courier>, Tox_Err_New> start(const CourierSettings& settings,
                                                             Telemetry telemetry);
  /// Waits for the thread.
  ~Courier() override;
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  /// Remembers a node to join the Tox network through.
  void add_bootstrap_node(BootstrapNode node);

  /// Delivers received frames. Returns how many.
  std::size_t poll();
  /// Whether poll() would deliver something.
  [[nodiscard]] bool has_received() const;
  /// Storage nodes that are connected as friends.
  [[nodiscard]] std::size_t nodes_online() const;
  /// The hidden instance's Tox public key.
  [[nodiscard]] const crypto::Point& tox_key() const noexcept { return tox_key_; }

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_friends; }
  [[nodiscard]] Route route_to_node(const NodeId& node_id, const Endpoint& endpoint) const noexcept override;
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
  /// Queues what arrives, on the courier's thread.
  class ReceivedFrames final : public PacketReceiver {
   public:
    explicit ReceivedFrames(Courier& courier) noexcept : courier_(courier) {}
    void on_packet(const Route& from, ByteView packet) noexcept override {
      courier_.queue_received(from, packet);
    }

   private:
    Courier& courier_;
  };

  Courier(std::unique_ptr<Tox, Kill> tox, Telemetry telemetry);

  // On the courier's thread.
  void run();
  void run_once();
  void queue_received(const Route& from, ByteView packet) noexcept;
  void bootstrap(SteadyTime now);

  Telemetry telemetry_;
  SystemClock clock_;
  PacketReceiver* receiver_ = nullptr;  // The client's thread.
  crypto::Point tox_key_{};

  // The courier's thread.
  std::unique_ptr<Tox, Kill> tox_;
  FriendTransport friends_;
  ReceivedFrames received_frames_{*this};
  std::vector<BootstrapNode> bootstrap_nodes_;
  std::size_t next_bootstrap_node_ = 0;
  SteadyTime next_bootstrap_{};  ///< The clock's start: at once, even if connected.
  SteadyTime busy_until_{};
  bool connected_ = false;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable wake_;
  std::deque<Packet> outgoing_;
  std::deque<Packet> incoming_;
  std::deque<BootstrapNode> new_bootstrap_nodes_;
  std::size_t online_ = 0;
  bool stop_ = false;

  std::thread thread_;  // Last: everything else exists when it starts.
};

}  // namespace toxasync
