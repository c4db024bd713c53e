// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "adapters/addresses/node_address.hpp"
#include "store/postgres/postgres_link.hpp"

namespace toxasync::daemon {

namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr std::uint64_t smallest_capacity = mebibyte;
constexpr std::uint64_t largest_capacity = mebibyte << 20;

template <class Number>
Fault read_number(const std::string& text, std::uint64_t least, std::uint64_t most, Number& to) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value < least || value > most) {
    return "must be a number from " + std::to_string(least) + " to " + std::to_string(most);
  }
  to = static_cast<Number>(value);
  return {};
}

template <std::uint16_t Options::*port>
Fault read_port(const std::string& text, Options& to) {
  return read_number(text, 0, std::numeric_limits<std::uint16_t>::max(), to.*port);
}

template <std::uint32_t Options::*work, std::uint32_t least>
Fault read_key_work(const std::string& text, Options& to) {
  constexpr std::uint32_t most = 1'000'000;
  return read_number(text, least, most, to.*work);
}

Fault read_data_directory(const std::string& text, Options& to) {
  to.data_directory = text;
  return {};
}

Fault read_store(const std::string& text, Options& to) {
  to.store = text;
  return text.empty() ? Fault() : Fault(store::fault_of_connection_string(text));
}

Fault read_couriers(const std::string& text, Options& to) {
  constexpr std::uint64_t most = 4096;
  return read_number(text, 0, most, to.couriers);
}

Fault read_ip(const std::string& text, boost::asio::ip::address& to) {
  boost::system::error_code failed;
  to = boost::asio::ip::make_address(text, failed);
  return failed ? "must be a numeric IP address of this machine" : Fault();
}

Fault read_bind(const std::string& text, Options& to) {
  return read_ip(text, to.bind.emplace());
}

Fault read_status_address(const std::string& text, Options& to) {
  return read_ip(text, to.status_address);
}

Fault read_status_host(const std::string& text, Options& to) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  constexpr std::size_t longest = 253;  // RFC 1035
  if (text.size() > longest || text.find_first_not_of(allowed) != std::string::npos) {
    return "must be the name of a host, without a port";
  }
  to.status_hosts.push_back(text);
  return {};
}

Fault read_capacity(const std::string& text, Options& to) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  static constexpr std::string_view units = "KMGT";
  std::uint64_t unit = 1;
  bool good = read.ec == std::errc();
  if (good && read.ptr != end) {
    const auto place = units.find(*read.ptr);
    good = place != std::string_view::npos && read.ptr + 1 == end;
    unit = good ? 1ULL << (10 * (place + 1)) : 1;
  }
  if (!good || count > largest_capacity / unit || count * unit < smallest_capacity) {
    return "must be from 1M to 1T: a number of bytes, or one with K, M, G or T behind it";
  }
  to.capacity_bytes = count * unit;
  return {};
}

Fault read_address(const std::string& text, Options& to) {
  if (const auto endpoint = parse_endpoint(text)) {
    to.addresses.push_back(*endpoint);
    return {};
  }
  const bool bare_v6 = text.find('[') == std::string::npos && text.find("::") != std::string::npos;
  auto without_port = parse_endpoint((bare_v6 ? "[" + text + "]" : text) + ":1");
  if (!without_port) {
    return std::string(describe(without_port.error()));
  }
  without_port->port = 0;
  to.addresses.push_back(*without_port);
  return {};
}

Fault read_bootstrap(const std::string& text, Options& to) {
  const auto key_colon = text.rfind(':');
  const auto port_colon =
      key_colon == std::string::npos || key_colon == 0 ? std::string::npos : text.rfind(':', key_colon - 1);
  if (port_colon == std::string::npos || port_colon == 0) {
    return "must be HOST:PORT:KEY";
  }
  const auto key = array_from_hex<32>(std::string_view(text).substr(key_colon + 1));
  if (!key) {
    return "the key must be 64 hexadecimal digits";
  }
  BootstrapNode node{text.substr(0, port_colon), text.substr(port_colon + 1, key_colon - port_colon - 1),
                     *key};
  if (node.host.front() == '[' && node.host.back() == ']') {
    node.host = node.host.substr(1, node.host.size() - 2);
  }
  std::uint16_t port = 0;
  if (!read_number(node.port, 1, std::numeric_limits<std::uint16_t>::max(), port).empty()) {
    return "the port must be a number from 1 to 65535";
  }
  to.bootstrap.push_back(std::move(node));
  return {};
}

Fault read_peer(const std::string& text, Options& to) {
  auto node = parse_node_address(text);
  if (!node) {
    return std::string(describe(node.error()));
  }
  if (to.peers.size() >= most_peers) {
    return "there can be " + std::to_string(most_peers) + " peers at most";
  }
  to.peers.push_back(std::move(*node));
  return {};
}

Fault read_log_level(const std::string& text, Options& to) {
  constexpr std::array<std::string_view, 4> words = {"debug", "info", "warning", "error"};
  const auto* const found = std::ranges::find(words, text);
  if (found == words.end()) {
    return "must be one of: debug, info, warning, error";
  }
  to.log_level = static_cast<LogLevel>(found - words.begin());
  return {};
}

constexpr bool once = false;
constexpr bool many = true;
constexpr bool at_start = false;
constexpr bool reloads = true;
constexpr bool secret = true;

constexpr std::array<Setting, 17> settings = {{
    {"data-dir", "DIR", "where the node keeps what it has; made if it does not exist. One process at a time.",
     "/var/lib/toxasync", once, at_start, read_data_directory},
    {"store", "URL",
     "keep the mail in PostgreSQL, not in the data directory: postgresql://USER@HOST/DATABASE, or any other "
     "connection string of libpq without a password. Several daemons may share it: docs/postgres.md.",
     "", once, at_start, read_store, secret},
    {"address", "IP[:PORT]",
     "how others reach this node, if this machine does not know (behind a router, in a container); "
     "up to 4. Without a port: all the node's ports.",
     "", many, at_start, read_address},
    {"tox-port", "N",
     "UDP port of its Tox instance, by which clients with a patched libtoxcore come, and others as its Tox "
     "friends, both also through TCP relays; 0: none.",
     "33445", once, at_start, read_port<&Options::tox_port>},
    {"tcp-port", "N",
     "TCP port on which its Tox instance is a relay of the Tox network, for everybody; 0: none.", "0", once,
     at_start, read_port<&Options::tcp_port>},
    {"udp-port", "N", "UDP port of its own socket; 0: none.", "33500", once, at_start,
     read_port<&Options::udp_port>},
    {"bind", "ADDR",
     "only this address of the machine for the own socket. (toxcore always uses all; with an IPv4 address "
     "here, all IPv4 ones.)",
     "", once, at_start, read_bind},
    {"capacity", "SIZE",
     "most mail to keep: 500M, 2G, ... Less while the disk has less: 128M of it stay free.", "1G", once,
     reloads, read_capacity},
    {"bootstrap", "HOST:PORT:KEY",
     "a node of the Tox network to join it by. Not needed to serve, but to be found through relays and by "
     "clients without UDP.",
     "", many, reloads, read_bootstrap},
    {"peer", "LINE",
     "another node's address line: clients that ask are told of it, and of those found in the DHT.", "", many,
     reloads, read_peer},
    {"key-work-per-minute", "N",
     "new mailboxes and sessions for each client address (IPv4 /32, IPv6 /56) in the long run; more are "
     "refused.",
     "16", once, reloads, read_key_work<&Options::key_work_per_minute, 1>},
    {"key-work-burst", "N", "and at once.", "128", once, reloads, read_key_work<&Options::key_work_burst, 2>},
    {"couriers", "N", "clients served at a time as its Tox friends; 0: none.", "256", once, at_start,
     read_couriers},
    {"status-port", "N",
     "TCP port of the status page, http://127.0.0.1:33501/, with /metrics for Prometheus and /healthz; 0: "
     "none.",
     "33501", once, reloads, read_port<&Options::status_port>},
    {"status-address", "ADDR",
     "address for the status page. Whoever can reach it may read its figures: leave it on this machine, or "
     "behind a firewall.",
     "127.0.0.1", once, reloads, read_status_address},
    {"status-host", "NAME",
     "a name of this machine by which browsers may ask for the status page; addresses and `localhost` always "
     "may. Others are refused, so that no web page can read it in disguise.",
     "", many, reloads, read_status_host},
    {"log-level", "LEVEL",
     "debug, info, warning or error: the least that is logged. Debug tells each refusal, and names keys of "
     "couriers and nodes.",
     "info", once, reloads, read_log_level},
}};

}  // namespace

std::span<const Setting> all_settings() noexcept {
  return settings;
}

const Setting* find_setting(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? nullptr : found;
}

Fault check_together(const Options& options) {
  if (options.tox_port == options.udp_port) {
    return options.tox_port == 0 ? "--tox-port and --udp-port are both 0: nobody could reach the node"
                                 : "--tox-port and --udp-port must differ";
  }
  if (options.tcp_port != 0 && options.tox_port == 0) {
    return "--tcp-port needs the Tox instance, which --tox-port 0 switches off";
  }
  return {};
}

}  // namespace toxasync::daemon
