// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/canceller.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

namespace {

/// What was sent to a node has come there after it, or never will.
constexpr milliseconds packet_lifetime = 1min;

}  // namespace

/// An earlier run may have sent the message to nodes without knowing the outcome.
void Canceller::add_home_nodes(OutgoingMessage& message) {
  const Friend* const recipient = with_.friends.find(message.to);
  if (!message.loaded || recipient == nullptr) {
    return;
  }
  for (auto& target : message.targets) {
    const auto to = std::ranges::find(recipient->theirs, target.instance, &Installation::instance);
    for (std::size_t i = 0; to != recipient->theirs.end() && i < to->home_nodes.size(); ++i) {
      const auto& node = to->home_nodes[i].id;
      if (std::ranges::find(target.copies, node, &OutgoingMessage::Copy::node) == target.copies.end()) {
        target.copies.emplace_back(node);
      }
    }
  }
}

void Canceller::plan(OutgoingMessage& message, Now now) {
  message.cancel_jobs.clear();
  message.cancel_from = now.steady;
  add_home_nodes(message);
  for (const auto& target : message.targets) {
    const auto* const mailbox = with_.mailboxes.get(message.to, target.root, target.epoch);
    for (const auto& copy : target.copies) {
      const bool may_come = copy.in_flight > 0 || message.loaded;
      for (std::size_t part = 0; part < target.envelopes.size() && mailbox != nullptr; ++part) {
        const auto id = crypto::envelope_id(mailbox->address, target.envelopes[part].bytes);
        message.cancel_jobs.push_back({copy.node, target.root, target.epoch, id, may_come});
      }
      for (const auto& past : target.past) {
        for (const auto& id : past.ids) {
          message.cancel_jobs.push_back({copy.node, past.root, past.epoch, id, may_come});
        }
      }
    }
  }
}

bool Canceller::advance(OutgoingMessage& message, Now now) {
  auto& jobs = message.cancel_jobs;
  if (std::ranges::all_of(jobs, &OutgoingMessage::CancelJob::done)) {
    return true;
  }
  for (std::size_t place = 0; place < jobs.size() && message.cancel_retry <= now.steady; ++place) {
    auto& job = jobs[place];
    if (job.done || job.in_flight || with_.window.full(message.to)) {
      continue;
    }
    const auto* const mailbox = with_.mailboxes.get(message.to, job.root, job.epoch);
    if (mailbox == nullptr) {
      job.done = true;  // nothing was ever stored there
      continue;
    }
    Bytes proof(job.id.begin(), job.id.end());
    proof.insert(proof.end(), message.cancel_secret.begin(), message.cancel_secret.end());
    const auto operation = with_.client.store(
        {job.node, mailbox->clone(), protocol::StoreOp::cancel, message.ttl, std::move(proof)}, *this, now);
    operations_.emplace(operation, Pending{message.id, place});
    message.cancels.insert(operation);
    job.in_flight = true;
    with_.window.begin(message.to);
  }
  return false;
}

void Canceller::on_stored(client::OperationId operation, const client::StoreResult& result,
                          Now now) noexcept {
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
  message->cancels.erase(operation);
  const FriendKey to = message->to;
  with_.window.end(to);
  settle(*message, pending.job, result, now);
  listener_.on_room(to, now);
}

void Canceller::settle(OutgoingMessage& message, std::size_t place, const client::StoreResult& result,
                       Now now) {
  using Stage = OutgoingMessage::Stage;
  if (message.stage != Stage::cancelling || place >= message.cancel_jobs.size()) {
    return;
  }
  auto& job = message.cancel_jobs[place];
  job.in_flight = false;
  const SteadyTime came_by = message.cancel_from + packet_lifetime;
  const bool absent = result.outcome == client::StoreOutcome::absent;
  if (absent && job.may_come && now.steady < came_by) {
    message.cancel_retry = std::max(message.cancel_retry, came_by);
  } else if (absent || result.outcome == client::StoreOutcome::cancelled) {
    job.done = true;
  } else if (result.outcome == client::StoreOutcome::gone) {
    message.stage = Stage::too_late;
    message.cancel_jobs.clear();
    listener_.on_cancel_too_late(message, now);
    return;
  } else if (message.cancel_retry <= now.steady) {
    with_.backoff.postpone(message.cancel_backoff, message.cancel_retry, now, result.retry_after);
  }
  listener_.on_cancel_outcome(message, now);
}

void Canceller::abandon(OutgoingMessage& message, Now now) {
  for (const auto operation : message.cancels) {
    with_.client.abandon(operation, now);
    operations_.erase(operation);
  }
  with_.window.end(message.to, message.cancels.size());
  message.cancels.clear();
}

}  // namespace toxasync::manager
