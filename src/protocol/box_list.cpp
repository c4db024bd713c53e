// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/box_list.hpp"

#include <algorithm>

namespace toxasync::protocol {

BoxLists box_lists(const crypto::OwnerKey& owner, const crypto::Point& p,
                   std::span<const crypto::Point> writers, std::size_t count) {
  std::vector<BoxList> lists(count);
  const auto list_of = [&](std::size_t place) -> BoxList& { return lists[place / limits::boxes_per_list]; };
  const auto tag_at = [&](std::size_t place) -> crypto::BoxTag& {
    return list_of(place).tags.at(place % limits::boxes_per_list);
  };
  for (std::size_t place = 0; place < writers.size(); ++place) {
    const auto& box =
        list_of(place).boxes.emplace_back(ListedBox{writers[place], crypto::box_name({p, writers[place]})});
    tag_at(place) = box.tag();
  }
  crypto::OwnerKey::Fillers fillers{};
  for (std::size_t place = writers.size(); place < count * limits::boxes_per_list; ++place) {
    if (place == writers.size() || place % fillers.size() == 0) {
      fillers = owner.fillers(p, static_cast<std::uint32_t>(place / fillers.size()));
    }
    tag_at(place) = fillers.at(place % fillers.size());
  }
  for (BoxList& list : lists) {
    std::ranges::sort(list.tags);
    std::ranges::sort(list.boxes, {}, &ListedBox::name);  // which begins with the tag
  }
  return std::make_shared<const std::vector<BoxList>>(std::move(lists));
}

}  // namespace toxasync::protocol
