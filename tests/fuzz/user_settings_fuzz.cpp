// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/settings/user_settings.hpp"

#include "adapters/addresses/node_address.hpp"
#include "target.hpp"

// The settings file of clients without support of their own.

TOXASYNC_FUZZ_TARGET(user_settings) {
  using namespace toxasync;
  const std::string_view text(reinterpret_cast<const char*>(in.data()), in.size());
  static const auto node =
      *parse_node_address("toxasync:" + std::string(64, 'a') + "@192.0.2.7:33445,[2001:db8::1]:33445");
  const auto settings = parse_user_settings(text, "file");
  const auto added = with_node(text, "file", node);
  if (!settings) {
    fuzz::check(settings.error().text.starts_with("file:"), "an error says where it is");
    fuzz::check(!added, "a text with an error is not changed");
    return;
  }
  fuzz::check(settings->nodes.size() <= limits::home_nodes, "there are no more nodes than home nodes");
  fuzz::check(limits::is_time_to_live(settings->time_to_live),
              "a time to live is one of those that nodes grant");
  if (added) {
    const auto again = parse_user_settings(*added, "file");
    fuzz::check(again && std::ranges::count(again->nodes, node.id, &client::KnownNode::id) == 1,
                "a text to which a node was added has the node");
    const auto twice = with_node(*added, "file", node);
    fuzz::check(twice && *twice == *added, "adding it again changes nothing");
  }
}
