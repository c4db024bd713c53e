// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/canceller.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace toxasync::manager {

void Canceller::plan(OutgoingMessage& message) {
  message.cancel_jobs.clear();
  message.perhaps_fetched = false;
  const std::vector<OutgoingMessage::Copy> no_copies;
  const auto add = [&](const OutgoingMessage::Past& sealed,
                       const std::vector<OutgoingMessage::Copy>& copies) {
    for (const auto& to : sealed.sent_to) {
      const auto copy = std::ranges::find(copies, to.node, &OutgoingMessage::Copy::node);
      for (std::size_t part = 0; part < sealed.ids.size(); ++part) {
        const SteadyTime absent_from = to.last_sent == long_ago ? long_ago : to.last_sent + packet_lifetime;
        const bool arrived =
            copy != copies.end() && (copy->done[part] || (copy->complete && copy->epoch == sealed.epoch));
        message.cancel_jobs.push_back(
            {to.node, sealed.root, sealed.epoch, sealed.ids[part], absent_from, arrived});
      }
    }
  };
  for (const auto& sealed : message.past) {
    add(sealed, no_copies);
  }
  for (const auto& target : message.targets) {
    OutgoingMessage::Past present{target.root, target.epoch, {}, {}};
    std::ranges::copy_if(target.sent_to, std::back_inserter(present.sent_to),
                         &OutgoingMessage::Destination::sent);
    if (present.sent_to.empty()) {
      continue;
    }
    const auto* const mailbox = with_.mailboxes.get(message.to, target.root, target.epoch);
    for (std::size_t part = 0; part < target.envelopes.size() && mailbox != nullptr; ++part) {
      present.ids.push_back(crypto::envelope_id(mailbox->address, target.envelopes[part].bytes));
    }
    add(present, target.copies);
  }
}

bool Canceller::advance(OutgoingMessage& message, Now now) {
  auto& jobs = message.cancel_jobs;
  if (std::ranges::all_of(jobs, &OutgoingMessage::CancelJob::done)) {
    return true;
  }
  for (std::size_t place = 0; place < jobs.size() && message.cancel_retry <= now.steady; ++place) {
    auto& job = jobs[place];
    if (job.done || job.in_flight || with_.window.full(message.to, job.node)) {
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
    operations_.emplace(operation, Pending{message.id, job.node, place});
    message.cancels.insert(operation);
    job.in_flight = true;
    with_.window.begin(message.to, job.node);
  }
  return false;
}

void Canceller::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) {
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
  with_.window.end(to, pending.node);
  settle(*message, pending.job, result, now);
  listener_.on_room(to, pending.node, now);
}

void Canceller::settle(OutgoingMessage& message, std::size_t place, const client::StoreResult& result,
                       Now now) {
  using Stage = OutgoingMessage::Stage;
  if (message.stage != Stage::cancelling || place >= message.cancel_jobs.size()) {
    return;
  }
  auto& job = message.cancel_jobs[place];
  job.in_flight = false;
  const bool absent = result.outcome == client::StoreOutcome::absent;
  const bool forgotten = absent && (job.arrived || now.wall >= message.known_to_nodes_until());
  message.perhaps_fetched = message.perhaps_fetched || forgotten;
  if (absent && !forgotten && now.steady < job.absent_from) {
    message.cancel_retry = std::max(message.cancel_retry, job.absent_from);
  } else if (absent || result.outcome == client::StoreOutcome::cancelled) {
    job.done = true;
  }
  const bool none_left =
      std::ranges::all_of(message.cancel_jobs, &OutgoingMessage::CancelJob::done);  // each node was asked
  if (result.outcome == client::StoreOutcome::gone || (none_left && message.perhaps_fetched)) {
    message.stage = Stage::too_late;
    message.cancel_jobs.clear();
    listener_.on_cancel_too_late(message, now);
    return;
  }
  if (!absent && !job.done && message.cancel_retry <= now.steady) {
    with_.backoff.postpone(message.cancel_backoff, message.cancel_retry, now, result.retry_after);
  }
  listener_.on_cancel_outcome(message, now);
}

void Canceller::abandon(OutgoingMessage& message, Now now) {
  for (const auto operation : message.cancels) {
    with_.client.abandon(operation, now);
    if (const auto found = operations_.find(operation); found != operations_.end()) {
      with_.window.end(message.to, found->second.node);
      operations_.erase(found);
    }
  }
  message.cancels.clear();
}

}  // namespace toxasync::manager
