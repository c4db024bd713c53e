// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/page_packer.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::node {

namespace {

bool has_room(const protocol::Page& page, std::size_t size) noexcept {
  if (page.envelopes.empty()) {
    return true;
  }
  return size == limits::small_envelope && page.envelopes.size() < limits::envelopes_per_page &&
         page.envelopes.front().bytes.size() == limits::small_envelope;
}

}  // namespace

std::vector<protocol::Page> pack_pages(std::vector<store::Record>&& records, bool more, std::uint64_t cursor,
                                       std::uint8_t window, std::uint64_t reached) {
  std::vector<protocol::Page> pages(1);
  pages.back().cursor = cursor;
  for (store::Record& record : records) {
    if (!limits::is_envelope_size(record.value.size())) {
      pages.back().cursor = record.sequence;  // else a client would ask for it again and again
      continue;
    }
    if (!has_room(pages.back(), record.value.size())) {
      if (pages.size() >= window) {
        more = true;
        reached = 0;
        break;
      }
      pages.emplace_back();
    }
    pages.back().envelopes.push_back({id_from<crypto::BoxName>(record.box), std::move(record.value)});
    pages.back().cursor = record.sequence;
  }
  if (more) {
    pages.back().cursor = std::max(pages.back().cursor, reached);
  }
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i].index = static_cast<std::uint8_t>(i);
    pages[i].count = static_cast<std::uint8_t>(pages.size());
    pages[i].flags = more ? protocol::Page::flag_more : 0;
  }
  return pages;
}

}  // namespace toxasync::node
