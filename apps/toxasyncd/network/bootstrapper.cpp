// SPDX-License-Identifier: GPL-3.0-or-later
#include "network/bootstrapper.hpp"

#include <utility>

namespace toxasync::daemon {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

Bootstrapper::Bootstrapper(asio::io_context& io, const ToxHost& host, std::vector<BootstrapNode> nodes,
                           Telemetry telemetry)
    : host_(host), nodes_(std::move(nodes)), telemetry_(telemetry), resolver_(io), timer_(io) {}

void Bootstrapper::set_nodes(std::vector<BootstrapNode> nodes) {
  nodes_ = std::move(nodes);
  start();
}

void Bootstrapper::start() {
  timer_.cancel();
  if (nodes_.empty()) {
    return;
  }
  if (!host_.connected()) {
    for (const BootstrapNode& node : nodes_) {
      resolve(node);
    }
  }
  timer_.expires_after(interval);
  timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      start();
    }
  });
}

void Bootstrapper::resolve(const BootstrapNode& node) {
  resolver_.async_resolve(node.host, node.port,
                          [this, node](const error_code& failed, const udp::resolver::results_type& found) {
                            if (failed == asio::error::operation_aborted) {
                              return;
                            }
                            if (failed) {
                              telemetry_.log(LogLevel::warning, "bootstrap",
                                             "cannot resolve " + node.host + ": " + failed.message());
                              return;
                            }
                            for (const auto& entry : found) {
                              const udp::endpoint endpoint = entry.endpoint();
                              tox_bootstrap(host_.tox(), endpoint.address().to_string().c_str(),
                                            endpoint.port(), node.key.data(), nullptr);
                            }
                          });
}

}  // namespace toxasync::daemon
