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

/// Where `toxasyncd backup` and `toxasyncd stats` reach the node that is running: a Unix socket in its data
/// directory, for its own user. A line asks, a line answers, and the connection ends.
class ControlSocket {
 public:
  static constexpr std::size_t most_line_bytes = 64;
  static constexpr std::size_t most_sessions = 8;  ///< Further ones are closed at once.
  static constexpr int patience_s = 10;            ///< For the line.

  using Answer = std::function<void(const std::string& line)>;
  /// May answer later; an answer that nobody waits for any more goes nowhere.
  using Handler = std::function<void(std::string_view command, Answer answer)>;

  /// Without it the node serves all the same: what goes wrong is logged.
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
  boost::asio::steady_timer again_;  ///< After an accept that failed.
  std::shared_ptr<std::size_t> sessions_ = std::make_shared<std::size_t>(0);
};

}  // namespace toxasync::daemon
