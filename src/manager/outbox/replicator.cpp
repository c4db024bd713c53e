// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/replicator.hpp"

#include <algorithm>
#include <utility>

#include "manager/outbox/outgoing_rows.hpp"

namespace toxasync::manager {

namespace {

bool is_home(const std::vector<protocol::HomeNode>& homes, const protocol::NodeId& node) noexcept {
  return std::ranges::find(homes, node, &protocol::HomeNode::id) != homes.end();
}

OutgoingMessage::Destination* destination(OutgoingMessage::Target& target,
                                          const protocol::NodeId& node) noexcept {
  const auto found = std::ranges::find(target.sent_to, node, &OutgoingMessage::Destination::node);
  return found == target.sent_to.end() ? nullptr : &*found;
}

void note_sent(OutgoingMessage::Target& target, const protocol::NodeId& node, Now now) noexcept {
  if (auto* const to = destination(target, node)) {
    to->sent = true;
    to->last_sent = now.steady;
  }
}

/// Nodes take what is sealed for these epochs.
bool is_taken(crypto::Epoch sealed_for, crypto::Epoch now) noexcept {
  return sealed_for + 1 >= now && sealed_for <= now + 1;
}

/// What a node says to one envelope and would say to the others.
bool turns_away(client::StoreOutcome outcome) noexcept {
  return outcome == client::StoreOutcome::wrong_epoch || outcome == client::StoreOutcome::mailbox_full ||
         outcome == client::StoreOutcome::node_full;
}

/// Between two times that a node is asked whether it still has a message.
constexpr std::int64_t offer_again_factor = 3;

}  // namespace

Replicator::Readiness Replicator::prepare(Target& target, const Installation& to, crypto::Epoch epoch,
                                          Now now) const {
  if (epoch == 0 || to.home_nodes.empty()) {
    return Readiness::waiting;
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
  if (is_taken(target.epoch, epoch) && target.root == to.root) {
    return Readiness::ready;
  }
  const bool busy = std::ranges::any_of(target.copies, [](const Copy& copy) { return copy.in_flight > 0; });
  return finished || busy ? Readiness::waiting : Readiness::stale;
}

void Replicator::store(OutgoingMessage& message, Target& target, const Installation& to, Now now) {
  with_.window.stop_waiting(message.to, message.place());
  if (message.time_to_live(now) == 0s) {
    return;
  }
  for (Copy& copy : target.copies) {
    const bool due = copy.complete
                         ? !copy.gone && copy.epoch == target.epoch && copy.offer_again <= now.steady
                         : copy.retry_at <= now.steady;
    if (!due || copy.in_flight > 0 || !is_home(to.home_nodes, copy.node) ||
        destination(target, copy.node) == nullptr) {
      continue;
    }
    const BoxGate::Box box{message.to, copy.node, target.instance, target.epoch};
    if (copy.complete && with_.gate.is_closed(box)) {
      copy.offer_again = now.steady + with_.first_offer_again;
      continue;
    }
    if (!with_.gate.may_ask(box, now)) {
      with_.gate.wait(box, message.place());
      continue;
    }
    if (!with_.window.has_room(message.to, copy.node, target.envelopes.size())) {
      with_.window.wait(message, copy.node);
      continue;
    }
    start(message, target, copy, now);
  }
}

/// Stores what a node has not confirmed yet; of a complete copy, everything again: the node answers whether
/// it still has it.
void Replicator::start(OutgoingMessage& message, Target& target, Copy& copy, Now now) {
  const auto* const mailbox = with_.mailboxes.get(message.to, target.root, target.epoch);
  copy.unanswered = false;
  note_sent(target, copy.node, now);
  if (copy.complete || copy.done.none()) {
    copy.held_until = UnixTime::max();
  }
  Pending pending{message.id, target.instance, copy.node, target.epoch, 0, false};
  pending.alone = with_.gate.is_closed(pending.box(message.to));
  for (std::size_t part = 0; part < target.envelopes.size() && mailbox != nullptr; ++part) {
    if (!copy.complete && copy.done[part]) {
      continue;
    }
    const auto operation = with_.client.store({copy.node, mailbox->clone(), protocol::StoreOp::store,
                                               message.time_to_live(now), target.envelopes[part].bytes},
                                              *this, now);
    pending.part = part;
    operations_.emplace(operation, pending);
    message.stores.insert(operation);
    ++copy.in_flight;
    with_.window.begin(message.to, copy.node);
    if (pending.alone) {
      with_.gate.ask(pending.box(message.to));
      break;
    }
  }
}

void Replicator::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Pending pending = found->second;
  operations_.erase(found);
  OutgoingMessage* const message = with_.messages.find(pending.message);
  if (message == nullptr) {
    return;
  }
  message->stores.erase(operation);
  const FriendKey to = message->to;
  with_.window.end(to, pending.node);
  const auto box = pending.box(to);
  const bool was_closed = with_.gate.is_closed(box);
  settle_box(box, result, now);
  settle(*message, pending, result, now);
  listener_.on_room(to, pending.node, now);
  if (was_closed) {
    listener_.on_box(box, now);
  }
}

void Replicator::settle_box(const BoxGate::Box& box, const client::StoreResult& result, Now now) {
  const bool closed = with_.gate.is_closed(box);
  if (result.outcome == client::StoreOutcome::stored) {
    with_.gate.took(box);
  } else if (closed && is_good(result.outcome)) {  // it had that one already
    with_.gate.ask_another(box, now);
  } else if (closed || turns_away(result.outcome)) {
    with_.gate.turned_away(box, now, result.retry_after);
  }
}

void Replicator::settle(OutgoingMessage& message, const Pending& pending, const client::StoreResult& result,
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
  note_sent(*target, copy->node, now);
  if (is_good(result.outcome)) {
    copy->done.set(pending.part);
    if (result.outcome == client::StoreOutcome::gone) {
      copy->gone = true;
    } else {
      const seconds left = std::clamp(result.expires_at - result.node_time, 0s, limits::largest_time_to_live);
      copy->held_until = std::min(copy->held_until, now.unix_time() + left);
    }
    if (copy->complete && result.outcome == client::StoreOutcome::stored) {
      with_.telemetry.count(Counter::messages_lost_by_node);
      listener_.on_copy_lost(copy->node);  // it had confirmed it, and now it was new to it
    }
  } else if (result.outcome == client::StoreOutcome::wrong_epoch) {
    with_.telemetry.refuse(Counter::refused_clock);
  } else if (result.outcome == client::StoreOutcome::unreachable && !copy->complete) {
    copy->unanswered = true;
    unanswered_[copy->node].insert(message.id);
  }
  const bool has_rest = copy->done.count() != target->envelopes.size();
  if (copy->in_flight == 0 && has_rest && is_good(result.outcome) && pending.alone) {
    copy->retry_at = now.steady;  // the others may go now
    listener_.on_copy_settled(message, now);
  } else if (copy->in_flight == 0) {
    finish_copy(message, *target, *copy, now, result.retry_after);
  }
}

void Replicator::finish_copy(OutgoingMessage& message, Target& target, Copy& copy, Now now,
                             seconds retry_after) {
  const bool offered_again = copy.complete;
  if (!copy.complete && copy.done.count() == target.envelopes.size()) {
    copy.complete = true;
    copy.epoch = target.epoch;
    plan_renewal(message, copy, now);
    save_progress(message, target);
    listener_.on_copy_complete(message);
  }
  if (offered_again && copy.held_until != UnixTime::max()) {
    plan_renewal(message, copy, now);  // it may be kept for longer now
    save_progress(message, target);
  }
  if (copy.complete) {
    copy.offer_after = offered_again ? offer_again_factor * copy.offer_after : with_.first_offer_again;
    copy.offer_again = now.steady + copy.offer_after / 2 + with_.random.below(copy.offer_after + 1ms);
  } else {
    with_.backoff.postpone(copy.backoff, copy.retry_at, now, retry_after);
  }
  listener_.on_copy_settled(message, now);
}

void Replicator::save_progress(OutgoingMessage& message, const Target& target) const {
  if (message.receipts_under_way > 0) {
    message.unsaved = true;  // what is being written may be its end
  } else {
    with_.state.keep({put_progress(message, target)});
  }
}

void Replicator::plan_renewal(const OutgoingMessage& message, Copy& copy, Now now) const {
  copy.renew_at = UnixTime{};
  if (copy.gone || copy.held_until >= std::chrono::floor<seconds>(message.expires_at()) - worth_renewing) {
    return;
  }
  const seconds sooner = with_.random.below(renew_before / 2);
  copy.renew_at = std::max(copy.held_until - renew_before, now.unix_time() + 3 * renew_before / 2) - sooner;
}

void Replicator::let_lapse(Target& target, Now now) const {
  for (Copy& copy : target.copies) {
    if (copy.complete && !copy.gone && copy.in_flight == 0 && copy.renew_at != UnixTime{} &&
        copy.renew_at <= now.unix_time()) {
      with_.telemetry.count(Counter::copies_lapsing);
      copy = Copy(copy.node);
    }
  }
}

std::map<crypto::MessageId, SteadyTime> Replicator::on_node_answer(const protocol::NodeId& node, Now now) {
  std::map<crypto::MessageId, SteadyTime> retries;
  const auto found = unanswered_.find(node);
  if (found == unanswered_.end()) {
    return retries;
  }
  const auto ids = std::move(found->second);
  unanswered_.erase(found);
  for (const auto& id : ids) {
    OutgoingMessage* const message = with_.messages.find(id);
    for (std::size_t i = 0; message != nullptr && i < message->targets.size(); ++i) {
      auto& copies = message->targets[i].copies;
      const auto copy = std::ranges::find(copies, node, &Copy::node);
      if (copy != copies.end() && std::exchange(copy->unanswered, false) && copy->in_flight == 0) {
        copy->backoff = 0ms;
        copy->retry_at = now.steady + 1ms + with_.random.below(retry_soon);
        const auto [entry, is_new] = retries.emplace(id, copy->retry_at);
        entry->second = std::min(entry->second, copy->retry_at);
      }
    }
  }
  return retries;
}

void Replicator::abandon(OutgoingMessage& message, Now now) {
  for (const auto operation : message.stores) {
    with_.client.abandon(operation, now);
    if (const auto found = operations_.find(operation); found != operations_.end()) {
      with_.window.end(message.to, found->second.node);
      if (found->second.alone) {
        with_.gate.ask_another(found->second.box(message.to), now);
      }
      operations_.erase(found);
    }
  }
  message.stores.clear();
  for (Target& target : message.targets) {
    for (Copy& copy : target.copies) {
      if (std::exchange(copy.in_flight, 0) > 0) {
        note_sent(target, copy.node, now);
      }
    }
  }
}

void Replicator::forget(const OutgoingMessage& message) {
  for (const Target& target : message.targets) {
    for (const Copy& copy : target.copies) {
      const auto found = unanswered_.find(copy.node);
      if (found != unanswered_.end() && found->second.erase(message.id) != 0 && found->second.empty()) {
        unanswered_.erase(found);
      }
    }
  }
}

}  // namespace toxasync::manager
