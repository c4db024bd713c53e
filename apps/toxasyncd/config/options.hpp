// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/transport.hpp"
#include "client/types.hpp"

namespace toxasync::daemon {

inline constexpr std::size_t most_peers = 64;  ///< Nodes that the operator may name.

struct BootstrapNode {
  std::string host;
  std::string port;
  ByteArray<32> key{};
};

/// What the program works with. Where a value comes from, and the defaults: settings.cpp.
struct Options {
  std::filesystem::path data_directory;
  std::string store;           ///< A connection string of libpq; empty: a file in the data directory.
  std::uint16_t tox_port = 0;  ///< 0: not over toxcore.
  std::uint16_t tcp_port = 0;  ///< 0: no TCP relay.
  std::uint16_t udp_port = 0;  ///< 0: not over a socket of our own.
  std::optional<boost::asio::ip::address> bind;
  std::vector<Endpoint> addresses;  ///< Port 0: all of our ports.
  std::uint64_t capacity_bytes = 0;
  std::vector<BootstrapNode> bootstrap;
  std::vector<client::KnownNode> peers;  ///< Nodes that clients are told of.
  std::size_t couriers = 0;              ///< The most at a time; 0: not over friend packets.
  std::uint32_t key_work_per_minute = 0;
  std::uint32_t key_work_burst = 0;
  std::uint16_t status_port = 0;  ///< 0: no status page.
  boost::asio::ip::address status_address;
  std::vector<std::string> status_hosts;  ///< Names by which the status page may be asked for.
  LogLevel log_level = LogLevel::info;
};

}  // namespace toxasync::daemon
