// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "manager/outbox/outbox.hpp"

// The copies of a message on the recipient's home nodes (docs/protocol.md, sections 6 and 7).

namespace toxasync::manager {

namespace {

bool is_home(const std::vector<protocol::HomeNode>& homes, const protocol::NodeId& node) noexcept {
  return std::ranges::find(homes, node, &protocol::HomeNode::id) != homes.end();
}

/// Nodes take what is sealed for these epochs.
bool is_taken(crypto::Epoch sealed_for, crypto::Epoch now) noexcept {
  return sealed_for + 1 >= now && sealed_for <= now + 1;
}

/// Between two times that a node is asked whether it still has a message.
constexpr std::int64_t offer_again_factor = 3;

}  // namespace

/// Whether the envelopes can be stored as they are; seals them again when their epoch or root has passed.
bool Outbox::ready_to_store(Message& message, Target& target, const Friend& whom, Now now) {
  const Installation& to = *std::ranges::find(whom.theirs, target.instance, &Installation::instance);
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch || to.home_nodes.empty()) {
    return false;
  }
  let_lapse(target, now);
  std::erase_if(target.copies, [&](const Copy& copy) {
    return !copy.complete && copy.in_flight == 0 && !is_home(to.home_nodes, copy.node);
  });
  bool finished = true;
  for (const auto& node : to.home_nodes) {
    const auto copy = std::ranges::find(target.copies, node.id, &Copy::node);
    if (copy == target.copies.end()) {
      target.copies.emplace_back(node.id);
      finished = false;
    } else {
      finished = finished && copy->complete;
    }
  }
  const bool busy = std::ranges::any_of(target.copies, [](const Copy& copy) { return copy.in_flight > 0; });
  const bool current = is_taken(target.epoch, *epoch) && target.root == to.root;
  if (finished || current || busy) {
    return current;
  }
  if (seals_left_ == 0) {
    deadlines_.set(message.id, now.steady_ms + 1);
    return false;
  }
  if (seal(message, target, whom, to, *epoch)) {
    write(message, {target_write(message, target)});
  }
  return false;
}

void Outbox::store_copies(Message& message, Target& target, const Installation& to, Now now) {
  Recipient& recipient = recipients_[message.to];
  recipient.waiting.erase({message.sequence, message.id});
  for (Copy& copy : target.copies) {
    const bool due = copy.complete
                         ? !copy.gone && copy.epoch == target.epoch && copy.offer_again_ms <= now.steady_ms
                         : copy.retry_at_ms <= now.steady_ms;
    if (!due || copy.in_flight > 0 || !is_home(to.home_nodes, copy.node)) {
      continue;
    }
    if (!has_room(recipient, target)) {
      recipient.waiting.emplace(message.sequence, message.id);
      return;
    }
    start_copy(message, target, copy, now);
  }
}

bool Outbox::has_room(const Recipient& recipient, const Target& target) noexcept {
  return recipient.in_flight == 0 || recipient.in_flight + target.envelopes.size() <= parts_in_flight;
}

/// Stores what a node has not confirmed yet; of a complete copy, everything again: it answers whether it
/// still has it.
void Outbox::start_copy(Message& message, Target& target, Copy& copy, Now now) {
  Recipient& recipient = recipients_[message.to];
  const auto* const to = mailbox(recipient, target.root, target.epoch);
  copy.unanswered = false;
  if (copy.complete || copy.done.none()) {
    copy.held_until_s = INT64_MAX;
  }
  for (std::size_t part = 0; part < target.envelopes.size() && to != nullptr; ++part) {
    if (!copy.complete && copy.done[part]) {
      continue;
    }
    const auto operation = services_.client.store(
        {copy.node, to->clone(), protocol::StoreOp::store, message.ttl_s, target.envelopes[part].bytes},
        *this, now);
    operations_.emplace(operation, PendingStore{message.id, target.instance, copy.node, part, false});
    message.operations.insert(operation);
    ++copy.in_flight;
    ++recipient.in_flight;
  }
}

void Outbox::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) noexcept {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const PendingStore pending = found->second;
  operations_.erase(found);
  Message* const message = find(pending.message);
  if (message == nullptr) {
    return;
  }
  message->operations.erase(operation);
  const FriendKey to = message->to;
  --recipients_[to].in_flight;
  if (pending.cancel) {
    take_cancel_outcome(*message, pending, result, now);
  } else {
    take_outcome(*message, pending, result, now);
  }
  if (const auto recipient = recipients_.find(to); recipient != recipients_.end()) {
    release_waiting(recipient->second, now);
  }
}

void Outbox::take_outcome(Message& message, const PendingStore& pending, const client::StoreResult& result,
                          Now now) {
  Target* const target = message.target(pending.instance);
  if (target == nullptr) {
    return;
  }
  const auto copy = std::ranges::find(target->copies, pending.node, &Copy::node);
  if (copy == target->copies.end()) {
    return;
  }
  --copy->in_flight;
  if (is_good(result.outcome)) {
    copy->done.set(pending.part);
    if (result.outcome == client::StoreOutcome::gone) {
      copy->gone = true;
    } else {
      const std::int64_t left_s = std::clamp<std::int64_t>(result.expires_at_s - result.node_time_s, 0,
                                                           limits::largest_time_to_live_s);
      copy->held_until_s = std::min(copy->held_until_s, now.unix_s() + left_s);
    }
    if (copy->complete && result.outcome == client::StoreOutcome::stored) {
      services_.telemetry.count(Counter::messages_lost_by_node);
      hooks_.on_lost(copy->node);  // it had confirmed it, and now it was new to it
    }
  } else if (result.outcome == client::StoreOutcome::wrong_epoch) {
    services_.telemetry.refuse(Counter::refused_clock);
  } else if (result.outcome == client::StoreOutcome::unreachable && !copy->complete) {
    copy->unanswered = true;
    unanswered_[copy->node].insert(message.id);
  }
  if (copy->in_flight == 0) {
    finish_copy(message, *target, *copy, now, result.retry_after_s);
  }
}

void Outbox::back_off(std::int64_t& backoff_ms, std::int64_t& at_ms, Now now,
                      std::uint16_t retry_after_s) const {
  const auto& config = services_.config;
  backoff_ms = std::min(backoff_ms == 0 ? config.retry_first_ms : 2 * backoff_ms, config.retry_longest_ms);
  // Whom a node turned away together shall not come back together.
  const std::int64_t wait_ms = std::max(backoff_ms, std::int64_t{retry_after_s} * 1000);
  const auto jitter =
      static_cast<std::int64_t>(services_.random.below(static_cast<std::uint64_t>(wait_ms / 4 + 1)));
  at_ms = now.steady_ms + wait_ms + jitter;
}

void Outbox::on_node_answer(const protocol::NodeId& node, Now now) {
  const auto found = unanswered_.find(node);
  if (found == unanswered_.end()) {
    return;
  }
  const auto ids = std::move(found->second);
  unanswered_.erase(found);
  for (const auto& id : ids) {
    Message* const message = find(id);
    for (std::size_t i = 0; message != nullptr && i < message->targets.size(); ++i) {
      auto& copies = message->targets[i].copies;
      const auto copy = std::ranges::find(copies, node, &Copy::node);
      if (copy != copies.end() && std::exchange(copy->unanswered, false) && copy->in_flight == 0) {
        copy->backoff_ms = 0;
        copy->retry_at_ms = now.steady_ms + 1 + static_cast<std::int64_t>(services_.random.below(hurry_ms));
        deadlines_.set_earlier(id, copy->retry_at_ms);
      }
    }
  }
}

void Outbox::let_lapse(Target& target, Now now) const {
  for (Copy& copy : target.copies) {
    if (copy.complete && !copy.gone && copy.in_flight == 0 && copy.renew_at_s != 0 &&
        copy.renew_at_s <= now.unix_s()) {
      services_.telemetry.count(Counter::copies_lapsing);
      copy = Copy(copy.node);
    }
  }
}

void Outbox::plan_renewal(const Message& message, Copy& copy, Now now) const {
  copy.renew_at_s = 0;
  if (copy.gone || copy.held_until_s >= message.expires_at_ms() / 1000) {
    return;
  }
  const auto sooner = static_cast<std::int64_t>(services_.random.below(renew_before_s / 2));
  copy.renew_at_s =
      std::max(copy.held_until_s - renew_before_s, now.unix_s() + 3 * renew_before_s / 2) - sooner;
}

void Outbox::finish_copy(Message& message, Target& target, Copy& copy, Now now, std::uint16_t retry_after_s) {
  const bool offered_again = copy.complete;
  if (!copy.complete && copy.done.count() == target.envelopes.size()) {
    copy.complete = true;
    copy.epoch = target.epoch;
    plan_renewal(message, copy, now);
    services_.state.keep({progress_write(message, target)});
    const auto stored = status_of(message, MessageState::stored).stored;
    if (stored > message.stored_reported && !message.delivered) {
      message.stored_reported = stored;
      report(message, MessageState::stored);
    }
  }
  if (offered_again && copy.held_until_s != INT64_MAX) {
    plan_renewal(message, copy, now);  // it may be kept for longer now
    services_.state.keep({progress_write(message, target)});
  }
  if (copy.complete) {
    copy.offer_after_ms =
        offered_again ? offer_again_factor * copy.offer_after_ms : services_.config.first_offer_again_ms;
    copy.offer_again_ms = now.steady_ms + copy.offer_after_ms / 2 +
                          static_cast<std::int64_t>(
                              services_.random.below(static_cast<std::uint64_t>(copy.offer_after_ms) + 1));
  } else {
    back_off(copy.backoff_ms, copy.retry_at_ms, now, retry_after_s);
  }
  advance(message, now);  // its other copies may have waited for this one, to be sealed again
}

/// In the order of the messages, as far as there is room.
void Outbox::release_waiting(Recipient& recipient, Now now) {
  while (!recipient.waiting.empty()) {
    const auto first = *recipient.waiting.begin();
    Message* const message = find(first.second);
    const bool room = message == nullptr || std::ranges::any_of(message->targets, [&](const Target& target) {
                        return has_room(recipient, target);
                      });
    if (!room) {
      return;
    }
    recipient.waiting.erase(first);
    if (message != nullptr) {
      advance(*message, now);
      if (recipient.waiting.contains(first)) {
        return;  // one of its targets is too large for the room there is
      }
    }
  }
}

}  // namespace toxasync::manager
