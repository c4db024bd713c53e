// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "wire/limits.hpp"

// How long nodes are asked to keep envelopes (docs/protocol.md, section 2).

namespace toxasync::limits {

/// Whole hours up to a day, and above that whole epochs: fine enough for what is left of a message's life,
/// and coarse enough to say little about when it was written.
constexpr seconds storage_time_unit = 1h;
/// "Expired" is true while the clocks of sender and recipient differ by less than that.
constexpr seconds clocks_apart = 30min;

/// The longest time that a node may be asked to keep what has so long to live; 0: none is short enough.
constexpr seconds storage_time_within(seconds left) noexcept {
  const seconds most = left < 0s ? 0s : left > largest_time_to_live ? largest_time_to_live : left;
  return most - most % (most < days(1) ? storage_time_unit : epoch_length);
}

constexpr bool is_storage_time(seconds wanted) noexcept {
  return wanted > 0s && storage_time_within(wanted) == wanted;
}

}  // namespace toxasync::limits
