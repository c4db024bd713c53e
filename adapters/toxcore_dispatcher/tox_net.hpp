// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>

// The part of tox_net.h that we use (patches/, 0002-tox-net.patch), declared again: the same binary runs on a
// stock library, where the weak functions are null. In a namespace, so that a program can include the real
// header too.

namespace toxasync::tox_net {

/// Tox_Net_Addr: family 1 (2 for IPv4, 10 for IPv6), ip 4 or 16, port 2, both in network byte order.
struct Addr {
  static constexpr std::uint8_t family_ipv4 = 2;
  static constexpr std::uint8_t family_ipv6 = 10;
  static constexpr std::uint8_t size_ipv4 = 7;
  static constexpr std::uint8_t size_ipv6 = 19;

  std::uint8_t data[size_ipv6];
  std::uint8_t length;  ///< 0: unknown, it came by a TCP relay.
};
static_assert(sizeof(Addr) == 20);

/// Tox_Net_Node
struct Node {
  std::uint8_t public_key[TOX_PUBLIC_KEY_SIZE];
  Addr addr;
};
static_assert(sizeof(Node) == 52);
/// TOX_NET_CLOSE_NODES_MAX
constexpr std::size_t close_nodes = 4;

extern "C" {
/// tox_net_packet_cb
using PacketCallback = void(Tox* tox, const Addr* source, const std::uint8_t* sendback,
                            std::uint16_t sendback_length, const std::uint8_t* packet, std::uint16_t length,
                            void* user_data);

/// Tox_Net_Handler
struct Handler {
  Tox* tox;
  PacketCallback* callback;
  void* user_data;
};

[[gnu::weak]] bool tox_net_register(Tox* tox, std::uint8_t first, std::uint8_t last, const Handler* handler);
[[gnu::weak]] bool tox_net_send(Tox* tox, const Addr* addr, const std::uint8_t* sendback,
                                std::uint16_t sendback_length, const std::uint8_t* packet,
                                std::uint16_t length);
/// Gives the number of nodes written, at most close_nodes.
[[gnu::weak]] std::uint16_t tox_net_close_nodes(const Tox* tox, const std::uint8_t* public_key, Node* nodes);
}

}  // namespace toxasync::tox_net
