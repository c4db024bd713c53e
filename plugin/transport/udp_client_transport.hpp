// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "adapters/udp/udp_transport.hpp"
#include "plugin/transport/client_transport.hpp"

namespace toxasync {

/// A UDP socket of our own.
class UdpClientTransport final : public ClientTransport {
 public:
  /// Errors are those of UdpTransport::open.
  static Result<std::unique_ptr<UdpClientTransport>, boost::system::error_code> open(std::uint16_t port,
                                                                                     Telemetry telemetry) {
    std::unique_ptr<UdpClientTransport> opened(new UdpClientTransport);
    UdpOptions options;
    options.port = port;
    auto udp = UdpTransport::open(opened->io_, options, telemetry);
    if (!udp) {
      return udp.error();
    }
    opened->udp_ = std::move(*udp);
    return opened;
  }

  [[nodiscard]] Tox_Async_Transport type() const noexcept override { return TOX_ASYNC_TRANSPORT_UDP; }
  [[nodiscard]] Transport& transport() noexcept override { return *udp_; }
  void poll() override { udp_->poll(); }
  [[nodiscard]] std::uint16_t udp_port() const noexcept override { return udp_->port(); }

 private:
  UdpClientTransport() = default;

  boost::asio::io_context io_{1};  ///< Never run: the client's loop polls the sockets.
  std::unique_ptr<UdpTransport> udp_;
};

}  // namespace toxasync
