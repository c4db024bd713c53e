// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/addresses/node_address.hpp"

#include "target.hpp"

// The line that people copy to name a storage node, and the endpoints in it.

TOXASYNC_FUZZ_TARGET(node_address) {
  using namespace toxasync;
  const std::string_view line(reinterpret_cast<const char*>(in.data()), in.size());
  if (const auto node = parse_node_address(line)) {
    const auto again = parse_node_address(format_node_address(*node));
    fuzz::check(again && again->id == node->id && again->endpoints == node->endpoints,
                "a node that was read is written as a line that reads the same");
    fuzz::check(!node->endpoints.empty() && node->endpoints.size() <= limits::addresses_per_node,
                "a node has one to four addresses");
  } else {
    fuzz::check(!describe(node.error()).empty(), "an error has a description");
  }
  if (const auto endpoint = parse_endpoint(line)) {
    fuzz::check(parse_endpoint(format_endpoint(*endpoint)) == endpoint, "an endpoint is written as it reads");
    fuzz::check(endpoint->port != 0 && (endpoint->family == 4 || endpoint->family == 6),
                "an endpoint is usable");
  }
}
