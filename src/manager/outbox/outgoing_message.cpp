// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_message.hpp"

#include <algorithm>

namespace toxasync::manager {

bool OutgoingMessage::is_done() const noexcept {
  const bool unconfirmed_kind = kind == crypto::MessageKind::receipt || kind == crypto::MessageKind::nack;
  const auto done = [&](const Target& target) {
    const bool stored = !target.copies.empty() && std::ranges::all_of(target.copies, &Copy::complete);
    return !target.open() || (unconfirmed_kind && stored);
  };
  return (delivered || is_service()) && std::ranges::all_of(targets, done) && (delivered || !targets.empty());
}

SteadyTime OutgoingMessage::next_step(Now now) const noexcept {
  // Less than nothing: this date is not certain.
  const milliseconds left = (now.wall < expires_at() ? expires_at() : ends_at()) - now.wall;
  SteadyTime at = now.steady + (left > -2s ? std::clamp<milliseconds>(left, 10ms, look_again) : look_again);
  if (made && *made + ttl + margin() > now.steady) {  // its end by the steady clock
    at = std::min(at, *made + ttl + margin());
  }
  for (const Target& target : targets) {
    if (target.live_until > now.steady) {
      at = std::min(at, target.live_until);
    }
    for (const Copy& copy : target.copies) {
      const SteadyTime due = copy.complete ? copy.offer_again : copy.retry_at;
      if (target.open() && copy.in_flight == 0 && due > now.steady) {
        at = std::min(at, due);
      }
      if (target.open() && copy.complete && copy.renew_at > now.unix_time()) {
        at = std::min(at, now.steady + (copy.renew_at - now.wall));
      }
    }
  }
  if (stage == Stage::cancelling && cancel_retry > now.steady) {
    at = std::min(at, cancel_retry);
  }
  return at;
}

}  // namespace toxasync::manager
