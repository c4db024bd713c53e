// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace toxasync::daemon {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string content_security_policy = "default-src 'none'; frame-ancestors 'none'";
};

/// Answers GET and HEAD, and nothing else, on the loop that is handed in. Everything that a stranger could
/// grow is bounded: connections (the others wait until one ends), the header, the time for it, requests on
/// one connection; a body is refused. The Host must be an address, `localhost` or one of the names, so that
/// no web page in the operator's browser gets here by a name of its own that it points to this machine (DNS
/// rebinding).
class HttpServer {
 public:
  static constexpr std::size_t most_connections = 16;
  static constexpr std::uint32_t header_limit = 8192;
  static constexpr unsigned requests_each = 1000;  ///< On one connection.
  static constexpr std::chrono::seconds time_limit{10};

  /// Gives the answer for a target, e.g. "/metrics".
  using Handler = std::function<HttpAnswer(std::string_view target)>;

  HttpServer(boost::asio::io_context& io, Handler handler, std::vector<std::string> hosts);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Takes the place of what it listened on before.
  boost::system::error_code listen(const boost::asio::ip::tcp::endpoint& at);
  /// No longer, and ends the connections.
  void close();
  /// Port 0: it does not listen.
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_endpoint() const noexcept;
  void set_hosts(std::vector<std::string> hosts);

 private:
  class Connection;
  struct Shared;

  void accept();

  std::shared_ptr<Shared> shared_;  ///< With the connections, which may outlive the server by a moment.
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer again_;  ///< After an accept that failed.
  bool accepting_ = false;           ///< Or waits to do so again.
};

/// Whether a Host header names this server: an address or `localhost` or one of `names`, with or without a
/// port.
bool is_own_host(std::string_view host, const std::vector<std::string>& names);

}  // namespace toxasync::daemon
