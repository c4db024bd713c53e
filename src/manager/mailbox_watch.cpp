// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/mailbox_watch.hpp"

#include <algorithm>

#include "manager/random_delay.hpp"

namespace toxasync::manager {

std::optional<crypto::Epoch> MailboxWatch::due_slot(Now now) {
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch) {
    return std::nullopt;
  }
  const crypto::Epoch newest = slot(*epoch, step_);
  const crypto::Epoch oldest = slot(*epoch > epochs_back ? *epoch - epochs_back : 0, step_);
  const auto over = [=](crypto::Epoch e) { return e < oldest || e > newest; };
  std::erase_if(finished_, over);
  std::erase_if(due_ms_, [&](const auto& entry) { return over(entry.first); });
  for (crypto::Epoch e = newest;; e -= step_) {
    const auto due = due_ms_.find(e);
    if (!finished_.contains(e) && (due == due_ms_.end() || due->second <= now.steady_ms)) {
      return e;
    }
    if (e < oldest + step_) {
      return std::nullopt;
    }
  }
}

std::optional<MailboxWatch::Visit> MailboxWatch::next(Now now, const Nodes& nodes, const NodeHealth& health,
                                                      Random& random) {
  if (visiting_) {
    return std::nullopt;
  }
  for (;;) {
    while (!left_.empty()) {
      const auto node = left_.back();
      left_.pop_back();
      if (health.usable(node, now.steady_ms)) {
        visiting_ = true;
        return Visit{epoch_, node};
      }
      clean_ = false;
    }
    if (sweeping_) {
      end_sweep(now, random);
    }
    const auto due = due_slot(now);
    if (!due) {
      return std::nullopt;
    }
    epoch_ = *due;
    sweeping_ = true;
    left_ = nodes(epoch_);
    clean_ = !left_.empty();
    for (std::size_t i = left_.size(); i > 1; --i) {
      std::swap(left_[i - 1], left_[random.below(i)]);
    }
  }
}

bool MailboxWatch::ended(const client::RetrieveResult& result, Now now, Random& random) {
  if (!visiting_) {
    return false;
  }
  visiting_ = false;
  if (!result.complete || std::min(result.node_time_s, now.unix_s()) < closed_at_s(epoch_)) {
    clean_ = false;
  }
  return left_.empty() && end_sweep(now, random);
}

bool MailboxWatch::end_sweep(Now now, Random& random) {
  sweeping_ = false;
  if (clean_ && now.unix_s() >= closed_at_s(epoch_)) {
    due_ms_.erase(epoch_);
    return finished_.insert(epoch_).second;
  }
  const bool open = now.unix_s() < closed_at_s(epoch_);
  due_ms_[epoch_] =
      now.steady_ms + 1 + random_delay_ms(random, open ? mean_ms_ : failed_again_in_means * mean_ms_);
  return false;
}

void MailboxWatch::abandoned() noexcept {
  visiting_ = false;
  clean_ = false;
}

void MailboxWatch::hurry(Now now) {
  if (const auto epoch = crypto::epoch_at(now.unix_s())) {
    due_ms_.erase(slot(*epoch, step_));
  }
}

void MailboxWatch::reset() {
  finished_.clear();
  due_ms_.clear();
  left_.clear();
  sweeping_ = false;
  visiting_ = false;
}

}  // namespace toxasync::manager
