// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "crypto/mailbox.hpp"

namespace toxasync::protocol {

/// A box as a retrieve request names it.
struct ListedBox {
  crypto::BoxTag tag{};
  std::optional<crypto::Point> w;  ///< Nothing: the tag is a filler.
  crypto::BoxName name{};          ///< Of the box, if it is one.
};

/// What one retrieve request names: boxes of one mailbox, sorted by their tags, filled up to a fixed number,
/// so that a node learns neither how many writers there are nor in which order they came.
using BoxList = std::array<ListedBox, limits::boxes_per_list>;

/// How many lists it takes to name the boxes of so many writers. At least one.
constexpr std::size_t lists_for(std::size_t writers) noexcept {
  return writers == 0 ? 1 : (writers + limits::boxes_per_list - 1) / limits::boxes_per_list;
}

/// So many lists, which together name the boxes of these W in the mailbox of `p`. The same every time for the
/// same W. `count` is at least lists_for(writers.size()).
std::vector<BoxList> box_lists(const crypto::OwnerKey& owner, const crypto::Point& p,
                               std::span<const crypto::Point> writers, std::size_t count);

}  // namespace toxasync::protocol
