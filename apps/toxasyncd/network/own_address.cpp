// SPDX-License-Identifier: GPL-3.0-or-later
#include "network/own_address.hpp"

#include <algorithm>
#include <boost/asio/ip/udp.hpp>

#include "adapters/addresses/asio_endpoint.hpp"
#include "wire/limits.hpp"

namespace toxasync::daemon {

namespace ip = boost::asio::ip;

ip::address outward_address(boost::asio::io_context& io) {
  // Connecting a UDP socket asks the routing table, no more. Both addresses are for documentation only.
  for (const char* const somewhere : {"192.0.2.1", "2001:db8::1"}) {
    const ip::udp::endpoint there(ip::make_address(somewhere), 9);
    ip::udp::socket socket(io);
    boost::system::error_code failed;
    socket.open(there.protocol(), failed);
    if (!failed) {
      socket.connect(there, failed);
    }
    if (!failed) {
      auto here = socket.local_endpoint(failed).address();
      if (!failed && !here.is_unspecified()) {
        return here;
      }
    }
  }
  return ip::address_v4::loopback();
}

std::vector<Endpoint> own_endpoints(const std::vector<Endpoint>& configured, const ip::address& detected,
                                    const std::vector<std::uint16_t>& ports) {
  std::vector<Endpoint> bases = configured;
  if (bases.empty()) {
    bases.push_back(from_asio({detected, 0}));
  }
  std::vector<Endpoint> all;
  const auto add = [&all](const Endpoint& endpoint) {
    if (all.size() < limits::addresses_per_node && std::ranges::find(all, endpoint) == all.end()) {
      all.push_back(endpoint);
    }
  };
  for (const Endpoint& base : bases) {
    if (base.port != 0) {
      add(base);
    }
  }
  // Port by port: with too many addresses, each has at least one port.
  for (const std::uint16_t port : ports) {
    for (Endpoint base : bases) {
      if (base.port == 0) {
        base.port = port;
        add(base);
      }
    }
  }
  return all;
}

}  // namespace toxasync::daemon
