// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/source_prefix.hpp"

#include <algorithm>

namespace toxasync::node {

namespace {

SourcePrefix prefix(std::uint8_t family, ByteView address, std::uint8_t bits) noexcept {
  SourcePrefix made{family, bits};
  std::copy_n(address.begin(), bits / 8, made.begin() + 2);
  return made;
}

}  // namespace

std::array<SourcePrefix, 3> networks_of(const Endpoint& source) noexcept {
  constexpr ByteArray<12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291: ::ffff:a.b.c.d
  const ByteView ip(source.ip);
  const bool is_mapped = source.family == 6 && std::equal(mapped.begin(), mapped.end(), ip.begin());
  if (source.family == 4 || is_mapped) {
    const ByteView v4 = is_mapped ? ip.subspan(mapped.size()) : ip;
    return {prefix(4, v4, 32), prefix(4, v4, 24), prefix(4, v4, 16)};
  }
  if (source.family == 6) {
    return {prefix(6, ip, 56), prefix(6, ip, 48), prefix(6, ip, 32)};
  }
  return {prefix(source.family, ip, 56), prefix(source.family, ip, 0), prefix(source.family, ip, 0)};
}

}  // namespace toxasync::node
