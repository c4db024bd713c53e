// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/transport.hpp"
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
  void sent(const protocol::FrameNonce& nonce, std::uint64_t counter, const Endpoint& to, Now now,
            Random& random);

  struct Sent {
    SteadyTime at{};
    Endpoint to;
  };
  /// The attempt with this counter; null if it is none of the request's. An answer to an earlier attempt is
  /// as good as one to the latest: on a path slower than the longest time-out it is the only one that
  /// arrives.
  [[nodiscard]] const Sent* asked(std::uint64_t counter) const noexcept;
  /// The least of those counters; 0 when there are none.
  [[nodiscard]] std::uint64_t first_counter() const noexcept {
    return requests_.empty() ? 0 : requests_.front().first;
  }
  /// Where the frame with this nonce went, if a cookie reply that repeats it may be followed; else null.
  [[nodiscard]] const Endpoint* awaits_cookie(const protocol::FrameNonce& nonce) const noexcept;
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
  std::vector<std::pair<std::uint64_t, Sent>> requests_;           ///< By counter.
  std::vector<std::pair<protocol::FrameNonce, Endpoint>> nonces_;  ///< Where each went.
};

}  // namespace toxasync::client
