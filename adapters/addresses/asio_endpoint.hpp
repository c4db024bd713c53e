// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <optional>

#include "base/transport.hpp"

namespace toxasync {

/// Nothing for an Endpoint that is no address. An IPv4-mapped IPv6 address becomes the IPv4 one.
std::optional<boost::asio::ip::udp::endpoint> to_asio(const Endpoint& endpoint) noexcept;

/// An IPv4-mapped IPv6 address becomes the IPv4 one, so that one peer has one Endpoint.
Endpoint from_asio(const boost::asio::ip::udp::endpoint& endpoint) noexcept;

}  // namespace toxasync
