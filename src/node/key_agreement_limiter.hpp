// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/time.hpp"
#include "node/source.hpp"
#include "node/token_bucket.hpp"

namespace toxasync::node {

/// Whether a key agreement may be done for a source: a bucket for each, and one for all together, which keeps
/// such work below its part of the loop's time (docs/admission.md). Known sessions and mailboxes
/// need none.
///
/// The emptier the common bucket, the fuller a source's own must be: so sources that asked little come first,
/// and one that tries again and again only falls back, for each attempt costs that source's tokens either
/// way. All that is forwarded has a bucket besides, of `forwarders` sources.
class KeyAgreementLimiter {
 public:
  struct Limits {
    TokenBuckets::Rate source;
    std::uint32_t per_second = 1000;  ///< Over all sources; the burst is half of it.
  };
  /// How many forwarders may be used to the full at a time.
  static constexpr std::uint32_t forwarders = 4;
  enum class Answer : std::uint8_t { yes, source_spent, ceiling };

  KeyAgreementLimiter(std::size_t sources, const Limits& limits, const ByteArray<16>& hash_key)
      : limits_(limits),
        sources_(sources, limits.source, hash_key),
        forwarded_(1, of_all_forwarded(limits.source), hash_key),
        level_(full()) {}

  /// Applies from now on; what is in a bucket stays there, up to the new burst.
  void set_source_rate(TokenBuckets::Rate rate) noexcept {
    sources_.set_rate(rate);
    forwarded_.set_rate(of_all_forwarded(rate));
  }

  /// All of them, or none. Where the source has the tokens they are spent, also if it is another bucket that
  /// lacks them.
  [[nodiscard]] Answer admit(const Source& source, SteadyTime now, std::uint32_t agreements = 1);
  /// When to ask again after `refusal`.
  [[nodiscard]] seconds retry_after(Answer refusal, const Source& source, SteadyTime now,
                                    std::uint32_t agreements = 1) noexcept;

 private:
  /// A token is 1000 units, so that a millisecond adds `per_second`.
  static constexpr std::uint64_t token = 1000;
  [[nodiscard]] std::uint64_t full() const noexcept {
    return std::max<std::uint64_t>(token * limits_.per_second / 2, 2 * token);  // a session and its tag
  }
  static TokenBuckets::Rate of_all_forwarded(TokenBuckets::Rate source) noexcept;
  void refill(SteadyTime now) noexcept;

  Limits limits_;
  TokenBuckets sources_;
  TokenBuckets forwarded_;
  std::uint64_t level_;
  SteadyTime as_of_{};
};

}  // namespace toxasync::node
