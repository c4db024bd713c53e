// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "process/control_socket.hpp"
#include "tests/store/support.hpp"
#include "tests/support/quiet_log.hpp"

namespace toxasync::daemon::test {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

struct Fixture {
  store::test::TemporaryDirectory directory;
  std::filesystem::path path = directory.path() / "control";
  Metrics metrics;
  toxasync::test::QuietLog log;
  Telemetry telemetry{metrics, log};
  asio::io_context io;
  std::vector<std::string> asked;
  ControlSocket::Answer later;
  std::optional<ControlSocket> control;

  Fixture() { start(); }
  void start() {
    control.emplace(
        io, path,
        [this](std::string_view command, const ControlSocket::Answer& answer) {
          asked.emplace_back(command);
          command == "later" ? static_cast<void>(later = answer) : answer("ok " + std::string(command));
        },
        telemetry);
  }
  /// Connects, and sends.
  stream_protocol::socket ask(const std::string& text) {
    stream_protocol::socket socket(io);
    socket.connect(stream_protocol::endpoint(path.string()));
    error_code ignored;
    asio::write(socket, asio::buffer(text), ignored);
    return socket;
  }
  void run(std::chrono::milliseconds time = std::chrono::milliseconds(200)) {
    io.restart();
    io.run_for(time);
  }
  /// All that comes until the end of the connection; nothing if it does not end.
  std::optional<std::string> answer(stream_protocol::socket& socket) {
    std::optional<std::string> all;
    std::string text;
    asio::async_read(socket, asio::dynamic_buffer(text), [&](const error_code& ended, std::size_t) {
      if (ended != asio::error::operation_aborted) {
        all = text;
      }
    });
    const auto deadline = std::chrono::steady_clock::now() + store::test::patience;
    io.restart();
    while (!all && std::chrono::steady_clock::now() < deadline &&
           io.run_one_for(std::chrono::seconds(1)) > 0) {
    }
    return all;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(daemon_control, Fixture)

BOOST_AUTO_TEST_CASE(one_line_is_answered_by_one_line) {
  auto socket = ask("stats\n");
  BOOST_TEST(answer(socket).value() == "ok stats\n");
  auto two = ask("one\ntwo\n");
  BOOST_TEST(answer(two).value() == "ok one\n");
  BOOST_TEST((asked == std::vector<std::string>{"stats", "one"}));
}

BOOST_AUTO_TEST_CASE(the_socket_is_private_and_removed_at_the_end) {
  struct stat status {};
  BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
  BOOST_TEST((status.st_mode & 0777U) == 0600U);
  control.reset();
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(a_line_that_is_too_long_is_not_answered) {
  auto longest = ask(std::string(ControlSocket::max_line_bytes - 1, 'x') + "\n");
  BOOST_TEST(answer(longest).has_value());
  BOOST_TEST(asked.size() == 1U);
  auto longer = ask(std::string(ControlSocket::max_line_bytes, 'x') + "\n");
  BOOST_TEST(answer(longer).value().empty());
  auto endless = ask(std::string(100'000, 'x'));
  BOOST_TEST(answer(endless).value().empty());
  BOOST_TEST(asked.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_client_may_disconnect_before_the_answer) {
  { const auto gone = ask("later\n"); }
  { const auto silent = ask(""); }
  { const auto half = ask("sta"); }
  for (int i = 0; i < 1000 && !later; ++i) {
    io.restart();
    io.run_one_for(std::chrono::milliseconds(100));
  }
  BOOST_REQUIRE(later);
  later("ok");
  later = nullptr;
  auto socket = ask("stats\n");
  BOOST_TEST(answer(socket).value() == "ok stats\n");
}

BOOST_AUTO_TEST_CASE(connections_over_the_limit_are_closed) {
  std::vector<stream_protocol::socket> silent;
  for (std::size_t i = 0; i < ControlSocket::max_sessions; ++i) {
    silent.push_back(ask(""));
  }
  auto refused = ask("stats\n");
  BOOST_TEST(answer(refused).value().empty());
  asio::write(silent.front(), asio::buffer(std::string("stats\n")));
  BOOST_TEST(answer(silent.front()).value() == "ok stats\n");
  silent.clear();
  auto socket = ask("stats\n");
  std::optional<std::string> text = answer(socket);
  for (int i = 0; i < 100 && text == ""; ++i) {  // The ends of the others may not have been seen yet.
    socket = ask("stats\n");
    text = answer(socket);
  }
  BOOST_TEST(text.value() == "ok stats\n");
}

BOOST_AUTO_TEST_CASE(out_of_file_descriptors_it_waits_without_spinning) {
  auto socket = ask("stats\n");
  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int first_free = ::dup(0);
  BOOST_REQUIRE(first_free > 0);
  ::close(first_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(first_free);
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  io.restart();
  const std::size_t turns = io.run_for(std::chrono::milliseconds(200));
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  BOOST_TEST(turns > 0U);
  BOOST_TEST(turns < 10U);
  BOOST_TEST(asked.empty());
  BOOST_TEST(answer(socket).value() == "ok stats\n");
}

BOOST_AUTO_TEST_CASE(the_socket_of_a_killed_node_is_replaced) {
  const auto kept = directory.path() / "kept";
  std::filesystem::rename(path, kept);
  control.reset();
  std::filesystem::rename(kept, path);  // Nobody listens on it any more.
  start();
  auto socket = ask("stats\n");
  BOOST_TEST(answer(socket).value() == "ok stats\n");
}

BOOST_AUTO_TEST_CASE(a_node_runs_without_a_control_socket) {
  control.reset();
  path = directory.path() / std::string(120, 'x');
  start();
  path = directory.path() / "none" / "control";
  start();
  run();
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::daemon::test
