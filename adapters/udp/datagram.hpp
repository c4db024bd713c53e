// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <boost/asio/ip/udp.hpp>

#include "base/transport.hpp"

namespace toxasync {

// Datagrams of a socket, with the address of this machine that it came to. An answer must leave from that
// one: the firewalls and address translators on its way know no other. The address stands in the route's
// sendback, which never leaves this machine: 4 or 16 bytes.

/// Makes the system report that address, for a socket that is bound to all of them. False: not supported.
bool request_local_address(boost::asio::ip::udp::socket& socket) noexcept;

/// The packets of one system call: under a flood the calls are what costs time. About 70 kB.
class ReceivedDatagrams {
 public:
  static constexpr std::size_t max = 32;
  static constexpr std::size_t max_bytes = 2048;  ///< Longer ones are reported as one byte more.

  /// Reads what has arrived, at most `count`. Returns how many; 0 when `failed`, would_block if there is
  /// nothing.
  std::size_t receive(boost::asio::ip::udp::socket& socket, std::size_t count,
                      boost::system::error_code& failed) noexcept;

  [[nodiscard]] ByteView bytes(std::size_t place) const noexcept {
    return {room_[place].data(), sizes_[place]};
  }
  /// Where it came from; the transport is UDP.
  [[nodiscard]] const Route& from(std::size_t place) const noexcept { return from_[place]; }

 private:
  std::array<std::array<std::uint8_t, max_bytes + 1>, max> room_{};
  std::array<std::size_t, max> sizes_{};
  std::array<Route, max> from_{};
};

/// `local`: a sendback of receive_datagram, or nothing; then the system chooses.
void send_datagram(boost::asio::ip::udp::socket& socket, const boost::asio::ip::udp::endpoint& to,
                   ByteView local, ByteView packet, boost::system::error_code& failed) noexcept;

}  // namespace toxasync
