// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/box_list.hpp"

#include <algorithm>

namespace toxasync::protocol {

std::vector<BoxList> box_lists(const crypto::OwnerKey& owner, const crypto::Point& p,
                               std::span<const crypto::Point> writers, std::size_t count) {
  std::vector<BoxList> lists(count);
  for (std::size_t at = 0; at < count * limits::boxes_per_list; ++at) {
    ListedBox& box = lists[at / limits::boxes_per_list][at % limits::boxes_per_list];
    if (at < writers.size()) {
      const auto name = crypto::box_name({p, writers[at]});
      box = {id_from<crypto::BoxTag>(name), writers[at], name};
    } else {
      box.tag = owner.filler(p, static_cast<std::uint32_t>(at));
    }
  }
  for (BoxList& list : lists) {
    std::ranges::sort(list, {}, &ListedBox::tag);
  }
  return lists;
}

}  // namespace toxasync::protocol
