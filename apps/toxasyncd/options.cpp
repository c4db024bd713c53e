// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.hpp"

#include <boost/program_options.hpp>
#include <charconv>
#include <iostream>
#include <limits>

#include "adapters/node_address.hpp"
#include "adapters/toxcore_courier/friend_carrier.hpp"
#include "node/node.hpp"
#include "peer_keeper.hpp"
#include "startup_error.hpp"

namespace po = boost::program_options;

namespace toxasync::daemon {

namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr std::uint64_t smallest_capacity = mebibyte;
constexpr std::uint64_t largest_capacity = mebibyte << 20;

constexpr const char* introduction = R"(usage: toxasyncd --data-dir DIR [OPTIONS]

A storage node: keeps sealed messages for people who are offline, until they fetch
them or their time is over. It can read neither the messages nor who sent them.

    toxasyncd --data-dir /var/lib/toxasyncd --address 192.0.2.7

prints the line that people paste into their chat client, and serves until it gets
SIGTERM or SIGINT:

    toxasyncd: node address toxasync:<node id>@192.0.2.7:33445,192.0.2.7:33500

Let UDP to both ports through the firewall.

)";

constexpr const char* conclusion = R"(
The data directory holds node.key (the node's identity: keep a copy, or people must
be given a new line), store.db (the mail) and tox.profile (its Tox identity).

SIGUSR1 prints a line of figures to stdout; after `messages`, `bytes` and `tombstones`
(what is kept now) they count from the start. `refused` leaves out first packets, which
are always sent back once to prove their sender's address.

The log goes to stderr. It never names clients below --verbose.

Exit status: 0 stopped by a signal, 1 an option is wrong, 2 the data directory can't be
used (locked, damaged, not writable, full), 3 a port or address can't be had, 4 other.
)";

po::options_description description() {
  using Text = std::string;
  using List = std::vector<std::string>;
  po::options_description all("Options", 88, 48);
  auto add = all.add_options();
  add("data-dir", po::value<Text>()->value_name("DIR"),
      "where the node keeps what it has; made if it does not exist. One process at a time.");
  add("address", po::value<List>()->value_name("IP[:PORT]")->composing(),
      "how others reach this node, if this machine does not know (behind a router, in a container); "
      "up to 4. Without a port: all the node's ports.");
  add("tox-port", po::value<Text>()->value_name("N"),
      "UDP port of its Tox instance, by which clients with a patched libtoxcore come, and others as its Tox "
      "friends, both also through TCP relays; 0: none. Default: 33445.");
  add("tcp-port", po::value<Text>()->value_name("N"),
      "TCP port on which its Tox instance is a relay of the Tox network, for everybody; 0: none. Default: "
      "0.");
  add("udp-port", po::value<Text>()->value_name("N"), "UDP port of its own socket; 0: none. Default: 33500.");
  add("bind", po::value<Text>()->value_name("ADDR"),
      "only this address of the machine for the own socket. (toxcore always uses all; with an IPv4 address "
      "here, all IPv4 ones.)");
  add("capacity", po::value<Text>()->value_name("SIZE"), "most mail to keep: 500M, 2G, ... Default: 1G.");
  add("bootstrap", po::value<List>()->value_name("HOST:PORT:KEY")->composing(),
      "a node of the Tox network to join it by. Not needed to serve, but to be found through relays and by "
      "clients without UDP.");
  add("peer", po::value<List>()->value_name("LINE")->composing(),
      "another node's address line: clients that ask are told of it, and of those found in the DHT.");
  add("key-work-per-minute", po::value<Text>()->value_name("N"),
      "new mailboxes and sessions for each client address (IPv4 /32, IPv6 /56) in the long run; more are "
      "refused. Default: 16.");
  add("key-work-burst", po::value<Text>()->value_name("N"), "and at once. Default: 128.");
  add("couriers", po::value<Text>()->value_name("N"),
      "clients served at a time as its Tox friends; 0: none. Default: 256.");
  add("verbose", po::bool_switch(), "log each refusal, and on SIGUSR1 all counters.");
  add("help", po::bool_switch(), "this text.");
  add("version", po::bool_switch(), "the version.");
  return all;
}

[[noreturn]] void fail(const std::string& what) {
  throw StartupError(ExitCode::usage, what + "; `toxasyncd --help` tells more");
}

/// The values of one option as the user wrote them.
class Values {
 public:
  Values(const po::variables_map& all, const char* name) : all_(all), name_(name) {}

  [[nodiscard]] std::string text() const {
    return all_.count(name_) != 0 ? all_[name_].as<std::string>() : std::string();
  }
  [[nodiscard]] std::vector<std::string> list() const {
    return all_.count(name_) != 0 ? all_[name_].as<std::vector<std::string>>() : std::vector<std::string>();
  }
  [[nodiscard]] std::uint64_t number(std::uint64_t otherwise, std::uint64_t least, std::uint64_t most) const {
    if (all_.count(name_) == 0) {
      return otherwise;
    }
    const std::string given = text();
    std::uint64_t value = 0;
    const auto read = std::from_chars(given.data(), given.data() + given.size(), value);
    if (read.ec != std::errc() || read.ptr != given.data() + given.size() || value < least || value > most) {
      refuse(given, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
  }
  [[noreturn]] void refuse(const std::string& given, const std::string& why) const {
    fail(std::string("--") + name_ + " " + given + ": " + why);
  }

 private:
  const po::variables_map& all_;
  const char* name_;
};

std::uint16_t parse_port(const Values& values, std::uint16_t otherwise) {
  return static_cast<std::uint16_t>(values.number(otherwise, 0, std::numeric_limits<std::uint16_t>::max()));
}

std::uint64_t parse_capacity(const Values& values, std::uint64_t otherwise) {
  const std::string given = values.text();
  if (given.empty()) {
    return otherwise;
  }
  std::uint64_t count = 0;
  const char* const end = given.data() + given.size();
  const auto read = std::from_chars(given.data(), end, count);
  static constexpr std::string_view units = "KMGT";
  std::uint64_t unit = 1;
  bool good = read.ec == std::errc();
  if (good && read.ptr != end) {
    const auto place = units.find(*read.ptr);
    good = place != std::string_view::npos && read.ptr + 1 == end;
    unit = good ? 1ULL << (10 * (place + 1)) : 1;
  }
  if (!good || count > largest_capacity / unit || count * unit < smallest_capacity) {
    values.refuse(given, "must be from 1M to 1T: a number of bytes, or one with K, M, G or T behind it");
  }
  return count * unit;
}

Endpoint parse_address(const Values& values, const std::string& given) {
  auto endpoint = parse_endpoint(given);
  if (endpoint) {
    return *endpoint;
  }
  const bool bare_v6 = given.find('[') == std::string::npos && given.find("::") != std::string::npos;
  auto without_port = parse_endpoint((bare_v6 ? "[" + given + "]" : given) + ":1");
  if (!without_port) {
    values.refuse(given, std::string(describe(endpoint.error())));
  }
  without_port->port = 0;
  return *without_port;
}

BootstrapNode parse_bootstrap(const Values& values, const std::string& given) {
  const auto key_colon = given.rfind(':');
  const auto port_colon =
      key_colon == std::string::npos || key_colon == 0 ? std::string::npos : given.rfind(':', key_colon - 1);
  if (port_colon == std::string::npos || port_colon == 0) {
    values.refuse(given, "must be HOST:PORT:KEY");
  }
  const auto key = array_from_hex<32>(std::string_view(given).substr(key_colon + 1));
  if (!key) {
    values.refuse(given, "the key must be 64 hexadecimal digits");
  }
  BootstrapNode node{given.substr(0, port_colon), given.substr(port_colon + 1, key_colon - port_colon - 1),
                     *key};
  if (node.host.front() == '[' && node.host.back() == ']') {
    node.host = node.host.substr(1, node.host.size() - 2);
  }
  std::uint16_t port = 0;
  const auto read = std::from_chars(node.port.data(), node.port.data() + node.port.size(), port);
  if (read.ec != std::errc() || read.ptr != node.port.data() + node.port.size() || port == 0) {
    values.refuse(given, "the port must be a number from 1 to 65535");
  }
  return node;
}

client::KnownNode parse_peer(const Values& values, const std::string& given) {
  auto node = parse_node_address(given);
  if (!node) {
    values.refuse(given, std::string(describe(node.error())));
  }
  return std::move(*node);
}

Options convert(const po::variables_map& all) {
  Options options;
  options.data_directory = Values(all, "data-dir").text();
  if (options.data_directory.empty()) {
    fail("--data-dir is missing: name a directory for the node's identity and mail");
  }
  options.tox_port = parse_port({all, "tox-port"}, options.tox_port);
  options.udp_port = parse_port({all, "udp-port"}, options.udp_port);
  if (options.tox_port == options.udp_port) {
    fail(options.tox_port == 0 ? "--tox-port and --udp-port are both 0: nobody could reach the node"
                               : "--tox-port and --udp-port must differ");
  }
  options.tcp_port = parse_port({all, "tcp-port"}, options.tcp_port);
  if (options.tcp_port != 0 && options.tox_port == 0) {
    fail("--tcp-port needs the Tox instance, which --tox-port 0 switches off");
  }
  constexpr std::size_t most_couriers = 4096;
  options.couriers = Values(all, "couriers").number(FriendCarrier::most_couriers, 0, most_couriers);
  const Values bind(all, "bind");
  if (const std::string given = bind.text(); !given.empty()) {
    boost::system::error_code failed;
    options.bind = boost::asio::ip::make_address(given, failed);
    if (failed) {
      bind.refuse(given, "must be a numeric IP address of this machine");
    }
  }
  const Values address(all, "address");
  for (const std::string& given : address.list()) {
    options.addresses.push_back(parse_address(address, given));
  }
  options.capacity_bytes = parse_capacity({all, "capacity"}, 1024 * mebibyte);
  const Values bootstrap(all, "bootstrap");
  for (const std::string& given : bootstrap.list()) {
    options.bootstrap.push_back(parse_bootstrap(bootstrap, given));
  }
  const Values peer(all, "peer");
  for (const std::string& given : peer.list()) {
    options.peers.push_back(parse_peer(peer, given));
  }
  if (options.peers.size() > PeerKeeper::most_peers) {
    fail("--peer: at most " + std::to_string(PeerKeeper::most_peers) + " of them");
  }
  constexpr std::uint32_t most_work = 1000000;
  options.key_work_per_minute = static_cast<std::uint32_t>(
      Values(all, "key-work-per-minute").number(node::NodeConfig{}.key_work_per_minute, 1, most_work));
  options.key_work_burst = static_cast<std::uint32_t>(
      Values(all, "key-work-burst").number(node::NodeConfig{}.key_work_burst, 2, most_work));
  options.verbose = all["verbose"].as<bool>();
  return options;
}

}  // namespace

std::optional<Options> parse_options(int count, const char* const* arguments) {
  const po::options_description known = description();
  po::variables_map all;
  try {
    constexpr int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(count, arguments)
                  .options(known)
                  .positional(po::positional_options_description())
                  .style(style)
                  .run(),
              all);
  } catch (const po::error& error) {
    fail(error.what());
  }
  if (all["help"].as<bool>()) {
    std::cout << introduction << known << conclusion << std::flush;
    return std::nullopt;
  }
  if (all["version"].as<bool>()) {
    std::cout << "toxasyncd " TOXASYNC_VERSION << std::endl;
    return std::nullopt;
  }
  return convert(all);
}

}  // namespace toxasync::daemon
