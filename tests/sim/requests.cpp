// SPDX-License-Identifier: GPL-3.0-or-later
#include "requests.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

using manager::RequestState;

/// What clocks may differ by, and what it takes to show it.
constexpr milliseconds margin = 1h;
/// So long a request waits until nodes have dropped the one before it (docs/protocol.md, section 9).
constexpr milliseconds waits_for_cancel = 10min;

}  // namespace

void Requests::fail(Fault fault, const Id& id, const std::string& what) {
  throw Broken(fault, "a friend request (" + to_hex(ByteView(id).first(4)) + ") " + what);
}

void Requests::sent(const Id& id, const FriendKey& from, const FriendKey& to, ByteView text, UnixTimeMs now) {
  Request request;
  request.from = from;
  request.to = to;
  request.text.assign(text.begin(), text.end());
  request.sent_at = now;
  if (!requests_.emplace(id, std::move(request)).second) {
    fail(Fault::misdelivered, id, "was given an id that is in use");
  }
}

void Requests::cancel_asked(const FriendKey& from, const FriendKey& to) {
  for (auto& [id, request] : requests_) {
    if (request.from == from && request.to == to && !request.ended) {
      request.cancel_asked = true;
    }
  }
}

void Requests::told(const FriendKey& from, const manager::RequestStatus& status, UnixTimeMs now) {
  const auto found = requests_.find(status.id);
  if (found == requests_.end() || found->second.from != from || found->second.to != status.to) {
    fail(Fault::misdelivered, status.id, "that they did not make was reported to somebody");
  }
  Request& request = found->second;
  if (request.ended && !request.excused && !request.may_be_retold) {
    fail(Fault::untrue, status.id, "was reported again after its end");
  }
  request.queued = true;
  switch (status.state) {
    case RequestState::queued:
      return;
    case RequestState::stored:
      if (request.stored == 0 && now < request.sent_at + waits_for_cancel) {
        check_none_is_cancelled(status.id, request);
      }
      request.stored = std::max(request.stored, status.stored);
      request.first_stored = request.first_stored == UnixTimeMs{} ? now : request.first_stored;
      return;
    case RequestState::cancelled:
      request.cancelled = true;
      if (!request.cancel_asked) {
        fail(Fault::untrue, status.id, "was reported cancelled, and nobody asked for it");
      }
      if (request.shown > 0 && !nodes_may_lie_ && !request.excused) {
        fail(Fault::untrue, status.id, "was reported cancelled, and it has been shown");
      }
      break;
    case RequestState::expired:
      request.expired = !request.cancel_asked;
      if (!request.cancel_asked && !wrong_clocks_.contains(from) &&
          now < request.sent_at + limits::largest_time_to_live - margin) {
        fail(Fault::untrue, status.id, "was reported expired before its end");
      }
      break;
    case RequestState::answered:
    case RequestState::failed:
      break;
  }
  request.ended = true;
}

/// Else both lie there together, and the recipient is shown the one that was taken back.
void Requests::check_none_is_cancelled(const Id& id, const Request& request) const {
  for (const auto& [other_id, other] : requests_) {
    if (other_id != id && other.from == request.from && other.to == request.to && other.cancel_asked &&
        other.queued && !other.ended && !other.excused && !request.excused) {
      fail(Fault::untrue, id, "was stored while an earlier one was still to be cancelled");
    }
  }
}

void Requests::shown(const FriendKey& to, const manager::ReceivedRequest& received, UnixTimeMs now) {
  const auto found = requests_.find(received.id);
  if (found == requests_.end()) {
    return;
  }
  Request& request = found->second;
  if (request.to != to || request.from != received.from || request.text != received.text) {
    fail(Fault::misdelivered, received.id,
         "was shown to the wrong person, under a wrong name or with another text");
  }
  if (request.shown >= request.may_be_shown && !request.excused) {
    fail(Fault::duplicated, received.id, "was shown " + std::to_string(request.shown + 1) + " times");
  }
  if (request.cancelled && !nodes_may_lie_ && !request.excused) {
    fail(Fault::untrue, received.id, "was shown after it was reported cancelled");
  }
  const bool certain =
      !wrong_clocks_.contains(to) && !wrong_clocks_.contains(request.from) && !request.excused;
  if (request.expired && certain) {
    fail(Fault::untrue, received.id, "was shown after it was reported expired");
  }
  const auto begun = request.first_stored == UnixTimeMs{} ? now : request.first_stored;
  if (now > begun + limits::largest_time_to_live + margin && certain) {
    fail(Fault::untrue, received.id, "was shown after its end");
  }
  ++request.shown;
  last_shown_[to] = received.id;
}

void Requests::crashed(const FriendKey& who) {
  if (const auto last = last_shown_.find(who); last != last_shown_.end()) {
    Request& request = requests_.at(last->second);
    request.may_be_shown = std::max(request.may_be_shown, request.shown + 1);
  }
  for (auto& [id, request] : requests_) {
    request.may_be_retold = request.may_be_retold || (request.from == who && request.ended);
    request.excused = request.excused || (request.from == who && !request.queued);  // it was never promised
  }
}

void Requests::restored(const FriendKey& who) {
  for (auto& [id, request] : requests_) {
    request.excused = request.excused || request.from == who || request.to == who;
  }
}

std::vector<FriendKey> Requests::unseen(std::uint8_t nodes, const std::set<Direction>& friends) const {
  std::set<Direction> known;  // another one of theirs was shown: this one is not, for 30 days
  for (const auto& [id, request] : requests_) {
    if (request.shown > 0) {
      known.emplace(request.to, request.from);
    }
  }
  std::vector<FriendKey> waiting;
  for (const auto& [id, request] : requests_) {
    if (request.stored >= nodes && request.shown == 0 && !request.ended && !request.cancel_asked &&
        !request.excused && !friends.contains({request.to, request.from}) &&
        !known.contains({request.to, request.from})) {
      waiting.push_back(request.to);
    }
  }
  return waiting;
}

std::optional<Id> Requests::first_open() const {
  const auto found = std::ranges::find_if(requests_, [](const auto& entry) {
    const Request& request = entry.second;
    return !request.ended && !request.excused;
  });
  return found == requests_.end() ? std::nullopt : std::optional(found->first);
}

void Requests::check_ended() const {
  if (const auto open = first_open()) {
    fail(Fault::stuck, *open, "was accepted, and nothing was said of its end");
  }
}

}  // namespace toxasync::sim
