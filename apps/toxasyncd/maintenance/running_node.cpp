// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/running_node.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string_view>

#include "maintenance/offline_store.hpp"

namespace toxasync::daemon {

namespace asio = boost::asio;

std::optional<std::string> ask_running_node(const DataDirectory& directory, const std::string& command) {
  using asio::local::stream_protocol;
  const std::string path = directory.control_socket().string();
  asio::io_context io;
  stream_protocol::socket socket(io);
  boost::system::error_code failed;
  if (path.size() >= sizeof(sockaddr_un::sun_path) ||
      socket.connect(stream_protocol::endpoint(path), failed)) {
    if (failed == asio::error::access_denied) {
      fail_maintenance(path + ": permission denied: run this as the user of the node, or as root");
    }
    return std::nullopt;
  }
  constexpr std::size_t max_answer_bytes = 1024;
  std::string answer;
  asio::write(socket, asio::buffer(command + '\n'), failed);
  if (!failed) {
    asio::read_until(socket, asio::dynamic_buffer(answer, max_answer_bytes), '\n', failed);
  }
  if (failed || answer.empty()) {
    fail_maintenance("the node closed the connection: see its log");
  }
  answer.pop_back();
  if (!answer.starts_with("ok ")) {
    constexpr std::string_view error = "error ";
    fail_maintenance("the node reports: " + answer.substr(answer.starts_with(error) ? error.size() : 0));
  }
  return answer.substr(3);
}

}  // namespace toxasync::daemon
