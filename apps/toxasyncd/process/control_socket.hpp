// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.hpp"

namespace toxasync::daemon {

/// Receives the commands of `toxasyncd backup` and `toxasyncd stats`: a Unix socket in the data directory,
/// for the node's own user. One line is the command, one line the answer, then the connection is closed.
class ControlSocket {
 public:
  static constexpr std::size_t max_line_bytes = 64;
  static constexpr std::size_t max_sessions = 8;  ///< Further ones are closed at once.
  static constexpr seconds line_timeout = 10s;    ///< To receive the line.

  using Answer = std::function<void(const std::string& line)>;
  /// May answer later; the answer to a closed connection is dropped.
  using Handler = std::function<void(std::string_view command, Answer answer)>;

  /// Errors are logged: the node can run without the socket.
  ControlSocket(boost::asio::io_context& io, std::filesystem::path path, Handler handler,
                const Telemetry& telemetry);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  class Session;
  [[nodiscard]] bool listen();
  void accept();

  std::filesystem::path path_;
  std::shared_ptr<const Handler> handler_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer retry_timer_;  ///< After an accept that failed.
  std::shared_ptr<std::size_t> sessions_ = std::make_shared<std::size_t>(0);
};

}  // namespace toxasync::daemon
