// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/subscription_table.hpp"

namespace toxasync::node {

std::optional<ReplyPath> SubscriptionTable::spend(const store::MailboxKey& mailbox,
                                                  std::int64_t now_ms) noexcept {
  const Subscription* const found = table_.find(mailbox);
  if (found == nullptr) {
    return std::nullopt;
  }
  const Subscription spent = *found;
  table_.erase(mailbox);
  return now_ms < spent.until_ms ? std::optional(spent.path) : std::nullopt;
}

}  // namespace toxasync::node
