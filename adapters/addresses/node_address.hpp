// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/types.hpp"

// The line that identifies a storage node, for people to copy:
//
//     toxasync:<node id, 64 hexadecimal digits>@192.0.2.7:33445,[2001:db8::1]:33445
//
// One to four numeric addresses, the best one first. Host names are not resolved.

namespace toxasync {

enum class NodeAddressError : std::uint8_t {
  prefix,       ///< Does not begin with "toxasync:".
  separator,    ///< No '@' after the node id.
  id,           ///< The node id is not 64 hexadecimal digits.
  no_endpoint,  ///< Nothing after '@', or between two commas.
  too_many,     ///< More than limits::addresses_per_node endpoints.
  brackets,     ///< An IPv6 address without its brackets, or a bracket that is not closed.
  ip,           ///< Not a numeric IPv4 or IPv6 address, IPv4-mapped, or with a zone.
  port,         ///< No port, or not a number from 1 to 65535.
  unusable,     ///< Unspecified, multicast or broadcast.
  twice,        ///< The same endpoint twice.
};

/// What is wrong and what is expected, in one sentence.
std::string_view describe(NodeAddressError error) noexcept;

/// White space around the line is ignored. Local addresses are accepted: whether they may be used, the
/// manager decides.
Result<client::KnownNode, NodeAddressError> parse_node_address(std::string_view line);

/// The inverse, in lower case.
std::string format_node_address(const client::KnownNode& node);

/// "192.0.2.7:33445" or "[2001:db8::1]:33445".
Result<Endpoint, NodeAddressError> parse_endpoint(std::string_view text);
std::string format_endpoint(const Endpoint& endpoint);

}  // namespace toxasync
