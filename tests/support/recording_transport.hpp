// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <utility>
#include <vector>

#include "base/transport.hpp"

namespace toxasync::test {

/// Keeps what is sent, for tests that need no network.
class RecordingTransport final : public Transport {
 public:
  struct Sent {
    Route to;
    Bytes packet;
  };

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::mock; }
  bool send(const Route& to, ByteView packet) noexcept override {
    if (broken_) {
      return false;
    }
    sent_.push_back({to, Bytes(packet.begin(), packet.end())});
    return true;
  }
  void set_receiver(PacketReceiver* /*receiver*/) noexcept override {}

  /// While true, send() takes nothing.
  void set_broken(bool broken) noexcept { broken_ = broken; }
  /// What was sent since the last call.
  std::vector<Sent> take() { return std::exchange(sent_, {}); }

 private:
  bool broken_ = false;
  std::vector<Sent> sent_;
};

}  // namespace toxasync::test
