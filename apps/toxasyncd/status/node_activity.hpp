// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::daemon {

/// What a node has done, since its start or within a span of time.
struct NodeActivity {
  std::uint64_t stored = 0;
  std::uint64_t fetched = 0;  ///< Envelopes sent to their owner.
  std::uint64_t deleted = 0;
  std::uint64_t refused = 0;
  std::uint64_t store_failed = 0;
  std::uint64_t store_full = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;

  [[nodiscard]] NodeActivity since(const NodeActivity& earlier) const noexcept {
    return {.stored = stored - earlier.stored,
            .fetched = fetched - earlier.fetched,
            .deleted = deleted - earlier.deleted,
            .refused = refused - earlier.refused,
            .store_failed = store_failed - earlier.store_failed,
            .store_full = store_full - earlier.store_full,
            .bytes_in = bytes_in - earlier.bytes_in,
            .bytes_out = bytes_out - earlier.bytes_out};
  }
};

}  // namespace toxasync::daemon
