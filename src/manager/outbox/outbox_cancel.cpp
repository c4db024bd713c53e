// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/outbox/outbox.hpp"

// Cancelling: "cancelled" is said when every node that may hold an envelope of the message has said so
// (docs/protocol.md, section 6).

namespace toxasync::manager {

namespace {

/// What was sent to a node has come there after it, or never will.
constexpr std::int64_t packet_lifetime_ms = 60000;

}  // namespace

Result<bool, CancelError> Outbox::cancel(const crypto::MessageId& id, Now now) {
  Message* const message = find(id);
  if (message == nullptr || message->is_service() || message->delivered) {
    return CancelError::unknown;
  }
  if (message->stage == Message::Stage::cancelling) {
    return true;
  }
  if (message->stage == Message::Stage::too_late ||
      std::ranges::any_of(message->targets, &Target::may_go_directly)) {
    return CancelError::too_late;
  }
  plan_cancel(*message);
  abandon_operations(*message);
  message->stage = Message::Stage::cancelling;
  write(*message, {message_write(*message)});  // it goes on when that is on disk
  deadlines_.set(id, now.steady_ms);
  return true;
}

/// Every envelope on every node that it was, or in an earlier run may have been, sent to.
void Outbox::plan_cancel(Message& message) {
  message.cancel_jobs.clear();
  message.cancel_from_ms = services_.clock.now().steady_ms;
  const auto may_come = [&](const Copy& copy) { return copy.in_flight > 0 || message.loaded; };
  const Friend* const whom = friends_.find(message.to);
  for (Target& target : message.targets) {
    if (message.loaded && whom != nullptr) {
      const auto to = std::ranges::find(whom->theirs, target.instance, &Installation::instance);
      for (std::size_t i = 0; to != whom->theirs.end() && i < to->home_nodes.size(); ++i) {
        if (std::ranges::find(target.copies, to->home_nodes[i].id, &Copy::node) == target.copies.end()) {
          target.copies.emplace_back(to->home_nodes[i].id);
        }
      }
    }
    const auto* const where = mailbox(recipients_[message.to], target.root, target.epoch);
    for (const Copy& copy : target.copies) {
      for (std::size_t part = 0; part < target.envelopes.size() && where != nullptr; ++part) {
        const auto id = crypto::envelope_id(where->address, target.envelopes[part].bytes);
        message.cancel_jobs.push_back({copy.node, target.root, target.epoch, id, may_come(copy)});
      }
      for (const auto& past : target.past) {
        for (const auto& id : past.ids) {
          message.cancel_jobs.push_back({copy.node, past.root, past.epoch, id, may_come(copy)});
        }
      }
    }
  }
}

void Outbox::advance_cancel(Message& message, Now now) {
  auto& jobs = message.cancel_jobs;
  if (std::ranges::all_of(jobs, &Message::CancelJob::done)) {
    finish(message, MessageState::cancelled);
    return;
  }
  Recipient& recipient = recipients_[message.to];
  for (std::size_t place = 0; place < jobs.size() && message.cancel_retry_ms <= now.steady_ms; ++place) {
    auto& job = jobs[place];
    if (job.done || job.in_flight || recipient.in_flight >= parts_in_flight) {
      continue;
    }
    const auto* const to = mailbox(recipient, job.root, job.epoch);
    if (to == nullptr) {
      job.done = true;  // nothing was ever stored there
      continue;
    }
    Bytes proof(job.id.begin(), job.id.end());
    proof.insert(proof.end(), message.cancel_secret.begin(), message.cancel_secret.end());
    const auto operation = services_.client.store(
        {job.node, to->clone(), protocol::StoreOp::cancel, message.ttl_s, std::move(proof)}, *this, now);
    operations_.emplace(operation, PendingStore{message.id, 0, job.node, place, true});
    message.operations.insert(operation);
    job.in_flight = true;
    ++recipient.in_flight;
  }
  schedule(message, now);
}

void Outbox::take_cancel_outcome(Message& message, const PendingStore& pending,
                                 const client::StoreResult& result, Now now) {
  if (message.stage != Message::Stage::cancelling || pending.part >= message.cancel_jobs.size()) {
    return;
  }
  auto& job = message.cancel_jobs[pending.part];
  job.in_flight = false;
  const std::int64_t came_by_ms = message.cancel_from_ms + packet_lifetime_ms;
  const bool absent = result.outcome == client::StoreOutcome::absent;
  if (absent && job.may_come && now.steady_ms < came_by_ms) {
    message.cancel_retry_ms = std::max(message.cancel_retry_ms, came_by_ms);
  } else if (absent || result.outcome == client::StoreOutcome::cancelled) {
    job.done = true;
  } else if (result.outcome == client::StoreOutcome::gone) {
    message.stage = Message::Stage::too_late;  // the owner has it, or may have it
    abandon_operations(message);
    message.cancel_jobs.clear();
    services_.state.keep({message_write(message)});
    schedule(message, now);
    return;
  } else if (message.cancel_retry_ms <= now.steady_ms) {
    back_off(message.cancel_backoff_ms, message.cancel_retry_ms, now, result.retry_after_s);
  }
  advance(message, now);
}

}  // namespace toxasync::manager
