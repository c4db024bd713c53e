// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "status/http_server.hpp"
#include "tests/store/support.hpp"

namespace toxasync::daemon::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Fixture {
  asio::io_context io;
  HttpServer server{io, [](std::string_view) { return HttpAnswer{.body = "here"}; }, {}};
  std::vector<tcp::socket> clients;

  Fixture() { listen(); }
  void listen() { BOOST_REQUIRE(!server.listen(tcp::endpoint(asio::ip::address_v4::loopback(), 0))); }
  void ask(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      clients.emplace_back(io).connect(server.local_endpoint());
      asio::write(clients.back(), asio::buffer(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")));
    }
  }
  [[nodiscard]] std::size_t answered() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(clients, [](const tcp::socket& client) { return client.available() != 0; }));
  }
  /// Until so many are answered, and then all that can be done without waiting.
  void run_until_answered(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + store::test::patience;
    io.restart();
    while (answered() < count && std::chrono::steady_clock::now() < deadline) {
      io.run_one_for(std::chrono::milliseconds(100));
    }
    io.poll();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(daemon_http, Fixture)

BOOST_AUTO_TEST_CASE(connections_are_limited_also_after_listening_elsewhere) {
  constexpr std::size_t more = 4;
  ask(HttpServer::max_connections);  // No more at once: the system's queue has room for no more.
  run_until_answered(HttpServer::max_connections);
  ask(more);
  run_until_answered(HttpServer::max_connections);
  BOOST_TEST(answered() == HttpServer::max_connections);
  clients.clear();
  listen();
  ask(HttpServer::max_connections);
  run_until_answered(HttpServer::max_connections);
  ask(more);
  run_until_answered(HttpServer::max_connections);
  BOOST_TEST(answered() == HttpServer::max_connections);
  clients.erase(clients.begin(), clients.begin() + more);
  run_until_answered(HttpServer::max_connections);
  BOOST_TEST(answered() == HttpServer::max_connections);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::daemon::test
