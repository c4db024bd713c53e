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

/// Answers GET and HEAD requests. Everything that a stranger could exhaust is limited: connections (further
/// ones wait until one ends), the size of the header, the time to send it, requests per connection; bodies
/// are refused. The Host must be an address, `localhost` or one of the given names, against DNS rebinding.
class HttpServer {
 public:
  static constexpr std::size_t max_connections = 16;
  static constexpr std::uint32_t header_limit = 8192;
  static constexpr unsigned max_requests = 1000;  ///< On one connection.
  static constexpr std::chrono::seconds time_limit{10};

  /// Returns the answer for a target, e.g. "/metrics".
  using Handler = std::function<HttpAnswer(std::string_view target)>;

  HttpServer(boost::asio::io_context& io, Handler handler, std::vector<std::string> hosts);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Replaces the endpoint that it listened on before.
  boost::system::error_code listen(const boost::asio::ip::tcp::endpoint& at);
  /// Stops listening and closes the connections.
  void close();
  /// Port 0: not listening.
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_endpoint() const noexcept;
  void set_hosts(std::vector<std::string> hosts);

 private:
  class Connection;
  struct Shared;

  void accept();

  std::shared_ptr<Shared> shared_;  ///< With connections, which may outlive the server.
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_timer_;  ///< After an accept that failed.
  bool accepting_ = false;                 ///< Or waiting to retry.
};

/// Whether a Host header names this server: an address or `localhost` or one of `names`, with or without a
/// port.
bool is_own_host(std::string_view host, const std::vector<std::string>& names);

}  // namespace toxasync::daemon
