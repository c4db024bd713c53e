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

std::int64_t OutgoingMessage::next_step_ms(Now now) const noexcept {
  const std::int64_t left_ms = expires_at_ms() - now.unix_ms;
  std::int64_t at = now.steady_ms + std::clamp<std::int64_t>(left_ms, 1, look_again_ms);
  for (const Target& target : targets) {
    if (target.live_until_ms > now.steady_ms) {
      at = std::min(at, target.live_until_ms);
    }
    for (const Copy& copy : target.copies) {
      const std::int64_t due = copy.complete ? copy.offer_again_ms : copy.retry_at_ms;
      if (target.open() && copy.in_flight == 0 && due > now.steady_ms) {
        at = std::min(at, due);
      }
      if (target.open() && copy.complete && copy.renew_at_s > now.unix_s()) {
        at = std::min(at, now.steady_ms + 1000 * copy.renew_at_s - now.unix_ms);
      }
    }
  }
  if (stage == Stage::cancelling && cancel_retry_ms > now.steady_ms) {
    at = std::min(at, cancel_retry_ms);
  }
  return at;
}

}  // namespace toxasync::manager
