// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/ids.hpp"
#include "wire/archive.hpp"

namespace toxasync::protocol {

/// One stored envelope in a page.
struct PagedEnvelope {
  crypto::BoxName box{};  ///< In which it lies. Its tag is one that the request names.
  Bytes bytes;

  static constexpr std::size_t min_encoded_size = limits::box_name + limits::length_prefix;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.box, wire::bounded<limits::large_envelope>(self.bytes));
  }
};

/// One packet of the answer to a RetrieveRequest, or an announcement: docs/protocol.md, section 6.
struct Page {
  static constexpr std::uint8_t flag_more = 1;       ///< Mail waits after the last page of this window.
  static constexpr std::uint8_t flag_try_later = 2;  ///< Not served: ask again after retry_after_s.
  /// No answer: mail has come since the subscribe request with this counter was answered.
  static constexpr std::uint8_t flag_announcement = 4;

  std::uint64_t counter = 0;  ///< Of the request.
  std::uint8_t index = 0;     ///< Of this page in the window.
  std::uint8_t count = 1;     ///< Pages in the window.
  std::uint64_t node_time_s = 0;
  std::uint64_t cursor = 0;  ///< Where the next page begins.
  std::uint8_t flags = 0;
  std::uint16_t retry_after_s = 0;
  std::vector<PagedEnvelope> envelopes;

  static Page announcement(std::uint64_t counter, std::uint64_t node_time_s) {
    Page page;
    page.counter = counter;
    page.node_time_s = node_time_s;
    page.flags = flag_announcement;
    return page;
  }
  /// Exactly an announcement, with no other field set.
  [[nodiscard]] bool is_announcement() const noexcept {
    return flags == flag_announcement && index == 0 && count == 1 && cursor == 0 && retry_after_s == 0 &&
           envelopes.empty();
  }

  /// Whether an answer's place in the window and its flags are possible; decoding does not check that.
  [[nodiscard]] bool valid() const noexcept {
    return count >= 1 && count <= limits::window && index < count && flags <= (flag_more | flag_try_later);
  }

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.counter, self.index, self.count, self.node_time_s, self.cursor, self.flags,
                 self.retry_after_s, wire::bounded<limits::envelopes_per_page>(self.envelopes));
  }
};

}  // namespace toxasync::protocol
