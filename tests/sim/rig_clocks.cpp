// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "rig.hpp"

// Clocks that are wrong, and who can know it.

namespace toxasync::sim {

bool Rig::hears_right_time(const Person& who) const {
  if (!who.user->running() || !cut_.empty()) {
    return false;
  }
  const auto homes = who.user->manager->home_nodes();
  std::size_t right = 0;
  for (std::size_t i = weather.hostile_nodes; i < world.nodes.size(); ++i) {
    const StorageNode& node = *world.nodes[i];
    right +=
        node.is_on() && abs(node.ahead) <= clocks_agree &&
                std::ranges::any_of(homes, [&](const auto& home) { return home.node.id == node.keys.id(); })
            ? 1
            : 0;
  }
  return right >= 2 || (right == 1 && homes.size() == 1);
}

void Rig::set_clock(Person& who, milliseconds ahead) {
  who.clock_was_set = who.clock_was_set || abs(ahead - who.user->clock.ahead) > clocks_agree;
  who.user->clock.ahead = ahead;
  if (abs(ahead) > clocks_agree) {
    model.clock_is_wrong(who.user->key);
    std::erase_if(removed_, [&](const auto& entry) { return entry.first.first == who.user->key; });
    requests.clock_is_wrong(who.user->key);
  }
}

void Rig::set_clock(StorageNode& node, milliseconds ahead) {
  node.ahead = ahead;
  if (abs(ahead) > clocks_agree) {
    model.node_failed();
    requests.nodes_may_lie();
  }
}

void Rig::all_clocks_are_wrong(SeededRandom& random, milliseconds ahead, milliseconds time) {
  std::vector<Person*> wrong;
  for (auto& person : people) {
    if (random.chance(600)) {
      wrong.push_back(&person);
    }
  }
  for (const milliseconds now_ahead : {ahead, 0ms}) {
    for (const auto& node : world.nodes) {
      set_clock(*node, now_ahead);
    }
    std::ranges::for_each(wrong, [&](Person* person) { set_clock(*person, now_ahead); });
    run(now_ahead == 0ms ? 2h : time);
  }
}

/// Nodes had a wrong clock, together with somebody; or each has one of its own, and keeps it. What is sent
/// then is stored, and fetched, all the same (docs/protocol.md, section 2). Whether anything was done.
bool Rig::disturb_clocks(SeededRandom& random) {
  if (weather[Kind::node_clocks] == 0 || random.chance(150)) {
    return false;
  }
  for (auto& person : people) {
    start(person);
    add_all_nodes(person);
  }
  const auto hours_or_days = [&] { return 6h + random.below(milliseconds(days(3)) - 6h); };
  if (random.chance(600)) {
    all_clocks_are_wrong(random, hours_or_days(), 1h + random.below(13h));
  } else {
    const std::uint32_t behind_per_mille = random.chance(500) ? 0 : 500;
    for (const auto& node : world.nodes) {
      set_clock(*node, random.chance(behind_per_mille) ? -hours_or_days() : hours_or_days());
    }
    run(1h);
  }
  nodes_keep_clocks_ = true;
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a != &b && friends(a, b)) {
        (void)send(a, b.user->key, "while clocks are wrong", crypto::MessageKind::normal, days(3));
      }
    }
  }
  run(1min);
  return true;
}

void Rig::calm_clocks() {
  nodes_keep_clocks_ = false;
  if (std::ranges::any_of(world.nodes, [](const auto& node) { return node->ahead != 0ms; })) {
    model.node_failed();
    for (const auto& node : world.nodes) {
      set_clock(*node, 0ms);
    }
    run(2h);  // they have two dates for an hour
  }
}

}  // namespace toxasync::sim
