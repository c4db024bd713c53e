// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/receipt_queue.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::preload {

void ReceiptQueue::add(std::uint32_t friend_number, std::uint32_t message_number, const crypto::MessageId& id,
                       std::string kind_and_text, SteadyTime now) {
  friends_[friend_number].push_back({message_number, id, std::move(kind_and_text), now, false, false});
  friend_of_[id] = friend_number;
  ++size_;
}

bool ReceiptQueue::resend(std::uint32_t friend_number, const std::string& kind_and_text,
                          std::uint32_t message_number, SteadyTime now) {
  const auto found = friends_.find(friend_number);
  if (found == friends_.end()) {
    return false;
  }
  const auto entry = std::ranges::find_if(found->second, [&](const Entry& one) {
    return (one.resend_expected || now - one.sent >= resend_after) && one.kind_and_text == kind_and_text;
  });
  if (entry == found->second.end()) {
    return false;
  }
  entry->number = message_number;
  entry->sent = now;
  entry->resend_expected = false;
  return true;
}

void ReceiptQueue::expect_resends(std::uint32_t friend_number) {
  const auto found = friends_.find(friend_number);
  if (found != friends_.end()) {
    std::ranges::for_each(found->second, [](Entry& one) { one.resend_expected = true; });
  }
}

void ReceiptQueue::change(const crypto::MessageId& id, const std::function<bool(Entry&)>& keep) {
  const auto whose = friend_of_.find(id);
  if (whose == friend_of_.end()) {
    return;
  }
  auto& entries = friends_[whose->second];
  const auto entry = std::ranges::find(entries, id, &Entry::id);
  if (entry != entries.end() && !keep(*entry)) {
    entries.erase(entry);
    friend_of_.erase(whose);
    --size_;
  }
}

void ReceiptQueue::done(const crypto::MessageId& id) {
  change(id, [](Entry& entry) {
    entry.done = true;
    return true;
  });
}

void ReceiptQueue::drop(const crypto::MessageId& id) {
  change(id, [](const Entry& entry) { return entry.done; });
}

void ReceiptQueue::drop_friend(std::uint32_t friend_number) {
  const auto found = friends_.find(friend_number);
  if (found == friends_.end()) {
    return;
  }
  for (const Entry& entry : found->second) {
    friend_of_.erase(entry.id);
  }
  size_ -= found->second.size();
  friends_.erase(found);
}

std::vector<ReceiptQueue::Receipt> ReceiptQueue::take_due(SteadyTime now) {
  std::vector<Receipt> receipts;
  for (auto whose = friends_.begin(); whose != friends_.end();) {
    auto& [friend_number, entries] = *whose;
    while (!entries.empty() && entries.front().done && now - entries.front().sent >= min_age) {
      receipts.push_back({friend_number, entries.front().number});
      friend_of_.erase(entries.front().id);
      entries.pop_front();
      --size_;
    }
    whose = entries.empty() ? friends_.erase(whose) : std::next(whose);
  }
  return receipts;
}

std::optional<SteadyTime> ReceiptQueue::next() const noexcept {
  std::optional<SteadyTime> next;
  for (const auto& [friend_number, entries] : friends_) {
    if (!entries.empty() && entries.front().done) {
      const SteadyTime at = entries.front().sent + min_age;
      next = std::min(next.value_or(at), at);
    }
  }
  return next;
}

}  // namespace toxasync::preload
