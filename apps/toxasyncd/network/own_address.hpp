// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <vector>

#include "base/transport.hpp"

namespace toxasync::daemon {

/// The address that this machine would use to reach the internet (nothing is sent); 127.0.0.1 if it has none.
boost::asio::ip::address outward_address(boost::asio::io_context& io);

/// The node's endpoints, at most limits::addresses_per_node: the `configured` ones (those without a port with
/// each of `ports`), or if there are none `detected` with each of `ports`.
std::vector<Endpoint> own_endpoints(const std::vector<Endpoint>& configured,
                                    const boost::asio::ip::address& detected,
                                    const std::vector<std::uint16_t>& ports);

}  // namespace toxasync::daemon
