// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/transport.hpp"
#include "client/client.hpp"

namespace toxasync::daemon {

struct BootstrapNode {
  std::string host;
  std::string port;
  ByteArray<32> key{};
};

struct Options {
  std::filesystem::path data_directory;
  std::uint16_t tox_port = 33445;  ///< 0: not over toxcore.
  std::uint16_t tcp_port = 0;      ///< 0: no TCP relay.
  std::uint16_t udp_port = 33500;  ///< 0: not over a socket of our own.
  std::optional<boost::asio::ip::address> bind;
  std::vector<Endpoint> addresses;  ///< Port 0: all of our ports.
  std::uint64_t capacity_bytes = 0;
  std::vector<BootstrapNode> bootstrap;
  std::vector<client::KnownNode> peers;  ///< Nodes that clients are told of.
  std::size_t couriers = 0;              ///< The most at a time; 0: not over friend packets.
  std::uint32_t key_work_per_minute = 0;
  std::uint32_t key_work_burst = 0;
  bool verbose = false;
};

/// Nothing when --help or --version was asked for, and answered on stdout. Throws StartupError.
std::optional<Options> parse_options(int count, const char* const* arguments);

}  // namespace toxasync::daemon
