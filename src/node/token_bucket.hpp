// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "base/transport.hpp"
#include "node/lru_table.hpp"
#include "node/source.hpp"

namespace toxasync::node {

/// A token bucket per network: of a source, IPv4 /32 or IPv6 /56 (docs/protocol.md, section 6). A source that
/// is new to the table, or was pushed out of it, starts with a full bucket; a source with many addresses has
/// many buckets.
class TokenBuckets {
 public:
  struct Rate {
    std::uint32_t burst = 64;
    std::uint32_t per_minute = 8;
  };

  TokenBuckets(std::size_t sources, Rate rate, const ByteArray<16>& hash_key)
      : rate_(rate), buckets_(sources, hash_key) {}

  /// Applies from now on; what is in a bucket stays there, up to the new burst.
  void set_rate(Rate rate) noexcept { rate_ = rate; }

  /// Uses so many tokens of the source; false: there are not so many, and none is used.
  [[nodiscard]] bool consume(const SourcePrefix& source, SteadyTime now, std::uint32_t tokens = 1);

  /// How full its bucket was before the last ones were used, 0 to 1.
  [[nodiscard]] double level(const SourcePrefix& source, SteadyTime now, std::uint32_t tokens = 1) noexcept;

  /// How long until consume() succeeds again, at least 1 s and at most 65535 s.
  [[nodiscard]] seconds retry_after(const SourcePrefix& source, SteadyTime now,
                                    std::uint32_t tokens = 1) noexcept;

 private:
  /// In units of which a token is 60000, so that a millisecond adds `per_minute`.
  struct Bucket {
    std::uint64_t level = 0;
    SteadyTime as_of{};
  };
  static constexpr std::uint64_t token = 60'000;

  [[nodiscard]] std::uint64_t full() const noexcept { return token * rate_.burst; }
  [[nodiscard]] std::uint64_t level(const Bucket& bucket, SteadyTime now) const noexcept;

  Rate rate_;
  LruTable<SourcePrefix, Bucket> buckets_;
};

}  // namespace toxasync::node
