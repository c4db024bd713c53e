// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/token_bucket.hpp"

#include <algorithm>

namespace toxasync::node {

std::uint64_t TokenBuckets::level(const Bucket& bucket, SteadyTime now) const noexcept {
  const auto passed_ms = static_cast<std::uint64_t>(std::max(now - bucket.as_of, 0ms).count());
  if (rate_.per_minute != 0 && passed_ms > full() / rate_.per_minute) {
    return full();
  }
  return std::min(full(), bucket.level + passed_ms * rate_.per_minute);
}

bool TokenBuckets::consume(const SourcePrefix& source, SteadyTime now, std::uint32_t tokens) {
  Bucket* bucket = buckets_.find(source);
  if (bucket == nullptr) {
    bucket = &buckets_.insert(source, Bucket{full(), now}).value;
  }
  buckets_.touch(source);
  *bucket = {level(*bucket, now), now};
  if (bucket->level < tokens * token) {
    return false;
  }
  bucket->level -= tokens * token;
  return true;
}

double TokenBuckets::level(const SourcePrefix& source, SteadyTime now, std::uint32_t tokens) noexcept {
  const Bucket* bucket = buckets_.find(source);
  const std::uint64_t held =
      bucket == nullptr ? full() : std::min(full(), level(*bucket, now) + tokens * token);
  return full() == 0 ? 0 : static_cast<double>(held) / static_cast<double>(full());
}

seconds TokenBuckets::retry_after(const SourcePrefix& source, SteadyTime now, std::uint32_t tokens) noexcept {
  constexpr seconds longest = 65535s;
  const Bucket* bucket = buckets_.find(source);
  const std::uint64_t held = bucket == nullptr ? full() : level(*bucket, now);
  if (rate_.per_minute == 0) {
    return longest;
  }
  const std::uint64_t per_second = std::uint64_t{1000} * rate_.per_minute;
  const std::uint64_t missing = held >= tokens * token ? 0 : tokens * token - held;
  const seconds until_enough{static_cast<std::int64_t>((missing + per_second - 1) / per_second)};
  return std::clamp(until_enough, 1s, longest);
}

}  // namespace toxasync::node
