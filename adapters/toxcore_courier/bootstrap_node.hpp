// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "crypto/curve.hpp"

namespace toxasync {

/// A node of the Tox network, or a TCP relay, through which a Tox instance can join the network.
struct BootstrapNode {
  std::string host;
  std::uint16_t port = 0;
  crypto::Point public_key{};
  bool tcp_relay = false;
};

}  // namespace toxasync
