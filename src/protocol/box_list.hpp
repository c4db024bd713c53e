// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "crypto/mailbox.hpp"

namespace toxasync::protocol {

struct ListedBox {
  crypto::Point w{};
  crypto::BoxName name{};

  [[nodiscard]] crypto::BoxTag tag() const noexcept { return id_from<crypto::BoxTag>(name); }
};

/// What one retrieve request names: the tags of boxes of one mailbox, filled up to a fixed number, so that a
/// node learns neither how many writers there are nor in which order they came.
struct BoxList {
  std::array<crypto::BoxTag, limits::boxes_per_list> tags{};  ///< Sorted.
  std::vector<ListedBox> boxes;                               ///< Which are meant, sorted by tag.
};

/// All that read a mailbox, on any node, read the same lists.
using BoxLists = std::shared_ptr<const std::vector<BoxList>>;

/// How many lists it takes to name the boxes of so many writers. At least one.
constexpr std::size_t lists_for(std::size_t writers) noexcept {
  return writers == 0 ? 1 : (writers + limits::boxes_per_list - 1) / limits::boxes_per_list;
}

/// So many lists, which together name the boxes of these W in the mailbox of `p`. The same every time for the
/// same W. `count` is at least lists_for(writers.size()).
BoxLists box_lists(const crypto::OwnerKey& owner, const crypto::Point& p,
                   std::span<const crypto::Point> writers, std::size_t count);

}  // namespace toxasync::protocol
