// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/request_outbox.hpp"

#include <algorithm>

#include "manager/core/utf8.hpp"

namespace toxasync::manager {

namespace {

/// `G` friend 32, message id 16
Bytes request_key(const std::pair<FriendKey, crypto::MessageId>& key) {
  return state_key(Table::request_out, {key.first, key.second});
}

/// Whether a node would take an envelope of an epoch now.
bool is_storable(crypto::Epoch epoch, crypto::Epoch now) noexcept {
  return epoch + 1 >= now && epoch <= now + 1;
}

bool is_end(RequestState state) noexcept {
  return state >= RequestState::answered && state <= RequestState::failed;
}

Counter counter_of(RequestState state) noexcept {
  switch (state) {
    case RequestState::queued:
      return Counter::requests_queued;
    case RequestState::stored:
      return Counter::requests_stored;
    case RequestState::answered:
      return Counter::requests_answered;
    case RequestState::expired:
      return Counter::requests_expired;
    case RequestState::cancelled:
      return Counter::requests_cancelled;
    case RequestState::failed:
      break;
  }
  return Counter::requests_failed;
}

}  // namespace

bool RequestOutbox::load(const store::StateEntry& entry) {
  if (static_cast<Table>(entry.key[0]) != Table::request_out ||
      entry.key.size() != 1 + sizeof(FriendKey) + sizeof(crypto::MessageId)) {
    return false;
  }
  Outgoing request;
  if (read_record(services_.telemetry, entry, request)) {
    if (is_end(request.end_state)) {
      unreported_.push_back(status(request, request.end_state));
      return true;
    }
    request.since = services_.clock.now().steady;
    for (Round& round : request.rounds) {
      for (Placement& placement : round.placements) {
        placement.sent = request.since;
      }
    }
    const Key key = request.key();
    requests_.insert_or_assign(key, std::move(request));
  }
  return true;
}

RequestOutbox::Outgoing* RequestOutbox::find(const Key& key) noexcept {
  const auto found = requests_.find(key);
  return found != requests_.end() ? &found->second : nullptr;
}

const RequestOutbox::Outgoing* RequestOutbox::current(const FriendKey& to) const noexcept {
  const auto found = std::ranges::find_if(
      requests_, [&](const auto& entry) { return entry.second.to == to && entry.second.cancelled == 0; });
  return found != requests_.end() ? &found->second : nullptr;
}

store::StateWrite RequestOutbox::row(const Outgoing& request) {
  return put_record(request_key(request.key()), request);
}

RequestStatus RequestOutbox::status(const Outgoing& request, RequestState state) {
  RequestStatus status{request.to, request.id, state, 0, 0};
  if (!request.rounds.empty()) {
    const auto& placements = request.rounds.back().placements;
    status.wanted = static_cast<std::uint8_t>(placements.size());
    status.stored = static_cast<std::uint8_t>(
        std::ranges::count_if(placements, [](const Placement& place) { return place.stored != 0; }));
  }
  return status;
}

void RequestOutbox::report(const RequestStatus& status) const {
  services_.telemetry.count(counter_of(status.state));
  listener_.on_request_state(status);
}

// --- Calls ---

std::optional<RequestError> RequestOutbox::refusal(const ToxAddress& address, ByteView text, Now now) const {
  const auto to = id_from<FriendKey>(address);
  const auto nospam = to_array<4>(ByteView(address).subspan(32));
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (!checksum_is_right(address)) {
    return RequestError::bad_address;
  }
  if (to == services_.self.friend_key()) {
    return RequestError::own_address;
  }
  if (text.empty()) {
    return RequestError::empty;
  }
  if (text.size() > limits::friend_request_text) {
    return RequestError::too_long;
  }
  if (!is_utf8(text)) {
    return RequestError::not_utf8;
  }
  if (!epoch) {
    return RequestError::clock;
  }
  if (!crypto::public_mailbox(to, nospam, *epoch)) {
    return RequestError::bad_address;
  }
  if (bundles_.has_keys_of(to)) {
    return RequestError::already_friend;
  }
  const Outgoing* const old = current(to);
  if (old != nullptr && old->nospam == nospam) {
    return RequestError::already_sent;
  }
  return requests_.size() >= most_requests ? std::optional(RequestError::too_many) : std::nullopt;
}

Result<crypto::MessageId, RequestError> RequestOutbox::send(const ToxAddress& address, ByteView text,
                                                            Now now) {
  if (const auto refused = refusal(address, text, now)) {
    return *refused;
  }
  Outgoing request;
  request.to = id_from<FriendKey>(address);
  request.nospam = to_array<4>(ByteView(address).subspan(32));
  request.id = services_.random.id<crypto::MessageId>();
  request.cancel_secret = services_.random.id<crypto::CancelSecret>();
  request.made = now.wall;
  request.text.assign(text.begin(), text.end());
  request.writing = true;
  request.since = now.steady;
  request.look = now.steady + longest_look;
  const auto id = request.id;
  cancel(request.to, now);  // what was sent to another nospam: this one takes its place
  store::StateBatch batch{row(request)};
  const Key key = request.key();
  requests_.insert_or_assign(key, std::move(request));
  services_.state.commit(std::move(batch), [this, key](bool durable) {
    Outgoing* const written = find(key);
    if (written == nullptr) {
      return;
    }
    written->writing = false;
    if (!durable) {
      report(status(*written, RequestState::failed));
      requests_.erase(key);
      return;
    }
    report(status(*written, RequestState::queued));
    advance(*written, services_.clock.now());
  });
  return id;
}

bool RequestOutbox::cancel(const FriendKey& to, Now now) {
  const Outgoing* const request = current(to);
  if (request == nullptr) {
    return false;
  }
  Outgoing& cancelled = *find(request->key());
  cancelled.cancelled = 1;
  services_.state.keep({row(cancelled)});
  advance(cancelled, now);
  return true;
}

void RequestOutbox::on_contact(const FriendKey& to) {
  if (const Outgoing* const request = current(to)) {
    finish(request->key(), RequestState::answered);
  }
}

void RequestOutbox::look_again_at_all(Now now) {
  for (auto& [key, request] : requests_) {
    request.look = std::min(request.look, now.steady);
  }
}

void RequestOutbox::abandon_operations(const Key& key) {
  std::erase_if(operations_, [&](const auto& entry) {
    if (entry.second.request != key) {
      return false;
    }
    services_.client.abandon(entry.first, services_.clock.now());
    return true;
  });
}

/// The end is reported when it is on disk, where it stays until then: what was cancelled does not come back,
/// and whoever asked hears of it.
void RequestOutbox::finish(const Key& key, RequestState state) {
  abandon_operations(key);
  const auto found = requests_.find(key);
  const auto last = status(found->second, state);
  found->second.end_state = state;
  found->second.rounds.clear();
  found->second.envelope.clear();
  store::StateBatch batch{row(found->second)};
  requests_.erase(found);  // and `key`, if it is the one in there
  for (auto& [other, request] : requests_) {
    if (request.to == last.to) {
      request.look = std::min(request.look, services_.clock.now().steady);  // it may have waited for that
    }
  }
  services_.state.keep(std::move(batch), [this, last] { report_end(last); });
}

void RequestOutbox::report_end(const RequestStatus& end) {
  report(end);
  services_.state.keep({erase_record(request_key({end.to, end.id}))});
}

bool RequestOutbox::waits_for_another(const Outgoing& request, Now now) const {
  return now.steady < request.since + after_cancelled &&
         std::ranges::any_of(requests_, [&](const auto& entry) {
           return entry.second.to == request.to && entry.second.cancelled != 0;
         });
}

void RequestOutbox::drop_ended_rounds(Outgoing& request) const {
  const UnixTime passed = services_.clock.for_good().passed();
  std::erase_if(request.rounds, [&request, passed](const Round& round) {
    const bool ended = passed >= round.made + kept + limits::clocks_apart;
    if (ended && !round.placements.empty()) {
      request.fetched = 1;
    }
    return ended || round.placements.empty();
  });
}

// --- Copies ---

bool RequestOutbox::wants_round(const Outgoing& request, crypto::Epoch epoch, UnixTime now) {
  if (request.rounds.empty() || request.envelope.empty()) {
    return true;
  }
  const Round& last = request.rounds.back();
  const seconds age = now - last.made;
  if (age >= offer_every || age <= -offer_every) {
    return true;
  }
  const bool stored =
      std::ranges::any_of(last.placements, [](const auto& place) { return place.stored != 0; });
  return !stored && !is_storable(last.epoch, epoch);
}

bool RequestOutbox::is_over(Outgoing& request) const {
  const CertainDate date = services_.clock.for_good();
  request.first_stored = date.clamped(request.first_stored);
  return request.first_stored != UnixTime{} &&
         date.passed() >= request.first_stored + kept + limits::clocks_apart;
}

void RequestOutbox::advance(Outgoing& request, Now now) {
  request.look = now.steady + longest_look;
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (request.writing || !epoch) {
    return;
  }
  if (request.cancelled != 0) {
    cancel_copies(request, now);
  } else if (is_over(request)) {
    finish(request.key(), RequestState::expired);
  } else if (waits_for_another(request, now)) {
    request.look = std::min(request.look, request.since + after_cancelled);
  } else if (wants_round(request, *epoch, now.unix_time())) {
    make_round(request, *epoch, now);
  } else if (is_storable(request.rounds.back().epoch, *epoch)) {
    store_copies(request, now);
  }
}

void RequestOutbox::tick(Now now) {
  for (const RequestStatus& end : std::exchange(unreported_, {})) {
    report_end(end);
  }
  std::vector<Key> due;
  for (const auto& [key, request] : requests_) {
    if (request.look <= now.steady) {
      due.push_back(key);
    }
  }
  for (const auto& key : due) {
    const auto request = requests_.find(key);
    if (request != requests_.end()) {
      advance(request->second, now);
    }
  }
}

SteadyTime RequestOutbox::next_deadline() const noexcept {
  SteadyTime next = unreported_.empty() ? never : SteadyTime{};
  for (const auto& [key, request] : requests_) {
    next = std::min(next, request.look);
  }
  return next;
}

}  // namespace toxasync::manager
