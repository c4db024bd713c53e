// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <string>

#include "status/http_server.hpp"
#include "target.hpp"

// What a stranger sends to the port of the status page. The first byte says in how many pieces it comes;
// after each the server does all that it can.

namespace {

using namespace toxasync;
namespace asio = boost::asio;
using asio::ip::tcp;

class Server {
 public:
  Server() {
    fuzz::check(!server_.listen(tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
                "a port of 127.0.0.1 is free");
  }

  /// All that it answers to these bytes, which come in so many pieces.
  std::string ask(ByteView in, std::size_t pieces) {
    tcp::socket client(io_);
    client.connect(server_.local_endpoint());
    client.set_option(asio::socket_base::linger(true, 0));  // the client's port is free again at once
    client.set_option(tcp::no_delay(true));
    std::string answer;
    boost::system::error_code ended;
    const std::size_t piece = in.size() / pieces + 1;
    while (!in.empty() && !ended) {
      const ByteView part = in.first(std::min(piece, in.size()));
      in = in.subspan(part.size());
      asio::write(client, asio::buffer(part.data(), part.size()), ended);
      settle();
      read_available(client, answer);
    }
    client.close();
    settle();
    return answer;
  }
  [[nodiscard]] std::size_t requests() const noexcept { return requests_; }

 private:
  void settle() {
    do {
      io_.restart();
    } while (io_.poll() != 0);
  }
  static void read_available(tcp::socket& client, std::string& answer) {
    boost::system::error_code failed;
    while (const std::size_t size = client.available(failed)) {
      const std::size_t had = answer.size();
      answer.resize(had + size);
      answer.resize(had + client.read_some(asio::buffer(answer.data() + had, size), failed));
    }
  }

  std::size_t requests_ = 0;
  asio::io_context io_;
  daemon::HttpServer server_{io_,
                             [this](std::string_view target) {
                               ++requests_;
                               daemon::HttpAnswer answer;
                               answer.body = target;
                               return answer;
                             },
                             {"node.example"}};
};

}  // namespace

TOXASYNC_FUZZ_TARGET(http) {
  if (in.empty()) {
    return;
  }
  static Server server;
  const auto before = server.requests();
  const std::string answer = server.ask(in.subspan(1), 1 + in[0] % 4);
  const auto served = server.requests() - before;
  fuzz::check(answer.empty() || answer.starts_with("HTTP/1."), "an answer is HTTP");
  const std::string_view text(reinterpret_cast<const char*>(in.data()), in.size());
  std::size_t hosts = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    hosts += boost::beast::iequals(text.substr(at, 4), "host") ? 1 : 0;
  }
  fuzz::check(served <= hosts, "only a request that names a host reaches the site");
}
