// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/subscription_table.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::node {

bool SubscriptionTable::add(const store::Mailbox& mailbox, const ReplyPath& path,
                            std::vector<crypto::BoxTag> boxes, SteadyTime now) {
  Subscription added{path, now + limits::subscription, {}};
  Subscription* const earlier = table_.find(mailbox);
  if (earlier != nullptr && now < earlier->until && earlier->path.session == path.session &&
      earlier->path.session_serial == path.session_serial) {
    added.lists = std::move(earlier->lists);
    std::erase(added.lists, boxes);
    if (added.lists.size() >= most_lists) {
      added.lists.erase(added.lists.begin());
    }
  }
  added.lists.push_back(std::move(boxes));
  return table_.insert(mailbox, std::move(added), Source(path.route, path.session), now).evicted;
}

bool SubscriptionTable::Subscription::names(const store::Box& box) const noexcept {
  const auto tag = id_from<crypto::BoxTag>(box.key);
  return std::ranges::any_of(lists,
                             [&tag](const auto& list) { return std::ranges::find(list, tag) != list.end(); });
}

std::optional<ReplyPath> SubscriptionTable::spend(const store::Box& box, SteadyTime now) noexcept {
  const Subscription* const found = table_.find(box.mailbox);
  if (found == nullptr) {
    return std::nullopt;
  }
  const bool over = now >= found->until;
  if (!over && !found->names(box)) {
    return std::nullopt;
  }
  const ReplyPath path = found->path;
  table_.erase(box.mailbox);
  return over ? std::nullopt : std::optional(path);
}

}  // namespace toxasync::node
