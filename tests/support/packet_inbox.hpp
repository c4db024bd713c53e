// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "base/transport.hpp"

namespace toxasync::test {

/// Keeps all packets, and where they came from.
struct PacketInbox final : PacketReceiver {
  void on_packet(const Route& from, ByteView packet) noexcept override {
    routes.push_back(from);
    packets.emplace_back(packet.begin(), packet.end());
  }
  std::vector<Route> routes;
  std::vector<Bytes> packets;
};

}  // namespace toxasync::test
