// SPDX-License-Identifier: GPL-3.0-or-later
#include "process/control_socket.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace toxasync::daemon {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

/// One connection. Kept alive by its pending handlers.
class ControlSocket::Session : public std::enable_shared_from_this<ControlSocket::Session> {
 public:
  Session(stream_protocol::socket socket, std::shared_ptr<const Handler> handler,
          std::shared_ptr<std::size_t> sessions)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        handler_(std::move(handler)),
        sessions_(std::move(sessions)) {
    ++*sessions_;
  }
  ~Session() { --*sessions_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() {
    const auto self = shared_from_this();
    timer_.expires_after(line_timeout);
    timer_.async_wait([self](const error_code& aborted) {
      if (!aborted) {
        self->close();
      }
    });
    asio::async_read_until(socket_, asio::dynamic_buffer(line_, max_line_bytes), '\n',
                           [self](const error_code& failed, std::size_t size) {
                             self->timer_.cancel();
                             if (!failed) {
                               self->ask(size - 1);
                             }
                           });
  }

 private:
  void ask(std::size_t size) {
    (*handler_)(std::string_view(line_).substr(0, size),
                [self = shared_from_this()](const std::string& line) {
                  self->answer_ = line + '\n';
                  asio::async_write(self->socket_, asio::buffer(self->answer_),
                                    [self](const error_code&, std::size_t) { self->close(); });
                });
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

  stream_protocol::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<const Handler> handler_;
  std::shared_ptr<std::size_t> sessions_;
  std::string line_, answer_;
};

ControlSocket::ControlSocket(asio::io_context& io, std::filesystem::path path, Handler handler,
                             const Telemetry& telemetry)
    : path_(std::move(path)),
      handler_(std::make_shared<const Handler>(std::move(handler))),
      acceptor_(io),
      retry_timer_(io) {
  if (listen()) {
    accept();
    return;
  }
  error_code ignored;
  acceptor_.close(ignored);
  telemetry.log(LogLevel::warning, "control",
                "cannot create " + path_.string() +
                    ": `toxasyncd backup` and `toxasyncd stats` cannot reach this node");
}

ControlSocket::~ControlSocket() {
  if (acceptor_.is_open()) {
    (void)::unlink(path_.c_str());
  }
}

bool ControlSocket::listen() {
  if (path_.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return false;  // Too long for a socket address.
  }
  // Left by a node that was killed. No other one is running: it would have locked the database.
  (void)::unlink(path_.c_str());
  error_code failed;
  if (acceptor_.open(stream_protocol(), failed)) {
    return false;
  }
  // Before it has a name, so that nobody else can connect first.
  return ::fchmod(acceptor_.native_handle(), S_IRUSR | S_IWUSR) == 0 &&
         !acceptor_.bind(stream_protocol::endpoint(path_.string()), failed) &&
         ::chmod(path_.c_str(), S_IRUSR | S_IWUSR) == 0 &&
         !acceptor_.listen(static_cast<int>(max_sessions), failed);
}

void ControlSocket::accept() {
  acceptor_.async_accept([this](const error_code& failed, stream_protocol::socket socket) {
    if (failed == asio::error::operation_aborted) {
      return;
    }
    if (failed) {  // out of file descriptors: try again later
      retry_timer_.expires_after(1s);
      return retry_timer_.async_wait([this](const error_code& ended) {
        if (!ended) {
          accept();
        }
      });
    }
    if (*sessions_ < max_sessions) {
      std::make_shared<Session>(std::move(socket), handler_, sessions_)->start();
    }
    accept();
  });
}

}  // namespace toxasync::daemon
