// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/addresses/asio_endpoint.hpp"

#include <algorithm>
#include <cstring>

namespace toxasync {

namespace ip = boost::asio::ip;

namespace {

ip::address_v4 unmapped(const ip::address_v6::bytes_type& bytes) noexcept {
  ip::address_v4::bytes_type v4;
  std::copy(bytes.end() - 4, bytes.end(), v4.begin());
  return ip::address_v4(v4);
}

}  // namespace

std::optional<ip::udp::endpoint> to_asio(const Endpoint& endpoint) noexcept {
  if (endpoint.family == 4) {
    ip::address_v4::bytes_type bytes;
    std::copy_n(endpoint.ip.begin(), bytes.size(), bytes.begin());
    return ip::udp::endpoint(ip::address_v4(bytes), endpoint.port);
  }
  if (endpoint.family != 6) {
    return std::nullopt;
  }
  const ip::address_v6 address(endpoint.ip);
  if (address.is_v4_mapped()) {
    return ip::udp::endpoint(unmapped(endpoint.ip), endpoint.port);
  }
  return ip::udp::endpoint(address, endpoint.port);
}

Endpoint from_asio(const ip::udp::endpoint& endpoint) noexcept {
  Endpoint result;
  result.port = endpoint.port();
  const ip::address address = endpoint.address();
  if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
    result.family = 6;
    result.ip = address.to_v6().to_bytes();
  } else {
    result.family = 4;
    const auto bytes =
        address.is_v4() ? address.to_v4().to_bytes() : unmapped(address.to_v6().to_bytes()).to_bytes();
    std::copy(bytes.begin(), bytes.end(), result.ip.begin());
  }
  return result;
}

}  // namespace toxasync
