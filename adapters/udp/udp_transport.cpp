// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/udp/udp_transport.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "adapters/addresses/asio_endpoint.hpp"

namespace toxasync {

namespace asio = boost::asio;
using boost::system::error_code;
using udp = asio::ip::udp;

namespace {

bool would_block(const error_code& error) noexcept {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

Result<std::unique_ptr<UdpTransport>, error_code> UdpTransport::open(asio::io_context& io,
                                                                     const UdpOptions& options,
                                                                     Telemetry telemetry) {
  std::unique_ptr<UdpTransport> transport(new UdpTransport(io, telemetry));
  const error_code failed = transport->bind(options);
  if (failed) {
    return failed;
  }
  return transport;
}

UdpTransport::UdpTransport(asio::io_context& io, Telemetry telemetry)
    : telemetry_(telemetry), v4_(io), v6_(io) {}

UdpTransport::~UdpTransport() {
  error_code ignored;
  v4_.close(ignored);
  v6_.close(ignored);
}

error_code UdpTransport::bind(const UdpOptions& options) {
  if (!options.address.empty()) {
    error_code failed;
    const auto address = asio::ip::make_address(options.address, failed);
    if (failed) {
      return asio::error::invalid_argument;
    }
    Socket& socket = address.is_v4() ? v4_ : v6_;
    failed = bind_socket(socket, {address, options.port}, options);
    if (!failed) {
      port_ = socket.local_endpoint(failed).port();
    }
    return failed;
  }
  error_code failed4 = bind_socket(v4_, {udp::v4(), options.port}, options);
  if (!failed4) {
    port_ = v4_.local_endpoint(failed4).port();
  }
  // The same port for both families: it is one node to its peers.
  error_code failed6 = bind_socket(v6_, {udp::v6(), port_ != 0 ? port_ : options.port}, options);
  if (!failed6 && failed4) {
    port_ = v6_.local_endpoint(failed6).port();
  }
  if (failed4 && failed6) {
    return failed4;
  }
  if (failed4) {
    telemetry_.log(LogLevel::warning, "udp",
                   "cannot open an IPv4 socket: " + failed4.message() + "; using IPv6 only");
  } else if (failed6) {
    telemetry_.log(LogLevel::info, "udp",
                   "cannot open an IPv6 socket: " + failed6.message() + "; using IPv4 only");
  }
  return {};
}

error_code UdpTransport::bind_socket(Socket& socket, const udp::endpoint& local,
                                     const UdpOptions& options) const {
  error_code failed;
  socket.open(local.protocol(), failed);
  if (failed) {
    return failed;
  }
  if (local.address().is_v6()) {
    socket.set_option(asio::ip::v6_only(true), failed);
  }
  if (!failed) {
    socket.bind(local, failed);
  }
  if (!failed) {
    socket.non_blocking(true, failed);
  }
  if (!failed && local.address().is_unspecified() && !request_local_address(socket)) {
    telemetry_.log(LogLevel::warning, "udp",
                   "the system does not report the destination address of packets: on a machine with several "
                   "addresses, answers may be sent from another one");
  }
  error_code ignored;
  if (failed) {
    socket.close(ignored);
    return failed;
  }
  socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer_bytes), ignored);
  return {};
}

std::size_t UdpTransport::poll(std::size_t limit) {
  const std::size_t read = v4_.is_open() ? drain(v4_, limit) : 0;
  return read + (v6_.is_open() ? drain(v6_, limit - read) : 0);
}

std::size_t UdpTransport::drain(Socket& socket, std::size_t limit) {
  std::size_t read = 0;
  while (read < limit) {
    error_code failed;
    const std::size_t wanted = std::min(limit - read, ReceivedDatagrams::max);
    const std::size_t received = received_->receive(socket, wanted, failed);
    if (would_block(failed)) {
      break;
    }
    if (failed) {
      // An ICMP error for an earlier packet of ours (connection refused, ...): that peer is down, the socket
      // is not.
      ++read;
      continue;
    }
    for (std::size_t i = 0; i < received; ++i) {
      const ByteView packet = received_->bytes(i);
      if (packet.size() > max_datagram_bytes) {
        telemetry_.refuse(Counter::refused_length);
      } else if (receiver_ != nullptr) {
        receiver_->on_packet(received_->from(i), packet);
      }
    }
    read += received;
    if (received < wanted) {
      break;
    }
  }
  return read;
}

bool UdpTransport::send(const Route& to, ByteView packet) noexcept {
  if (to.sendback_size != 0 && to.transport != TransportKind::udp) {
    return false;  // It came through a relay of another transport.
  }
  const auto endpoint = to_asio(to.endpoint);
  if (!endpoint || endpoint->port() == 0) {
    return false;
  }
  Socket& socket = endpoint->address().is_v4() ? v4_ : v6_;
  if (!socket.is_open()) {
    return false;
  }
  error_code failed;
  send_datagram(socket, *endpoint, to.sendback_bytes(), packet, failed);
  if (failed == asio::error::connection_refused) {
    // Linux reports an earlier packet's ICMP error once, in place of sending this one.
    send_datagram(socket, *endpoint, to.sendback_bytes(), packet, failed);
  }
  return !failed;
}

void UdpTransport::start(std::function<void()> after_burst) {
  after_burst_ = std::move(after_burst);
  if (v4_.is_open()) {
    wait(v4_);
  }
  if (v6_.is_open()) {
    wait(v6_);
  }
}

void UdpTransport::wait(Socket& socket) {
  const std::weak_ptr<bool> alive = alive_;
  socket.async_wait(Socket::wait_read, [this, alive, &socket](const error_code& failed) {
    if (alive.expired() || failed == asio::error::operation_aborted) {
      return;
    }
    if (failed) {
      telemetry_.log(LogLevel::error, "udp", "cannot wait for packets: " + failed.message());
      return;
    }
    drain(socket, burst);
    if (after_burst_) {
      after_burst_();
    }
    wait(socket);
  });
}

}  // namespace toxasync
