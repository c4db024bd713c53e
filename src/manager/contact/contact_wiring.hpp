// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/contact/contact_hooks.hpp"
#include "manager/keys/friend_book.hpp"
#include "manager/nodes/home_nodes.hpp"

namespace toxasync::manager {

/// What first contact asks of friends, nodes and the application. `look_again` is FirstContact::look_again.
ContactHooks contact_hooks(const Services& services, FriendBook& friends, const HomeNodes& home_nodes,
                           const NodeBook& nodes, const std::function<void(const FriendKey&)>& look_again);

}  // namespace toxasync::manager
