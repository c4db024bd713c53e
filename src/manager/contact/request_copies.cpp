// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/contact/request_outbox.hpp"

// RequestOutbox, the copies of a request: how it is sealed, stored on nodes, and taken back from there.

namespace toxasync::manager {

std::vector<RequestOutbox::Placement> RequestOutbox::placements(const crypto::Point& p) const {
  auto nodes = nodes_.nearest(p, nearest_used);
  auto home = nodes_.named_home_nodes();
  home.resize(std::min(home.size(), home_nodes_used));
  nodes.insert(nodes.end(), home.begin(), home.end());
  drop_repeated(nodes);
  std::vector<Placement> placements;
  placements.reserve(nodes.size());
  for (const auto& node : nodes) {
    placements.push_back({node, 0, false, {}});
  }
  return placements;
}

/// Seals the request for the present epoch: with a fresh e, and the same id. What leaves is on disk first.
void RequestOutbox::make_round(Outgoing& request, crypto::Epoch epoch, Now now) {
  request.look = now.steady + look_again;
  const auto mailbox = crypto::public_mailbox(request.to, request.nospam, epoch);
  const seconds life = request.end(now.unix_time()) - std::chrono::floor<seconds>(request.made);
  drop_ended_rounds(request);
  if (!mailbox || request.rounds.size() >= rounds_kept || now.unix_time() >= request.end(now.unix_time())) {
    request.look = now.steady + longest_look;
    return;
  }
  Round round{epoch, now.unix_time(), {}, placements(mailbox->address.p)};
  if (round.placements.empty()) {
    return;
  }
  const auto pre_key = crypto::point_of(request.to);  // the recipient's Tox key is their pre-key too
  const crypto::EnvelopeHeader header{services_.self.friend_key(), crypto::Instance{},
                                      crypto::pre_key_id(pre_key), request.id};
  const crypto::EnvelopeBody body{0,
                                  0,
                                  since_1970_ms(request.made),
                                  clamped_count<std::uint32_t, seconds>(life),
                                  crypto::MessageKind::friend_request,
                                  0,
                                  1,
                                  request.text};
  auto sealed = crypto::seal_envelope(services_.self, request.to, pre_key, *mailbox, header, body,
                                      request.cancel_secret, services_.random);
  if (!sealed) {
    return;
  }
  round.envelope = crypto::envelope_id(mailbox->address, *sealed);
  request.envelope = std::move(*sealed);
  request.rounds.push_back(std::move(round));
  request.writing = true;
  services_.state.commit({row(request)}, [this, key = request.key()](bool durable) {
    Outgoing* const written = find(key);
    if (written == nullptr) {
      return;
    }
    const Now later = services_.clock.now();
    written->writing = false;
    if (!durable) {
      written->rounds.pop_back();
      written->envelope.clear();
      written->look = later.steady + look_again;
      return;
    }
    advance(*written, later);
  });
}

void RequestOutbox::store_copies(Outgoing& request, Now now) {
  Round& round = request.rounds.back();
  for (Placement& placement : round.placements) {
    if (placement.stored == 0 && !placement.under_way) {
      start(request, round, placement, false, now);
      request.look = now.steady + look_again;
    }
  }
}

/// Until then a node that keeps what it accepts for as long as it was asked to still knows a copy, or that it
/// was fetched.
UnixTime RequestOutbox::known_to_nodes_until(const Outgoing& request, const Round& round) {
  return request.end(round.made) + limits::clocks_apart - limits::epoch_length;
}

/// Asks the nodes that may hold a copy to drop it. Waits for a copy that is still on its way there.
void RequestOutbox::cancel_copies(Outgoing& request, Now now) {
  drop_ended_rounds(request);
  if (request.rounds.empty()) {
    finish(request.key(), request.fetched != 0 ? RequestState::expired : RequestState::cancelled);
    return;
  }
  request.look = now.steady + look_again;
  for (Round& round : request.rounds) {
    for (Placement& placement : round.placements) {
      if (!placement.under_way) {
        start(request, round, placement, true, now);
      }
    }
  }
}

/// False: not now.
bool RequestOutbox::start(Outgoing& request, const Round& round, Placement& placement, bool cancel, Now now) {
  if (operations_.size() >= operations_under_way || !health_.usable(placement.node, now.steady) ||
      !health_.affords(placement.node, now.steady, false)) {
    return false;
  }
  auto mailbox = crypto::public_mailbox(request.to, request.nospam, round.epoch);
  if (!mailbox) {
    return false;
  }
  const seconds left = request.end(round.made) + limits::clocks_apart - now.unix_time();
  client::StoreJob job{placement.node, std::move(*mailbox), protocol::StoreOp::store,
                       limits::storage_time_within(left), request.envelope};
  if (cancel) {
    job.op = protocol::StoreOp::cancel;
    job.payload.assign(round.envelope.begin(), round.envelope.end());
    job.payload.insert(job.payload.end(), request.cancel_secret.begin(), request.cancel_secret.end());
  } else if (job.ttl == 0s) {
    return false;
  } else {
    placement.sent = now.steady;
  }
  placement.under_way = true;
  health_.charge(placement.node, now.steady);
  services_.telemetry.count(Counter::contact_operations);
  const auto operation = services_.client.store(std::move(job), *this, now);
  operations_[operation] = {request.key(), round.envelope, placement.node, cancel};
  return true;
}

void RequestOutbox::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Operation done = found->second;
  operations_.erase(found);
  const bool settled = is_good(result.outcome) || result.outcome == client::StoreOutcome::cancelled ||
                       result.outcome == client::StoreOutcome::absent ||
                       (done.cancel && result.outcome == client::StoreOutcome::refused);
  if (settled) {
    health_.worked(done.node);
  } else if (result.outcome >= client::StoreOutcome::unreachable) {
    health_.failed(done.node, now.steady);
  } else {  // also a wrong epoch, which ends with the next epoch or when the clock is set right
    health_.busy(done.node, now.steady, result.retry_after);
  }
  if (result.outcome == client::StoreOutcome::wrong_epoch) {
    services_.telemetry.refuse(Counter::refused_clock);
  }
  const auto request = requests_.find(done.request);
  if (request == requests_.end()) {
    return;
  }
  for (Round& round : request->second.rounds) {
    const auto place = std::ranges::find(round.placements, done.node, &Placement::node);
    if (round.envelope != done.envelope || place == round.placements.end()) {
      continue;
    }
    place->under_way = false;
    if (!done.cancel) {
      place->sent = now.steady;
    }
    if (result.outcome == client::StoreOutcome::absent && now.steady < place->sent + packet_lifetime) {
      break;  // it may still come there
    }
    if (settled && done.cancel) {
      const bool forgotten =
          result.outcome == client::StoreOutcome::absent &&
          (place->stored != 0 || now.unix_time() >= known_to_nodes_until(request->second, round));
      if (forgotten || result.outcome == client::StoreOutcome::gone) {
        request->second.fetched = 1;
      }
      round.placements.erase(place);
      services_.state.keep({row(request->second)});
    } else if (settled) {
      stored(request->second, *place, now);
    }
    break;
  }
  advance(request->second, now);
}

void RequestOutbox::stored(Outgoing& request, Placement& placement, Now now) {
  placement.stored = 1;
  if (request.first_stored == UnixTime{}) {
    request.first_stored = now.unix_time();
  }
  services_.state.keep({row(request)});
  if (request.cancelled == 0) {
    report(status(request, RequestState::stored));
  }
}

}  // namespace toxasync::manager
