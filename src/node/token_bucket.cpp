// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/token_bucket.hpp"

#include <algorithm>

namespace toxasync::node {

TokenBuckets::Prefix TokenBuckets::prefix_of(const Endpoint& source) noexcept {
  constexpr ByteArray<12> mapped = {0, 0, 0, 0, 0,    0,
                                    0, 0, 0, 0, 0xff, 0xff};  // RFC 4291: ::ffff:a.b.c.d is IPv4
  Prefix prefix{};
  if (source.family == 6 && std::equal(mapped.begin(), mapped.end(), source.ip.begin())) {
    prefix[0] = 4;
    std::copy_n(source.ip.begin() + 12, 4, prefix.begin() + 1);
    return prefix;
  }
  prefix[0] = source.family;
  std::copy_n(source.ip.begin(), source.family == 4 ? 4 : 7, prefix.begin() + 1);
  return prefix;
}

std::uint64_t TokenBuckets::level(const Bucket& bucket, std::int64_t steady_ms) const noexcept {
  const auto passed_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(steady_ms - bucket.as_of_ms, 0));
  if (rate_.per_minute != 0 && passed_ms > full() / rate_.per_minute) {
    return full();
  }
  return std::min(full(), bucket.level + passed_ms * rate_.per_minute);
}

bool TokenBuckets::take(const Endpoint& source, std::int64_t steady_ms) {
  const Prefix prefix = prefix_of(source);
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

std::uint16_t TokenBuckets::retry_after_s(const Endpoint& source, std::int64_t steady_ms) noexcept {
  constexpr std::uint64_t longest = 65535;
  const Bucket* bucket = buckets_.find(prefix_of(source));
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
