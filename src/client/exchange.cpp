// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/exchange.hpp"

#include <algorithm>

namespace toxasync::client {

namespace {

/// The time-out of an attempt, doubled from one to the next.
milliseconds timeout(const RetryPolicy& policy, unsigned attempt) noexcept {
  const milliseconds longest = std::max(policy.longest_timeout, 1ms);
  milliseconds timeout = std::clamp(policy.first_timeout, 1ms, longest);
  for (unsigned i = 0; i < attempt && timeout < longest; ++i) {
    timeout = timeout > longest / 2 ? longest : 2 * timeout;
  }
  return timeout;
}

/// Within 20 % of `timeout`, so that clients which lost the same node do not come back in step.
milliseconds jittered(milliseconds timeout, Random& random) noexcept {
  const milliseconds spread = timeout / 5;
  return timeout - spread + random.below(2 * spread + 1ms);
}

}  // namespace

void Exchange::begin() noexcept {
  attempt_ = 0;
  cookie_replies_ = 0;
  bad_descriptors_ = 0;
  deadline_ = never;
  counters_.clear();
  nonces_.clear();
}

void Exchange::sent(const protocol::FrameNonce& nonce, std::uint64_t counter, Now now, Random& random) {
  nonces_.push_back(nonce);
  if (counter != 0) {
    counters_.push_back(counter);
  }
  deadline_ = now.steady + jittered(timeout(policy_, attempt_), random);
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
