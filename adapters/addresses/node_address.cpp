// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/addresses/node_address.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "adapters/addresses/asio_endpoint.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync {

namespace ip = boost::asio::ip;

namespace {

constexpr std::string_view prefix = "toxasync:";
constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The address and the port's digits of an endpoint.
struct Halves {
  std::string_view address;
  std::string_view port;
  bool v6 = false;
};

Result<Halves, NodeAddressError> halves(std::string_view text) noexcept {
  if (text.empty()) {
    return NodeAddressError::no_endpoint;
  }
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) {
      return NodeAddressError::brackets;
    }
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty() || rest.front() != ':') {
      return NodeAddressError::port;
    }
    return Halves{text.substr(1, close - 1), rest.substr(1), true};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return NodeAddressError::port;
  }
  if (text.find(':', colon + 1) != std::string_view::npos || text.find(']') != std::string_view::npos) {
    return NodeAddressError::brackets;
  }
  return Halves{text.substr(0, colon), text.substr(colon + 1), false};
}

Result<ip::address, NodeAddressError> parse_ip(const Halves& parts) {
  boost::system::error_code failed;
  if (!parts.v6) {
    const auto address = ip::make_address_v4(std::string(parts.address), failed);
    return failed ? Result<ip::address, NodeAddressError>(NodeAddressError::ip) : ip::address(address);
  }
  // A zone ("%eth0") has a meaning on one machine only.
  const auto address = ip::make_address_v6(std::string(parts.address), failed);
  if (failed || parts.address.find('%') != std::string_view::npos || address.is_v4_mapped()) {
    return NodeAddressError::ip;
  }
  return ip::address(address);
}

}  // namespace

std::string_view describe(NodeAddressError error) noexcept {
  switch (error) {
    case NodeAddressError::prefix:
      return "a node address must begin with \"toxasync:\"";
    case NodeAddressError::separator:
      return "missing '@' between the node id and the network addresses";
    case NodeAddressError::id:
      return "the node id (before '@') must be 64 hexadecimal digits";
    case NodeAddressError::no_endpoint:
      return "missing network address: add one after '@', such as 192.0.2.7:33445 or [2001:db8::1]:33445";
    case NodeAddressError::too_many:
      return "too many network addresses: at most 4 are allowed";
    case NodeAddressError::brackets:
      return "an IPv6 address must be enclosed in brackets: [2001:db8::1]:33445";
    case NodeAddressError::ip:
      return "not a numeric IP address (host names, zones and IPv4-mapped addresses are not supported)";
    case NodeAddressError::port:
      return "the port after the IP address must be a number from 1 to 65535";
    case NodeAddressError::unusable:
      return "unspecified, multicast and broadcast addresses are not allowed";
    case NodeAddressError::twice:
      return "duplicate network address";
  }
  return "not a node address";
}

Result<Endpoint, NodeAddressError> parse_endpoint(std::string_view text) {
  const auto parts = halves(text);
  if (!parts) {
    return parts.error();
  }
  const auto address = parse_ip(*parts);
  if (!address) {
    return address.error();
  }
  std::uint16_t port = 0;
  const char* const end = parts->port.data() + parts->port.size();
  const auto read = std::from_chars(parts->port.data(), end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0) {
    return NodeAddressError::port;
  }
  const Endpoint endpoint = from_asio({*address, port});
  if (!protocol::is_usable_address(endpoint, true)) {
    return NodeAddressError::unusable;
  }
  return endpoint;
}

std::string format_endpoint(const Endpoint& endpoint) {
  const auto asio = to_asio(endpoint);
  if (!asio) {
    return "unknown";
  }
  const std::string address = asio->address().to_string();
  const std::string port = std::to_string(asio->port());
  return asio->address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

Result<client::KnownNode, NodeAddressError> parse_node_address(std::string_view line) {
  std::string_view rest = trimmed(line);
  if (!rest.starts_with(prefix)) {
    return NodeAddressError::prefix;
  }
  rest.remove_prefix(prefix.size());
  const auto at = rest.find('@');
  if (at == std::string_view::npos) {
    return NodeAddressError::separator;
  }
  const auto id = id_from_hex<protocol::NodeId>(rest.substr(0, at));
  if (!id) {
    return NodeAddressError::id;
  }
  client::KnownNode node;
  node.id = *id;
  rest.remove_prefix(at + 1);
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    more = comma != std::string_view::npos;
    const auto endpoint = parse_endpoint(rest.substr(0, comma));
    if (!endpoint) {
      return endpoint.error();
    }
    if (node.endpoints.size() == limits::addresses_per_node) {
      return NodeAddressError::too_many;
    }
    if (std::find(node.endpoints.begin(), node.endpoints.end(), *endpoint) != node.endpoints.end()) {
      return NodeAddressError::twice;
    }
    node.endpoints.push_back(*endpoint);
    rest.remove_prefix(more ? comma + 1 : 0);
  }
  return node;
}

std::string format_node_address(const client::KnownNode& node) {
  std::string line(prefix);
  line += to_hex(node.id);
  for (std::size_t i = 0; i < node.endpoints.size(); ++i) {
    line += i == 0 ? '@' : ',';
    line += format_endpoint(node.endpoints[i]);
  }
  return line;
}

}  // namespace toxasync
