// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/friend_bundle_exchange.hpp"

namespace toxasync::manager {

bool FriendBundleExchange::has_keys_of(const FriendKey& key) const {
  const Friend* const who = friends_.find(key);
  return who != nullptr && friends_.can_seal(*who);
}

/// A friend who is online gives and gets bundles directly, if they run this at all.
bool FriendBundleExchange::wants_bundle_of(const FriendKey& key) const {
  const Friend* const who = friends_.find(key);
  return who != nullptr && !who->online && !has_keys_of(key);
}

std::optional<protocol::WholeBundle> FriendBundleExchange::bundle_for(const FriendKey& key,
                                                                      BundleReadyListener& asker) {
  if (!wants_bundle_of(key)) {
    return std::nullopt;
  }
  Friend& who = *friends_.find(key);
  auto bundle = friends_.whole_bundle_for(who);
  if (!bundle && who.durable_version != who.our_version) {  // it has just been made
    journal_.commit({}, [key, &asker](bool durable) {
      if (durable) {
        asker.on_bundle_ready(key);
      }
    });
  }
  return bundle;
}

void FriendBundleExchange::accept_bundle(const FriendKey& key, const protocol::WholeBundle& bundle) {
  if (Friend* const who = friends_.find(key)) {
    friends_.on_whole_bundle(*who, bundle, BundleSource::pair_mailbox);
  }
}

}  // namespace toxasync::manager
