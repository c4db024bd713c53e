// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <span>

#include "base/transport.hpp"

namespace toxasync {

// One datagram of a socket, with the address of this machine that it came to. An answer must leave from that
// one: the firewalls and address translators on its way know no other. The address stands in the route's
// sendback, which never leaves this machine: 4 or 16 bytes.

/// Asks the system to tell that address, for a socket that is bound to all of them. False: it cannot.
bool want_local_address(boost::asio::ip::udp::socket& socket) noexcept;

/// Reads one into `room`; what there is no room for is lost. `from.endpoint` and `from.sendback` get where it
/// came from. Its size.
std::size_t receive_datagram(boost::asio::ip::udp::socket& socket, std::span<std::uint8_t> room, Route& from,
                             boost::system::error_code& failed) noexcept;

/// `local`: a sendback of receive_datagram, or nothing; then the system chooses.
void send_datagram(boost::asio::ip::udp::socket& socket, const boost::asio::ip::udp::endpoint& to,
                   ByteView local, ByteView packet, boost::system::error_code& failed) noexcept;

}  // namespace toxasync
