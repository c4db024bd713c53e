// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "protocol/frame.hpp"

namespace toxasync::client {

/// When a request is repeated and given up.
struct RetryPolicy {
  milliseconds first_timeout = 1500ms;
  milliseconds longest_timeout = 8s;
  unsigned attempts = 5;
};

/// One request after the other of an operation, each with its attempts: which answers and cookie replies are
/// waited for, and until when. docs/protocol.md, section 6.
class Exchange {
 public:
  /// Cookie replies that are followed within one attempt. An honest node needs two (new session, then a
  /// rotated N or an aged cookie); more would be a node that keeps us in a loop.
  static constexpr unsigned cookie_replies_per_attempt = 3;
  /// Cookie replies with a bad descriptor that are checked within one attempt: each costs a signature check,
  /// and whoever sees the request can forge any number.
  static constexpr unsigned bad_descriptors_per_attempt = 8;

  explicit Exchange(const RetryPolicy& policy) noexcept : policy_(policy) {}

  /// Starts a new request: no answer is expected until sent().
  void begin() noexcept;
  /// A frame of the request is sent now, with this nonce and counter (0: a random box, which has no answer).
  void sent(const protocol::FrameNonce& nonce, std::uint64_t counter, Now now, Random& random);

  /// Whether an answer with this counter belongs to an attempt of the request. One to an earlier attempt is
  /// as good as one to the latest: on a path slower than the longest time-out it is the only one that
  /// arrives.
  [[nodiscard]] bool awaits_answer(std::uint64_t counter) const noexcept;
  /// The least of those counters; 0 when there are none.
  [[nodiscard]] std::uint64_t first_counter() const noexcept {
    return counters_.empty() ? 0 : counters_.front();
  }
  /// Whether a cookie reply that echoes this nonce may be followed.
  [[nodiscard]] bool awaits_cookie(const protocol::FrameNonce& nonce) const noexcept;
  /// A cookie reply was accepted: those to other frames sent so far are ignored from now on.
  void cookie_accepted() noexcept;
  void descriptor_refused() noexcept { ++bad_descriptors_; }

  /// The time-out passed. False: that was the last attempt.
  [[nodiscard]] bool next_attempt() noexcept;

  /// Attempts before this one.
  [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
  /// `never` when no answer is expected.
  [[nodiscard]] SteadyTime deadline() const noexcept { return deadline_; }

 private:
  RetryPolicy policy_;
  unsigned attempt_ = 0;
  unsigned cookie_replies_ = 0;   ///< Accepted in this attempt.
  unsigned bad_descriptors_ = 0;  ///< In this attempt.
  SteadyTime deadline_ = never;
  // At most attempts * (1 + cookie_replies_per_attempt) of each.
  std::vector<std::uint64_t> counters_;
  std::vector<protocol::FrameNonce> nonces_;
};

}  // namespace toxasync::client
