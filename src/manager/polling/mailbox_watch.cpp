// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/polling/mailbox_watch.hpp"

#include <algorithm>
#include <utility>

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

std::optional<crypto::Epoch> MailboxWatch::due_slot(Now now) {
  if (!past_from_) {
    past_from_ = now.steady + past_after;
  }
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (!epoch) {
    return std::nullopt;
  }
  const crypto::Epoch newest = slot(*epoch, step_);
  const crypto::Epoch oldest = slot(*epoch > epochs_back ? *epoch - epochs_back : 0, step_);
  const auto over = [=](crypto::Epoch e) { return e < oldest || e > newest; };
  std::erase_if(finished_, over);
  std::erase_if(due_, [&](const auto& entry) { return over(entry.first); });
  for (crypto::Epoch e = newest;; e -= step_) {
    if (is_closed(e, now) && now.steady < *past_from_) {
      return std::nullopt;
    }
    const auto due = due_.find(e);
    if (!finished_.contains(e) && (due == due_.end() || due->second <= now.steady)) {
      return e;
    }
    if (e < oldest + step_) {
      return std::nullopt;
    }
  }
}

bool MailboxWatch::choose_sweep(Now now, const Nodes& nodes, Random& random) {
  if (sweep_ && (paused_ || !is_closed(sweep_->epoch, now))) {
    return true;
  }
  const auto due = due_slot(now);
  if (!due || is_closed(*due, now)) {
    if (!sweep_) {
      sweep_ = std::exchange(paused_, std::nullopt);
    }
    if (sweep_ || !due) {
      return sweep_.has_value();
    }
  } else if (sweep_) {
    paused_ = std::move(sweep_);
  }
  sweep_ = Sweep{*due, nodes(*due), true};
  auto& left = sweep_->left;
  sweep_->clean = !left.empty();
  for (std::size_t i = left.size(); i > 1; --i) {
    std::swap(left[i - 1], left[random.below(i)]);
  }
  return true;
}

std::optional<protocol::NodeId> MailboxWatch::take_node(Now now, NodeHealth& health) {
  auto& left = sweep_->left;
  const auto silent =
      std::erase_if(left, [&](const protocol::NodeId& node) { return !health.usable(node, now.steady); });
  sweep_->clean = sweep_->clean && silent == 0;
  const bool can_wait = is_closed(sweep_->epoch, now) || due_.contains(sweep_->epoch);  // it was read before
  const auto found = std::ranges::find_if(
      left, [&](const protocol::NodeId& node) { return health.affords(node, now.steady, can_wait); });
  if (found == left.end()) {
    return std::nullopt;
  }
  const auto node = *found;
  left.erase(found);
  health.charge(node, now.steady);
  return node;
}

std::optional<MailboxWatch::Visit> MailboxWatch::next(Now now, const Nodes& nodes, NodeHealth& health,
                                                      Random& random) {
  while (!visiting_ && choose_sweep(now, nodes, random)) {
    if (const auto node = take_node(now, health)) {
      visiting_ = true;
      return Visit{sweep_->epoch, *node};
    }
    if (!sweep_->left.empty()) {
      return std::nullopt;
    }
    end_sweep(now, random);
  }
  return std::nullopt;
}

bool MailboxWatch::ended(const client::RetrieveResult& result, Now now, Random& random) {
  if (!visiting_) {
    return false;
  }
  visiting_ = false;
  if (!result.complete || std::min(result.node_time, now.unix_time()) < closed_at(sweep_->epoch)) {
    sweep_->clean = false;
  }
  return sweep_->left.empty() && end_sweep(now, random);
}

bool MailboxWatch::end_sweep(Now now, Random& random) {
  const Sweep ended = *std::exchange(sweep_, std::nullopt);
  const bool closed = is_closed(ended.epoch, now);
  if (ended.clean && closed) {
    due_.erase(ended.epoch);
    return finished_.insert(ended.epoch).second;
  }
  due_[ended.epoch] = now.steady + 1ms + random_delay(random, closed ? failed_again_in_means * mean_ : mean_);
  return false;
}

void MailboxWatch::abandoned() noexcept {
  if (visiting_) {
    visiting_ = false;
    sweep_->clean = false;
  }
}

void MailboxWatch::poll_soon(Now now) {
  if (const auto epoch = crypto::epoch_at(now.unix_time())) {
    due_.erase(slot(*epoch, step_));
  }
}

void MailboxWatch::reset() {
  finished_.clear();
  due_.clear();
  sweep_.reset();
  paused_.reset();
  visiting_ = false;
}

}  // namespace toxasync::manager
