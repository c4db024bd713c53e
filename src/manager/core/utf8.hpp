// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/bytes.hpp"

namespace toxasync::manager {

/// Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, surrogates or values past
/// U+10FFFF.
inline bool is_utf8(ByteView text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint8_t lead = text[i++];
    if (lead < 0x80) {
      continue;
    }
    const std::size_t more = lead >= 0xc2 && lead <= 0xdf   ? 1
                             : (lead & 0xf0U) == 0xe0       ? 2
                             : lead >= 0xf0 && lead <= 0xf4 ? 3
                                                            : 0;
    if (more == 0 || more > text.size() - i) {
      return false;
    }
    const std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text[i] < low || text[i] > high) {
      return false;
    }
    for (std::size_t k = 1; k < more; ++k) {
      if ((text[i + k] & 0xc0U) != 0x80) {
        return false;
      }
    }
    i += more;
  }
  return true;
}

}  // namespace toxasync::manager
