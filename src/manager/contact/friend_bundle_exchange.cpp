// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/friend_bundle_exchange.hpp"

namespace toxasync::manager {

bool FriendBundleExchange::has_keys_of(const FriendKey& key) const {
  const Friend* const whom = friends_.find(key);
  return whom != nullptr && friends_.can_seal(*whom, clock_.now().unix_s());
}

/// A friend who is online gives and gets bundles directly, if they run this at all.
bool FriendBundleExchange::wants_bundle_of(const FriendKey& key) const {
  const Friend* const whom = friends_.find(key);
  return whom != nullptr && !whom->online && !has_keys_of(key);
}

std::optional<protocol::WholeBundle> FriendBundleExchange::bundle_for(const FriendKey& key,
                                                                      BundleReadyListener& asker) {
  if (!wants_bundle_of(key)) {
    return std::nullopt;
  }
  Friend& whom = *friends_.find(key);
  auto bundle = friends_.whole_bundle_for(whom);
  if (!bundle && whom.durable_version != whom.our_version) {  // it has just been made
    journal_.commit({}, [key, &asker](bool durable) {
      if (durable) {
        asker.on_bundle_ready(key);
      }
    });
  }
  return bundle;
}

void FriendBundleExchange::accept_bundle(const FriendKey& key, const protocol::WholeBundle& bundle) {
  if (Friend* const whom = friends_.find(key)) {
    friends_.on_whole_bundle(*whom, bundle, BundleSource::pair_mailbox);
  }
}

}  // namespace toxasync::manager
