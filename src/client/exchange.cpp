// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/exchange.hpp"

#include <algorithm>

namespace toxasync::client {

namespace {

/// The time-out of an attempt, doubled from one to the next.
std::int64_t timeout_ms(const RetryPolicy& policy, unsigned attempt) noexcept {
  const std::int64_t longest = std::max<std::int64_t>(policy.longest_timeout_ms, 1);
  std::int64_t timeout = std::clamp<std::int64_t>(policy.first_timeout_ms, 1, longest);
  for (unsigned i = 0; i < attempt && timeout < longest; ++i) {
    timeout = timeout > longest / 2 ? longest : 2 * timeout;
  }
  return timeout;
}

/// Within 20 % of `ms`, so that clients which lost the same node do not come back in step.
std::int64_t jittered(std::int64_t ms, Random& random) noexcept {
  const std::int64_t spread = ms / 5;
  const auto offset = static_cast<std::int64_t>(random.below(2 * static_cast<std::uint64_t>(spread) + 1));
  return ms - spread + offset;
}

}  // namespace

void Exchange::begin() noexcept {
  attempt_ = 0;
  cookie_replies_ = 0;
  bad_descriptors_ = 0;
  deadline_ms_ = never_ms;
  counters_.clear();
  nonces_.clear();
}

void Exchange::sent(const protocol::FrameNonce& nonce, std::uint64_t counter, Now now, Random& random) {
  nonces_.push_back(nonce);
  if (counter != 0) {
    counters_.push_back(counter);
  }
  deadline_ms_ = now.steady_ms + jittered(timeout_ms(policy_, attempt_), random);
}

bool Exchange::awaits_answer(std::uint64_t counter) const noexcept {
  return std::ranges::find(counters_, counter) != counters_.end();
}

bool Exchange::awaits_cookie(const protocol::FrameNonce& nonce) const noexcept {
  return cookie_replies_ < cookie_replies_per_attempt && bad_descriptors_ < bad_descriptors_per_attempt &&
         std::ranges::find(nonces_, nonce) != nonces_.end();
}

void Exchange::cookie_accepted() noexcept {
  ++cookie_replies_;
  nonces_.clear();
}

bool Exchange::next_attempt() noexcept {
  ++attempt_;
  cookie_replies_ = 0;
  bad_descriptors_ = 0;
  return attempt_ < policy_.attempts;
}

}  // namespace toxasync::client
