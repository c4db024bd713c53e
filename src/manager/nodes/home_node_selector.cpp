// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/home_node_selector.hpp"

#include <algorithm>

namespace toxasync::manager {

void HomeNodeSelector::on_answer(Now now) {
  if (looked_ && searching_) {
    next_ = std::min(next_, now.steady + look_soon);
  }
}

void HomeNodeSelector::tick(Now now) {
  if (now.steady < next_) {
    return;
  }
  if (!looked_) {
    looked_ = true;
    next_ = now.steady + first_after;
    return;
  }
  next_ = now.steady + look_again;
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
  const bool too_soon = replaced_ != long_ago && now.steady - replaced_ < replacements_apart;
  if (bad == homes.end() || too_soon) {
    return;
  }
  const protocol::NodeId id = *bad;
  homes.erase(bad);
  if (!pick(1, homes)) {
    return;  // a bad one is better than none
  }
  replaced_ = now.steady;
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
