// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/token_bucket.hpp"

#include <algorithm>

namespace toxasync::node {

std::uint64_t TokenBuckets::level(const Bucket& bucket, std::int64_t steady_ms) const noexcept {
  const auto passed_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(steady_ms - bucket.as_of_ms, 0));
  if (rate_.per_minute != 0 && passed_ms > full() / rate_.per_minute) {
    return full();
  }
  return std::min(full(), bucket.level + passed_ms * rate_.per_minute);
}

bool TokenBuckets::consume(const Endpoint& source, std::int64_t steady_ms) {
  const SourcePrefix prefix = source_of(source);
  Bucket* bucket = buckets_.find(prefix);
  if (bucket == nullptr) {
    bucket = &buckets_.insert(prefix, Bucket{full(), steady_ms}).value;
  }
  buckets_.touch(prefix);
  *bucket = {level(*bucket, steady_ms), steady_ms};
  if (bucket->level < token) {
    return false;
  }
  bucket->level -= token;
  return true;
}

double TokenBuckets::level(const Endpoint& source, std::int64_t steady_ms) noexcept {
  const Bucket* bucket = buckets_.find(source_of(source));
  const std::uint64_t now = bucket == nullptr ? full() : std::min(full(), level(*bucket, steady_ms) + token);
  return full() == 0 ? 0 : static_cast<double>(now) / static_cast<double>(full());
}

std::uint16_t TokenBuckets::retry_after_s(const Endpoint& source, std::int64_t steady_ms) noexcept {
  constexpr std::uint64_t longest = 65535;
  const Bucket* bucket = buckets_.find(source_of(source));
  const std::uint64_t now = bucket == nullptr ? full() : level(*bucket, steady_ms);
  if (rate_.per_minute == 0) {
    return longest;
  }
  const std::uint64_t per_second = std::uint64_t{1000} * rate_.per_minute;
  const std::uint64_t missing = now >= token ? 0 : token - now;
  return static_cast<std::uint16_t>(
      std::clamp<std::uint64_t>((missing + per_second - 1) / per_second, 1, longest));
}

}  // namespace toxasync::node
