// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/mailbox_cache.hpp"

#include <utility>

namespace toxasync::manager {

const crypto::WritableMailbox* MailboxCache::get(const FriendKey& owner, const crypto::FriendsRoot& root,
                                                 crypto::Epoch epoch) {
  auto& of_owner = mailboxes_[owner];
  const auto found = of_owner.find(root.m);
  if (found != of_owner.end() && found->second.epoch == epoch) {
    return &found->second;
  }
  if (found == of_owner.end() && of_owner.size() > roots_kept) {
    of_owner.clear();
  }
  auto made = crypto::friends_mailbox(root, epoch);
  return made ? &of_owner.insert_or_assign(root.m, std::move(*made)).first->second : nullptr;
}

std::size_t MailboxCache::roots_of(const FriendKey& owner) const {
  const auto found = mailboxes_.find(owner);
  return found == mailboxes_.end() ? 0 : found->second.size();
}

}  // namespace toxasync::manager
