// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/http_server.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

namespace toxasync::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Response = http::response<http::string_body>;

HttpAnswer plain(http::status status, std::string_view text) {
  HttpAnswer answer;
  answer.status = static_cast<unsigned>(status);
  answer.body = text;
  return answer;
}

Response to_response(HttpAnswer&& answer, unsigned version) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", answer.content_security_policy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Referrer-Policy", "no-referrer");
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

}  // namespace

bool is_own_host(std::string_view host, const std::vector<std::string>& names) {
  const bool bracketed = host.starts_with('[');  // an IPv6 address: its colons do not separate a port
  const auto end = bracketed ? host.find(']') : std::min(host.find(':'), host.size());
  if (end == std::string_view::npos) {
    return false;
  }
  const std::string_view name = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
  const auto is_name = [name](std::string_view own) { return beast::iequals(name, own); };
  error_code no_address;
  asio::ip::make_address(std::string(name), no_address);
  return !no_address || (!bracketed && (is_name("localhost") || std::ranges::any_of(names, is_name)));
}

struct HttpServer::Shared {
  HttpServer* server;  ///< Null after its end.
  const Handler handler;
  std::vector<std::string> hosts;
  std::vector<Connection*> connections;
};

/// Answers the requests of one client. Kept alive by its pending handlers.
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)), shared_(std::move(shared)) {
    shared_->connections.push_back(this);
  }
  ~Connection() {
    std::erase(shared_->connections, this);
    try {
      if (shared_->server != nullptr) {
        shared_->server->accept();
      }
    } catch (const std::exception&) {  // out of memory: the next connection that ends tries again
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(std::uint64_t{0});
    stream_.expires_after(time_limit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const error_code& failed, std::size_t /*size*/) {
                       self->on_read(failed);
                     });
  }
  void close() { stream_.close(); }

 private:
  void on_read(const error_code& failed) noexcept {
    try {
      answer_or_end(failed);
    } catch (const std::exception&) {  // out of memory
      stream_.close();
    }
  }

  void answer_or_end(const error_code& failed) {
    if (!failed) {
      return answer(respond(parser_->get()), parser_->get().method() == http::verb::head);
    }
    if (failed == http::error::body_limit) {
      return answer_and_close(plain(http::status::payload_too_large, "Request bodies are not accepted.\n"));
    }
    if (failed == http::error::header_limit) {
      return answer_and_close(
          plain(http::status::request_header_fields_too_large, "The request header is too long.\n"));
    }
    if (failed.category() == make_error_code(http::error::bad_method).category() &&
        failed != http::error::end_of_stream && failed != http::error::partial_message) {
      return answer_and_close(plain(http::status::bad_request, "Not an HTTP request.\n"));
    }
    stream_.close();  // closed by the client, or timed out
  }

  void answer_and_close(HttpAnswer&& refusal) {
    Response response = to_response(std::move(refusal), 11);
    response.keep_alive(false);
    answer(std::move(response), false);
  }

  [[nodiscard]] Response respond(const http::request<http::empty_body>& request) {
    Response response = to_response(answer_to(request), request.version());
    response.keep_alive(request.keep_alive() && ++requests_ < max_requests);
    if (response.result() == http::status::method_not_allowed) {
      response.set(http::field::allow, "GET, HEAD");
    }
    return response;
  }

  [[nodiscard]] HttpAnswer answer_to(const http::request<http::empty_body>& request) const {
    if (!is_own_host(std::string_view(request[http::field::host]), shared_->hosts)) {
      return plain(http::status::misdirected_request,
                   "Unknown host name: use an IP address, or add the name with --status-host.\n");
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return plain(http::status::method_not_allowed, "Only GET and HEAD are supported.\n");
    }
    const auto target = request.target();
    if (shared_->server == nullptr) {
      return plain(http::status::service_unavailable, "The node is stopping.\n");
    }
    return shared_->handler(std::string_view(target.data(), target.size()));
  }

  void answer(Response&& response, bool header_only) {
    response_ = std::move(response);
    const auto on_written = [self = shared_from_this()](const error_code& failed, std::size_t /*size*/) {
      if (failed || !self->response_.keep_alive()) {
        return self->end();
      }
      self->read();
    };
    stream_.expires_after(time_limit);
    if (header_only) {
      serializer_.emplace(response_);
      http::async_write_header(stream_, *serializer_, on_written);
    } else {
      http::async_write(stream_, response_, on_written);
    }
  }

  /// Reads for a moment what the client still sends: closing at once would reset the connection and could
  /// lose the answer.
  void end() {
    constexpr std::chrono::seconds moment{1};
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    stream_.expires_after(moment);
    stream_.async_read_some(buffer_.prepare(header_limit),
                            [self = shared_from_this()](const error_code&, std::size_t) {});
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  beast::flat_static_buffer<header_limit> buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  unsigned requests_ = 0;
};

HttpServer::HttpServer(asio::io_context& io, Handler handler, std::vector<std::string> hosts)
    : shared_(std::make_shared<Shared>(Shared{this, std::move(handler), std::move(hosts), {}})),
      acceptor_(io),
      retry_timer_(io) {}

HttpServer::~HttpServer() {
  close();
  shared_->server = nullptr;
}

error_code HttpServer::listen(const tcp::endpoint& at) {
  close();
  error_code failed;
  acceptor_.open(at.protocol(), failed);
  if (!failed) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  }
  if (!failed) {
    acceptor_.bind(at, failed);
  }
  if (!failed) {
    acceptor_.listen(max_connections, failed);
  }
  if (failed) {
    error_code ignored;
    acceptor_.close(ignored);
    return failed;
  }
  accept();
  return {};
}

void HttpServer::close() {
  error_code ignored;
  acceptor_.close(ignored);
  retry_timer_.cancel();
  for (Connection* connection : shared_->connections) {
    connection->close();
  }
}

tcp::endpoint HttpServer::local_endpoint() const noexcept {
  error_code closed;
  return acceptor_.local_endpoint(closed);
}

void HttpServer::set_hosts(std::vector<std::string> hosts) {
  shared_->hosts = std::move(hosts);
}

/// Unless it already accepts, or there are max_connections.
void HttpServer::accept() {
  if (accepting_ || !acceptor_.is_open() || shared_->connections.size() >= max_connections) {
    return;
  }
  acceptor_.async_accept([this, shared = shared_](const error_code& failed, tcp::socket socket) {
    if (shared->server == nullptr) {
      return;
    }
    if (failed && failed != asio::error::operation_aborted) {  // out of file descriptors: try again later
      retry_timer_.expires_after(std::chrono::seconds(1));
      return retry_timer_.async_wait([this, shared](const error_code& /*ended*/) {
        if (shared->server != nullptr) {
          accepting_ = false;
          accept();
        }
      });
    }
    accepting_ = false;
    try {
      if (!failed) {
        std::make_shared<Connection>(std::move(socket), shared)->read();
      }
    } catch (const std::exception&) {  // out of memory: this client is not answered
    }
    accept();  // Also if listen() or close() was called meanwhile.
  });
  accepting_ = true;
}

}  // namespace toxasync::daemon
