// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/curve.hpp"

namespace toxasync {

/// A node of the Tox network, or a TCP relay, through which a Tox instance can join the network.
struct BootstrapNode {
  static constexpr std::size_t max_host_length = 255;

  std::string host;  ///< From 1 to max_host_length bytes: a name or an address.
  std::uint16_t port = 0;
  crypto::Point public_key{};
  bool tcp_relay = false;
};

}  // namespace toxasync
