// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/home_node_selector.hpp"

#include <algorithm>

namespace toxasync::manager {

void HomeNodeSelector::on_answer(Now now) {
  if (looked_ && searching_) {
    next_ms_ = std::min(next_ms_, now.steady_ms + look_soon_ms);
  }
}

void HomeNodeSelector::tick(Now now) {
  if (now.steady_ms < next_ms_) {
    return;
  }
  if (!looked_) {
    looked_ = true;
    next_ms_ = now.steady_ms + first_after_ms;
    return;
  }
  next_ms_ = now.steady_ms + look_again_ms;
  const auto picked = home_nodes_.chosen_by_selector();
  const bool named = home_nodes_.in_use().size() > picked.size();
  if (named) {
    if (!picked.empty()) {
      (void)home_nodes_.remove(picked.front());
    }
  } else if (picked.size() < wanted) {
    pick(wanted - picked.size(), picked);
  } else {
    replace_one(picked, now);
  }
  const auto homes = home_nodes_.chosen_by_selector();
  const auto bad = [this](const protocol::NodeId& id) { return is_bad(id); };
  searching_ = services_.config.pick_home_nodes && !named &&
               (homes.size() < wanted || std::ranges::any_of(homes, bad));
  discovery_.want_homes(searching_);
  home_nodes_.announce();
}

bool HomeNodeSelector::is_bad(const protocol::NodeId& id) const {
  return book_.given_up(id) || book_.demoted(id);
}

void HomeNodeSelector::replace_one(std::vector<protocol::NodeId> homes, Now now) {
  const auto bad = std::ranges::find_if(homes, [this](const auto& id) { return is_bad(id); });
  const bool too_soon = replaced_ms_ != INT64_MIN && now.steady_ms - replaced_ms_ < replacements_apart_ms;
  if (bad == homes.end() || too_soon) {
    return;
  }
  const protocol::NodeId id = *bad;
  homes.erase(bad);
  if (!pick(1, homes)) {
    return;  // a bad one is better than none
  }
  replaced_ms_ = now.steady_ms;
  services_.telemetry.count(Counter::nodes_replaced);
  (void)home_nodes_.remove(id);
}

bool HomeNodeSelector::pick(std::size_t count, std::span<const protocol::NodeId> taken) {
  if (!services_.config.pick_home_nodes) {
    return false;
  }
  bool any = false;
  for (const auto& id : book_.pick_home_nodes(count, taken)) {
    if (home_nodes_.add({id, book_.addresses(id)}, ChosenBy::selector)) {
      any = true;
      services_.telemetry.count(Counter::nodes_picked);
      services_.telemetry.log(LogLevel::info, "nodes",
                              "selected a storage node to keep this user's messages");
    }
  }
  return any;
}

}  // namespace toxasync::manager
