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
  requests_.clear();
  nonces_.clear();
}

void Exchange::sent(const protocol::FrameNonce& nonce, std::uint64_t counter, const Endpoint& to, Now now,
                    Random& random) {
  nonces_.emplace_back(nonce, to);
  if (counter != 0) {
    requests_.emplace_back(counter, Sent{now.steady, to});
  }
  deadline_ = now.steady + jittered(timeout(policy_, attempt_), random);
}

const Exchange::Sent* Exchange::asked(std::uint64_t counter) const noexcept {
  const auto found = std::ranges::find(requests_, counter, &std::pair<std::uint64_t, Sent>::first);
  return found == requests_.end() ? nullptr : &found->second;
}

const Endpoint* Exchange::awaits_cookie(const protocol::FrameNonce& nonce) const noexcept {
  if (cookie_replies_ >= cookie_replies_per_attempt || bad_descriptors_ >= bad_descriptors_per_attempt) {
    return nullptr;
  }
  const auto found = std::ranges::find(nonces_, nonce, &std::pair<protocol::FrameNonce, Endpoint>::first);
  return found == nonces_.end() ? nullptr : &found->second;
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
