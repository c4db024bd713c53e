// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "manager/keys/friend_book.hpp"

namespace toxasync::manager {

/// Friends' mailboxes, which are derived by elliptic-curve operations: keeps the last used one of each root.
class MailboxCache {
 public:
  /// Null: the root is a point that no honest client gives. Valid until the next call.
  const crypto::WritableMailbox* get(const FriendKey& owner, const crypto::FriendsRoot& root,
                                     crypto::Epoch epoch);
  void forget(const FriendKey& owner) { mailboxes_.erase(owner); }
  /// Kept now.
  [[nodiscard]] std::size_t roots_of(const FriendKey& owner) const;

 private:
  /// Roots of one friend; past that all are dropped and derived again.
  static constexpr std::size_t roots_kept = 2 * limits::instances_per_friend;

  std::map<FriendKey, std::map<crypto::Point, crypto::WritableMailbox>> mailboxes_;
};

}  // namespace toxasync::manager
