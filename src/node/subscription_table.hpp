// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "node/pending_table.hpp"
#include "node/shared_table.hpp"

namespace toxasync::node {

/// Which owners get an announcement of new mail: docs/protocol.md, section 6, "Announcements". One for a
/// mailbox, the last that came; in memory only. At `capacity` one is dropped of the network that holds most.
/// It is for the boxes of the lists that it came with, and for those of earlier ones of its session.
class SubscriptionTable {
 public:
  /// Lists of one subscription; past that the oldest is forgotten.
  static constexpr std::size_t most_lists = 8;

  SubscriptionTable(std::size_t capacity, const ByteArray<16>& hash_key) : table_(capacity, hash_key) {}

  /// True: another one was dropped.
  bool add(const store::Mailbox& mailbox, const ReplyPath& path, std::vector<crypto::BoxTag> boxes,
           SteadyTime now);
  /// Removes the subscription for the box, and returns where to announce. Nothing when there is none, or it
  /// has expired.
  std::optional<ReplyPath> spend(const store::Box& box, SteadyTime now) noexcept;

  /// Drops those that would be announced by `transport`.
  void drop(const Transport& transport) noexcept {
    table_.erase_if([&](const Subscription& subscription) { return subscription.path.via == &transport; });
  }

  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  struct Subscription {
    ReplyPath path;  ///< Of the last list.
    SteadyTime until{};
    std::vector<std::vector<crypto::BoxTag>> lists;  ///< The boxes that each names, the oldest first.

    [[nodiscard]] bool names(const store::Box& box) const noexcept;
  };

  SharedTable<store::Mailbox, Subscription> table_;
};

}  // namespace toxasync::node
