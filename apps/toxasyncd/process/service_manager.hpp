// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <string_view>

namespace toxasync::daemon {

/// Tells the service manager how far we are, if it wants to know: a datagram to the socket that it names in
/// NOTIFY_SOCKET (sd_notify(3)). And that the loop turns, as often as it asks for that in WATCHDOG_USEC.
class ServiceManager {
 public:
  explicit ServiceManager(boost::asio::io_context& io);

  /// Serving from now on; the text is for people.
  void ready(const std::string& status);
  void reloading();
  void stopping();

 private:
  void notify(const std::string& state);
  void watch();

  boost::asio::local::datagram_protocol::socket socket_;
  boost::asio::local::datagram_protocol::endpoint manager_;
  bool told_ = false;  ///< There is somebody to tell.
  std::chrono::microseconds watchdog_{0};
  boost::asio::steady_timer timer_;
};

}  // namespace toxasync::daemon
