// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "node/pending_table.hpp"
#include "node/shared_table.hpp"

namespace toxasync::node {

/// Which owners get an announcement of new mail: docs/protocol.md, section 6, "Announcements". One for a
/// mailbox, the last that came; in memory only. At `capacity` one is dropped of the network that holds
/// most.
class SubscriptionTable {
 public:
  SubscriptionTable(std::size_t capacity, const ByteArray<16>& hash_key) : table_(capacity, hash_key) {}

  /// True: another one was dropped.
  bool add(const store::MailboxKey& mailbox, const ReplyPath& path, SteadyTime now) {
    return table_.insert(mailbox, {path, now + limits::subscription}, Source(path.route, path.session), now)
        .evicted;
  }
  /// Removes the subscription, and returns where to announce. Nothing when there is none, or it has expired.
  std::optional<ReplyPath> spend(const store::MailboxKey& mailbox, SteadyTime now) noexcept;

  /// Drops those that would be announced by `transport`.
  void drop(const Transport& transport) noexcept {
    table_.erase_if([&](const Subscription& subscription) { return subscription.path.via == &transport; });
  }

  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  struct Subscription {
    ReplyPath path;
    SteadyTime until{};
  };

  SharedTable<store::MailboxKey, Subscription> table_;
};

}  // namespace toxasync::node
