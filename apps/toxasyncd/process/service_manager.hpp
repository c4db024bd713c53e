// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <string_view>

namespace toxasync::daemon {

/// Reports the state of the program to the service manager, by datagrams to the socket NOTIFY_SOCKET
/// (sd_notify(3)), and that the event loop is running, as often as WATCHDOG_USEC requires.
class ServiceManager {
 public:
  explicit ServiceManager(boost::asio::io_context& io);

  /// `status` is shown by `systemctl status`.
  void ready(const std::string& status);
  void reloading();
  void stopping();

 private:
  void notify(const std::string& state);
  void watch();

  boost::asio::local::datagram_protocol::socket socket_;
  boost::asio::local::datagram_protocol::endpoint socket_address_;
  bool enabled_ = false;
  std::chrono::microseconds watchdog_{0};
  boost::asio::steady_timer timer_;
};

}  // namespace toxasync::daemon
