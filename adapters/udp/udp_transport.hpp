// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "adapters/udp/datagram.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/transport.hpp"

namespace toxasync {

struct UdpOptions {
  std::string address;                 ///< Numeric; empty: all of the machine's, IPv4 and IPv6 if available.
  std::uint16_t port = 0;              ///< 0: any free one.
  int receive_buffer_bytes = 1 << 20;  ///< Asked of the system, which may give less.
};

/// Frames over UDP sockets of our own. A host with a loop of its own calls poll(); a program that runs the
/// io_context calls start() once instead. Either way on one thread. What is sent by the route of a packet
/// that came leaves from the address that the packet came to.
class UdpTransport final : public Transport {
 public:
  /// Longer datagrams are dropped and counted (refused.frame_length).
  static constexpr std::size_t max_datagram_bytes = ReceivedDatagrams::max_bytes;
  /// Packets read from one socket before other events are handled.
  static constexpr std::size_t burst = 256;

  /// Binds the sockets. `io` must outlive the transport. If only one of the IPv4 and
  /// IPv6 sockets can be opened, that is logged, and not an error. Errors are the system's: address_in_use,
  /// access_denied, address_not_available,
  /// ...; invalid_argument when the address is not numeric.
  static Result<std::unique_ptr<UdpTransport>, boost::system::error_code> open(boost::asio::io_context& io,
                                                                               const UdpOptions& options,
                                                                               Telemetry telemetry);
  ~UdpTransport() override;
  UdpTransport(const UdpTransport&) = delete;
  UdpTransport& operator=(const UdpTransport&) = delete;

  /// Delivers received packets, at most `limit`; never blocks. Returns how many were read.
  std::size_t poll(std::size_t limit = burst);

  /// Receives whenever `io` runs, and calls `after_burst` (may be empty) after each burst.
  void start(std::function<void()> after_burst);

  /// The port of the first socket.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] bool has_ipv4() const noexcept { return v4_.is_open(); }
  [[nodiscard]] bool has_ipv6() const noexcept { return v6_.is_open(); }

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::udp; }
  /// False also when the socket's buffer is full, or there is no socket of the address's family.
  bool send(const Route& to, ByteView packet) noexcept override;
  void set_receiver(PacketReceiver* receiver) noexcept override { receiver_ = receiver; }

 private:
  using Socket = boost::asio::ip::udp::socket;

  UdpTransport(boost::asio::io_context& io, Telemetry telemetry);
  boost::system::error_code bind(const UdpOptions& options);
  boost::system::error_code bind_socket(Socket& socket, const boost::asio::ip::udp::endpoint& local,
                                        const UdpOptions& options) const;
  std::size_t drain(Socket& socket, std::size_t limit);
  void wait(Socket& socket);

  Telemetry telemetry_;
  Socket v4_;
  Socket v6_;
  std::uint16_t port_ = 0;
  PacketReceiver* receiver_ = nullptr;
  std::function<void()> after_burst_;
  std::unique_ptr<ReceivedDatagrams> received_ = std::make_unique<ReceivedDatagrams>();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // A queued handler may outlive the transport.
};

}  // namespace toxasync
