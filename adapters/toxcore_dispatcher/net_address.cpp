// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_dispatcher/net_address.hpp"

#include <algorithm>

namespace toxasync::tox_net {

namespace {

constexpr std::size_t mapped_prefix = 12;

bool is_mapped(const ByteArray<16>& ip) noexcept {
  return std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
         ip[10] == 0xff && ip[11] == 0xff;
}

void put_port(std::uint8_t* out, std::uint16_t port) noexcept {
  out[0] = static_cast<std::uint8_t>(port >> 8);
  out[1] = static_cast<std::uint8_t>(port & 0xffU);
}

}  // namespace

Addr pack(const Endpoint& endpoint) noexcept {
  Addr addr{};
  const bool mapped = endpoint.family == 6 && is_mapped(endpoint.ip);
  if (endpoint.family == 4 || mapped) {
    addr.data[0] = Addr::family_ipv4;
    std::copy_n(endpoint.ip.begin() + (mapped ? mapped_prefix : 0), 4, addr.data + 1);
    addr.length = Addr::size_ipv4;
  } else if (endpoint.family == 6) {
    addr.data[0] = Addr::family_ipv6;
    std::copy_n(endpoint.ip.begin(), 16, addr.data + 1);
    addr.length = Addr::size_ipv6;
  } else {
    return addr;
  }
  put_port(addr.data + addr.length - 2, endpoint.port);
  return addr;
}

Endpoint unpack(const Addr& addr) noexcept {
  Endpoint endpoint;
  if (addr.length == Addr::size_ipv4 && addr.data[0] == Addr::family_ipv4) {
    endpoint.family = 4;
  } else if (addr.length == Addr::size_ipv6 && addr.data[0] == Addr::family_ipv6) {
    endpoint.family = 6;
  } else {
    return endpoint;
  }
  const std::uint8_t* const port = addr.data + addr.length - 2;
  std::copy(addr.data + 1, port, endpoint.ip.begin());
  endpoint.port = static_cast<std::uint16_t>((port[0] << 8) | port[1]);
  return endpoint;
}

}  // namespace toxasync::tox_net
