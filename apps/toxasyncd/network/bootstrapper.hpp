// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

#include "base/metrics.hpp"
#include "config/options.hpp"
#include "network/tox_host.hpp"

namespace toxasync::daemon {

/// Joins the Tox network through the nodes of --bootstrap, and retries until it is connected. Host names are
/// resolved asynchronously.
class Bootstrapper {
 public:
  static constexpr std::chrono::seconds interval{10};

  /// The references must outlive it.
  Bootstrapper(boost::asio::io_context& io, const ToxHost& host, std::vector<BootstrapNode> nodes,
               Telemetry telemetry);

  void start();
  /// Uses these from now on.
  void set_nodes(std::vector<BootstrapNode> nodes);

 private:
  void resolve(const BootstrapNode& node);

  const ToxHost& host_;
  std::vector<BootstrapNode> nodes_;
  Telemetry telemetry_;
  boost::asio::ip::udp::resolver resolver_;
  boost::asio::steady_timer timer_;
};

}  // namespace toxasync::daemon
