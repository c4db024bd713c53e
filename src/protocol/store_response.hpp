// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "wire/archive.hpp"

namespace toxasync::protocol {

enum class StoreStatus : std::uint8_t {
  stored = 0,
  duplicate = 1,  ///< Held already; the expiry is the larger of the two.
  gone = 2,       ///< Deleted by the owner, or sent to them, or (to a store) cancelled.
  mailbox_full = 3,
  node_full = 4,
  try_later = 5,
  wrong_epoch = 6,
  refused = 7,
  cancelled = 8,
  absent = 9,  ///< To a cancel: there is no such envelope.
};

/// The answer to a StoreRequest: docs/protocol.md, section 6.
struct StoreResponse {
  std::uint64_t counter = 0;  ///< Of the request.
  StoreStatus status = StoreStatus::refused;
  std::uint64_t expires_at_s = 0;  ///< Unix; for stored and duplicate.
  std::uint64_t node_time_s = 0;   ///< Unix, by the node's clock.
  std::uint16_t retry_after_s = 0;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.counter, self.status, self.expires_at_s, self.node_time_s, self.retry_after_s);
  }
};

}  // namespace toxasync::protocol
