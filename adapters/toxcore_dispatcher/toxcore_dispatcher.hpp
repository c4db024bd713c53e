// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "adapters/toxcore_dispatcher/tox_net.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/transport.hpp"

namespace toxasync {

enum class DispatcherError : std::uint8_t {
  stock_library,  ///< This libtoxcore does not have tox_net.h.
  no_udp,         ///< The Tox instance has no UDP socket: UDP is switched off in its options.
  taken,          ///< Another module of this process has registered our packet kinds with this instance.
};

/// What is wrong and what to do, in one sentence.
std::string_view describe(DispatcherError error) noexcept;

/// Frames over the UDP socket of a running Tox instance, among toxcore's own packets. Must be destroyed
/// before tox_kill. Used on the thread that calls tox_iterate.
class ToxcoreDispatcher final : public Transport {
 public:
  /// Packets kept between tox_iterate and poll(); more are dropped, as on any full buffer, and counted
  /// (refused.overloaded).
  static constexpr std::size_t queue_limit = 1024;

  /// Whether the libtoxcore that this process runs on can be used so.
  [[nodiscard]] static bool available() noexcept;

  static Result<std::unique_ptr<ToxcoreDispatcher>, DispatcherError> attach(Tox* tox, Telemetry telemetry);
  /// Unregisters the packet kinds.
  ~ToxcoreDispatcher() override;
  ToxcoreDispatcher(const ToxcoreDispatcher&) = delete;
  ToxcoreDispatcher& operator=(const ToxcoreDispatcher&) = delete;

  /// Hands on what tox_iterate has received: inside tox_iterate packets are only copied, so that nothing of
  /// ours calls the client from in there. Returns how many.
  std::size_t poll();

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::toxcore_dispatcher; }
  /// A route with a sendback is a reply that goes back through the relay that forwarded the request.
  bool send(const Route& to, ByteView packet) noexcept override;
  void set_receiver(PacketReceiver* receiver) noexcept override { receiver_ = receiver; }

 private:
  struct Packet {
    Route from;
    Bytes bytes;
  };

  ToxcoreDispatcher(Tox* tox, Telemetry telemetry) noexcept : tox_(tox), telemetry_(telemetry) {}
  void queue_received(const tox_net::Addr& source, ByteView sendback, ByteView packet) noexcept;

  Tox* tox_;
  Telemetry telemetry_;
  PacketReceiver* receiver_ = nullptr;
  std::deque<Packet> queue_;
};

}  // namespace toxasync
