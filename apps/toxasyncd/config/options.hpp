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

inline constexpr std::size_t max_peers = 64;

struct BootstrapNode {
  std::string host;
  std::string port;
  ByteArray<32> key{};
};

/// The values of all settings. Defaults: settings.cpp.
struct Options {
  std::filesystem::path data_directory;
  std::string store;           ///< A connection string of libpq; empty: a file in the data directory.
  std::uint16_t tox_port = 0;  ///< 0: no Tox instance.
  std::uint16_t tcp_port = 0;  ///< 0: no TCP relay.
  std::uint16_t udp_port = 0;  ///< 0: no UDP socket of our own.
  std::optional<boost::asio::ip::address> bind;
  std::vector<Endpoint> addresses;  ///< Port 0: all of our ports.
  std::uint64_t capacity_bytes = 0;
  std::vector<BootstrapNode> bootstrap;
  std::vector<client::KnownNode> peers;  ///< Nodes announced to clients.
  std::size_t couriers = 0;              ///< At most; 0: Tox friends are not served.
  std::uint32_t key_agreements_per_minute = 0;
  std::uint32_t key_agreements_burst = 0;
  std::uint16_t status_port = 0;  ///< 0: no status page.
  boost::asio::ip::address status_address;
  std::vector<std::string> status_hosts;  ///< Host names of the status page.
  LogLevel log_level = LogLevel::info;
};

}  // namespace toxasync::daemon
