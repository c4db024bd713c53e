// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/page.hpp"
#include "store/store.hpp"

namespace toxasync::node {

/// What may be listed for a window of so many pages: at least what fits into them.
constexpr store::ListLimits window_limits(std::uint8_t window) noexcept {
  constexpr std::size_t page_bytes = limits::envelopes_per_page * limits::small_envelope;
  static_assert(page_bytes >= limits::large_envelope);
  return {window * limits::envelopes_per_page, window * page_bytes};
}

/// Lays records, in order, into at most `window` pages of one large or up to three small envelopes, and at
/// least one page (docs/protocol.md, section 6). `more`: the store may hold more after them, and has been
/// read up to the sequence `reached`. `cursor` is the request's; a page's is the sequence of its last record,
/// and that of the last page is `reached` when all fit. A record that is not an envelope is skipped. Counter,
/// time and retry-after are left to the caller.
std::vector<protocol::Page> pack_pages(std::vector<store::Record>&& records, bool more, std::uint64_t cursor,
                                       std::uint8_t window, std::uint64_t reached = 0);

}  // namespace toxasync::node
