// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/subscription_table.hpp"

namespace toxasync::node {

std::optional<ReplyPath> SubscriptionTable::spend(const store::MailboxKey& mailbox, SteadyTime now) noexcept {
  const Subscription* const found = table_.find(mailbox);
  if (found == nullptr) {
    return std::nullopt;
  }
  const Subscription spent = *found;
  table_.erase(mailbox);
  return now < spent.until ? std::optional(spent.path) : std::nullopt;
}

}  // namespace toxasync::node
