// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/contact_wiring.hpp"

#include <algorithm>

namespace toxasync::manager {

namespace {

std::vector<protocol::NodeId> ids_of(const std::vector<protocol::HomeNode>& nodes) {
  std::vector<protocol::NodeId> ids(nodes.size());
  std::ranges::transform(nodes, ids.begin(), &protocol::HomeNode::id);
  return ids;
}

/// By rendezvous. Two who have chosen different nodes meet on the nearest of those that were found: it is
/// always one of them.
std::vector<protocol::NodeId> nearest(const NodeBook& nodes, const crypto::Point& p, std::size_t count) {
  auto ids = nodes.nearest(p, count);
  std::optional<std::pair<ByteArray<32>, protocol::NodeId>> found;
  nodes.for_each([&](const BookedNode& node) {
    if (!is_chosen(node.origin) && !nodes.demoted(node.id) && !nodes.given_up(node.id)) {
      const std::pair candidate{crypto::h256({}, {p, node.id}), node.id};
      found = found ? std::min(*found, candidate) : candidate;
    }
  });
  if (found && std::ranges::find(ids, found->second) == ids.end()) {
    ids.push_back(found->second);
  }
  return ids;
}

}  // namespace

ContactHooks contact_hooks(const Services& services, FriendBook& friends, const HomeNodes& home_nodes,
                           const NodeBook& nodes, const std::function<void(const FriendKey&)>& look_again) {
  const auto has_keys_of = [&](const FriendKey& key) {
    const Friend* const whom = friends.find(key);
    return whom != nullptr && friends.can_seal(*whom, services.clock.now().unix_s());
  };
  // A friend who is online gives and takes bundles directly, if he has this at all.
  const auto is_out_of_reach = [&, has_keys_of](const FriendKey& key) {
    const Friend* const whom = friends.find(key);
    return whom != nullptr && !whom->online && !has_keys_of(key);
  };
  ContactHooks hooks;
  hooks.nearest = [&](const crypto::Point& p, std::size_t count) { return nearest(nodes, p, count); };
  hooks.home_nodes = [&] { return ids_of(home_nodes.in_use()); };
  hooks.home_nodes_of = [&](const FriendKey& key) {
    std::vector<protocol::NodeId> all;
    if (const Friend* const whom = friends.find(key)) {
      for (const auto& installation : whom->theirs) {
        const auto ids = ids_of(installation.home_nodes);
        all.insert(all.end(), ids.begin(), ids.end());
      }
    }
    return all;
  };
  hooks.has_keys_of = has_keys_of;
  hooks.wants_bundle_of = is_out_of_reach;
  hooks.bundle_for = [&, is_out_of_reach,
                      look_again](const FriendKey& key) -> std::optional<protocol::WholeBundle> {
    if (!is_out_of_reach(key)) {
      return std::nullopt;
    }
    Friend& whom = *friends.find(key);
    auto bundle = friends.whole_bundle_for(whom);
    if (!bundle && whom.durable_version != whom.our_version) {  // it has just been made
      services.state.commit({}, [key, look_again](bool durable) {
        if (durable) {
          look_again(key);
        }
      });
    }
    return bundle;
  };
  hooks.on_bundle = [&](const FriendKey& key, const protocol::WholeBundle& bundle) {
    if (Friend* const whom = friends.find(key)) {
      friends.on_whole_bundle(*whom, bundle, BundleSource::pair_mailbox, nullptr);
    }
  };
  hooks.on_request = [&](const ReceivedRequest& request) {
    return services.listener.on_friend_request(request);
  };
  hooks.on_contact = look_again;
  hooks.on_request_state = [&](const RequestStatus& status) { services.events.request(status); };
  return hooks;
}

}  // namespace toxasync::manager
