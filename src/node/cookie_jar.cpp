// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/cookie_jar.hpp"

#include <algorithm>

namespace toxasync::node {

protocol::Cookie CookieJar::make(const Route& from, const crypto::Point& session,
                                 std::int64_t window) const noexcept {
  // Fixed lengths first; the one variable length comes before its bytes.
  ByteArray<8 + 1 + Endpoint::packed_size + 1> head;
  store_le(static_cast<std::uint64_t>(window), head.data());
  head[8] = static_cast<std::uint8_t>(from.transport);
  head[9] = from.endpoint.family;
  std::ranges::copy(from.endpoint.ip, head.begin() + 10);
  store_le(from.endpoint.port, head.data() + 26);
  head[28] = from.sendback_size;
  return crypto::h128(secret_.view(), {head, from.sendback_bytes(), session});
}

bool CookieJar::accepts(const protocol::Cookie& cookie, const Route& from, const crypto::Point& session,
                        SteadyTime now) const noexcept {
  const std::int64_t window = window_at(now);
  return crypto::equal(cookie, make(from, session, window)) ||
         crypto::equal(cookie, make(from, session, window - 1));
}

}  // namespace toxasync::node
