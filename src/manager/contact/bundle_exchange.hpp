// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "manager/core/friend_channel.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

class BundleReadyListener {
 public:
  virtual ~BundleReadyListener() = default;
  /// Our bundle for the friend, which was not ready, is on disk now.
  virtual void on_bundle_ready(const FriendKey& key) = 0;
};

/// Our bundles for friends, and theirs for us, by way of the pair mailboxes.
class BundleExchange {
 public:
  virtual ~BundleExchange() = default;
  /// Whether we have a friend's keys: then they need no request.
  [[nodiscard]] virtual bool has_keys_of(const FriendKey& key) const = 0;
  /// Whether a friend's bundle is looked for in the pair mailbox.
  [[nodiscard]] virtual bool wants_bundle_of(const FriendKey& key) const = 0;
  /// Our bundle to be left for a friend there; none while they have it or get it otherwise, or while it is
  /// not on disk: then `asker` is called when it is. What this writes is committed before it returns. Asked
  /// when the bundle is about to be posted, at most every ten minutes.
  virtual std::optional<protocol::WholeBundle> bundle_for(const FriendKey& key,
                                                          BundleReadyListener& asker) = 0;
  /// A bundle of a friend's, authentic, but not checked any further. What this writes is committed before it
  /// returns. The same one may come twice.
  virtual void accept_bundle(const FriendKey& key, const protocol::WholeBundle& bundle) = 0;
};

}  // namespace toxasync::manager
