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
constexpr std::uint64_t min_capacity = mebibyte;
constexpr std::uint64_t max_capacity = mebibyte << 20;

template <class Number>
SettingError read_number(const std::string& text, std::uint64_t least, std::uint64_t most, Number& to) {
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
SettingError read_port(const std::string& text, Options& to) {
  return read_number(text, 0, std::numeric_limits<std::uint16_t>::max(), to.*port);
}

template <std::uint32_t Options::*work, std::uint32_t least>
SettingError read_key_agreement(const std::string& text, Options& to) {
  constexpr std::uint32_t most = 1'000'000;
  return read_number(text, least, most, to.*work);
}

SettingError read_data_directory(const std::string& text, Options& to) {
  to.data_directory = text;
  return {};
}

SettingError read_store(const std::string& text, Options& to) {
  to.store = text;
  return text.empty() ? SettingError() : SettingError(store::fault_of_connection_string(text));
}

SettingError read_couriers(const std::string& text, Options& to) {
  constexpr std::uint64_t most = 4096;
  return read_number(text, 0, most, to.couriers);
}

SettingError read_ip(const std::string& text, boost::asio::ip::address& to) {
  boost::system::error_code failed;
  to = boost::asio::ip::make_address(text, failed);
  return failed ? "must be a numeric IP address of this machine" : SettingError();
}

SettingError read_bind(const std::string& text, Options& to) {
  return read_ip(text, to.bind.emplace());
}

SettingError read_status_address(const std::string& text, Options& to) {
  return read_ip(text, to.status_address);
}

SettingError read_status_host(const std::string& text, Options& to) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  constexpr std::size_t longest = 253;  // RFC 1035
  if (text.size() > longest || text.find_first_not_of(allowed) != std::string::npos) {
    return "must be a host name, without a port";
  }
  to.status_hosts.push_back(text);
  return {};
}

SettingError read_capacity(const std::string& text, Options& to) {
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
  if (!good || count > max_capacity / unit || count * unit < min_capacity) {
    return "must be from 1M to 1T: a number of bytes, optionally followed by K, M, G or T";
  }
  to.capacity_bytes = count * unit;
  return {};
}

SettingError read_address(const std::string& text, Options& to) {
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

SettingError read_bootstrap(const std::string& text, Options& to) {
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

SettingError read_peer(const std::string& text, Options& to) {
  auto node = parse_node_address(text);
  if (!node) {
    return std::string(describe(node.error()));
  }
  if (to.peers.size() >= max_peers) {
    return "at most " + std::to_string(max_peers) + " peers are allowed";
  }
  to.peers.push_back(std::move(*node));
  return {};
}

SettingError read_log_level(const std::string& text, Options& to) {
  constexpr std::array<std::string_view, 4> words = {"debug", "info", "warning", "error"};
  const auto* const found = std::ranges::find(words, text);
  if (found == words.end()) {
    return "must be one of: debug, info, warning, error";
  }
  to.log_level = static_cast<LogLevel>(found - words.begin());
  return {};
}

constexpr std::array<Setting, 17> settings = {{
    {.name = "data-dir",
     .value_name = "DIR",
     .help = "directory for the node's key and the stored messages; created if it does not exist. Used by "
             "one process at a time.",
     .default_value = "/var/lib/toxasync",
     .read = read_data_directory},
    {.name = "store",
     .value_name = "URL",
     .help =
         "keep the messages in PostgreSQL instead of the data directory: postgresql://USER@HOST/DATABASE, or "
         "any other libpq connection string without a password. Several daemons may share it: "
         "docs/postgres.md.",
     .read = read_store,
     .secret = true},
    {.name = "address",
     .value_name = "IP[:PORT]",
     .help =
         "public address of this node, if the machine does not know it (behind a router, in a container); "
         "up to 4. Without a port, all ports of the node are meant.",
     .repeatable = true,
     .read = read_address},
    {.name = "tox-port",
     .value_name = "N",
     .help = "UDP port of the Tox instance. It serves clients with a patched libtoxcore, and couriers "
             "(hidden Tox instances of clients without UDP), also through TCP relays. 0: off.",
     .default_value = "33445",
     .read = read_port<&Options::tox_port>},
    {.name = "tcp-port",
     .value_name = "N",
     .help = "TCP port of a public Tox relay run by the Tox instance. 0: off.",
     .default_value = "0",
     .read = read_port<&Options::tcp_port>},
    {.name = "udp-port",
     .value_name = "N",
     .help = "UDP port of a socket for toxasync only. It serves clients with any libtoxcore. 0: off.",
     .default_value = "33500",
     .read = read_port<&Options::udp_port>},
    {.name = "bind",
     .value_name = "ADDR",
     .help = "bind the --udp-port to this address of the machine only. (The Tox instance always binds to all "
             "addresses; with an IPv4 address here, to all IPv4 ones.)",
     .read = read_bind},
    {.name = "capacity",
     .value_name = "SIZE",
     .help = "maximum size of the stored messages: 500M, 2G, ... Less when the disk is nearly full: 128M of "
             "it stay free.",
     .default_value = "1G",
     .reloads = true,
     .read = read_capacity},
    {.name = "bootstrap",
     .value_name = "HOST:PORT:KEY",
     .help =
         "a node of the Tox network to join it through. Needed by clients without UDP only, which reach this "
         "node through TCP relays.",
     .repeatable = true,
     .reloads = true,
     .read = read_bootstrap},
    {.name = "peer",
     .value_name = "LINE",
     .help =
         "address line of another storage node. Clients learn of these, and of the nodes found in the DHT.",
     .repeatable = true,
     .reloads = true,
     .read = read_peer},
    {.name = "key-agreements-per-minute",
     .value_name = "N",
     .help = "rate limit: new sessions and mailboxes per minute for each client address (IPv4 /32, IPv6 "
             "/56); further ones are refused.",
     .default_value = "16",
     .reloads = true,
     .read = read_key_agreement<&Options::key_agreements_per_minute, 1>},
    {.name = "key-agreements-burst",
     .value_name = "N",
     .help = "rate limit: new sessions and mailboxes that a client address may open at once.",
     .default_value = "128",
     .reloads = true,
     .read = read_key_agreement<&Options::key_agreements_burst, 2>},
    {.name = "couriers",
     .value_name = "N",
     .help = "maximum number of couriers (clients without UDP, served as Tox friends) at a time. 0: off.",
     .default_value = "256",
     .read = read_couriers},
    {.name = "status-port",
     .value_name = "N",
     .help =
         "TCP port of the status page, http://127.0.0.1:33501/, with /metrics for Prometheus and /healthz. "
         "0: off.",
     .default_value = "33501",
     .reloads = true,
     .read = read_port<&Options::status_port>},
    {.name = "status-address",
     .value_name = "ADDR",
     .help = "address of the status page. Everyone who can reach it can read the node's statistics: keep the "
             "default, or use a firewall.",
     .default_value = "127.0.0.1",
     .reloads = true,
     .read = read_status_address},
    {.name = "status-host",
     .value_name = "NAME",
     .help = "host name under which browsers may request the status page, besides addresses and `localhost`. "
             "Other names are refused, which prevents DNS rebinding.",
     .repeatable = true,
     .reloads = true,
     .read = read_status_host},
    {.name = "log-level",
     .value_name = "LEVEL",
     .help = "debug, info, warning or error. Debug logs every refusal, and keys of couriers and nodes.",
     .default_value = "info",
     .reloads = true,
     .read = read_log_level},
}};

}  // namespace

std::span<const Setting> all_settings() noexcept {
  return settings;
}

const Setting* find_setting(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? nullptr : found;
}

SettingError check_together(const Options& options) {
  if (options.tox_port == options.udp_port) {
    return options.tox_port == 0 ? "--tox-port and --udp-port are both 0: the node would not be reachable"
                                 : "--tox-port and --udp-port must differ";
  }
  if (options.tcp_port != 0 && options.tox_port == 0) {
    return "--tcp-port needs the Tox instance, which --tox-port 0 disables";
  }
  return {};
}

}  // namespace toxasync::daemon
