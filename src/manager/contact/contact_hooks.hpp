// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "manager/core/friend_request.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

/// Sorts, and leaves each once.
inline void drop_repeated(std::vector<protocol::NodeId>& nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
}

/// What first contact needs of the rest. The node hooks make the nodes that they name known to the client.
struct ContactHooks {
  /// The `count` nodes that we know of whose H256(P|node id) is least, and at most one more.
  std::function<std::vector<protocol::NodeId>(const crypto::Point& p, std::size_t count)> nearest;
  /// Our own home nodes, and those that a friend last named as his.
  std::function<std::vector<protocol::NodeId>()> home_nodes;
  std::function<std::vector<protocol::NodeId>(const FriendKey&)> home_nodes_of;

  /// Whether we have a friend's keys: then he is in no need of a request.
  std::function<bool(const FriendKey&)> has_keys_of;
  /// Whether his bundle is looked for in the pair mailbox.
  std::function<bool(const FriendKey&)> wants_bundle_of;
  /// Our bundle to be left for him there; none while he has it or is told otherwise. What it writes must be
  /// committed before it returns. Asked when the bundle is about to be posted, at most every ten minutes.
  std::function<std::optional<protocol::WholeBundle>(const FriendKey&)> bundle_for;
  /// A bundle of his, authentic, but not checked any further. What it writes must be committed before it
  /// returns. It may come twice.
  std::function<void(const FriendKey&, protocol::WholeBundle)> on_bundle;

  /// Shows a request to the application. False: it was not taken; it is offered again later. Called by
  /// FirstContact::deliver_next alone, and may call anything.
  std::function<bool(const ReceivedRequest&)> on_request;
  /// Somebody who is our friend already asks to be: he may have nothing of us.
  std::function<void(const FriendKey&)> on_contact;
  /// Must not call back.
  std::function<void(const RequestStatus&)> on_request_state;
};

}  // namespace toxasync::manager
