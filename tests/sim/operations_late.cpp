// SPDX-License-Identifier: GPL-3.0-or-later
#include "operations_late.hpp"

#include "operation_draws.hpp"

namespace toxasync::sim {

namespace {

void switch_nodes(Rig& rig, SeededRandom& random, std::uint32_t off_per_mille) {
  for (const auto& node : rig.world.nodes) {
    if (random.chance(off_per_mille)) {
      node->switch_off();
    }
  }
}

void switch_nodes_on(Rig& rig) {
  for (const auto& node : rig.world.nodes) {
    node->switch_on();
  }
}

/// From a minute before its end to a day after it.
milliseconds any_look(SeededRandom& random) {
  switch (random.below(4)) {
    case 0:
      return -between(random, 1min, 90min);
    case 1:
      return between(random, 0min, 90min);
    default:
      return between(random, 0h, 24h);
  }
}

enum class Away { program, application, network };

/// Nobody looks at it before it ends, or just then; perhaps no node can take it before that, either.
void send_and_look_late(Rig& rig, SeededRandom& random, const Two& two, Away away) {
  const auto [from, to] = two;
  if (away == Away::application) {
    to.user->takes_messages = false;
  } else if (away == Away::network) {
    rig.cut_off(to);
  } else {
    rig.stop(to);
  }
  switch_nodes(rig, random, random.chance(300) ? 1000 : 0);
  const auto ttl = from.user->config.ttl;
  rig.send(from, to.user->key, text(random, between(random, 8, 1500)));
  if (random.chance(300)) {
    rig.run(between(random, 0ms, 5s));
    rig.stop(from);
  }
  const milliseconds before = between(random, 1min, 90min);
  rig.run(ttl - before);
  switch_nodes_on(rig);
  rig.run(std::max<milliseconds>(0ms, before + any_look(random)));
  to.user->takes_messages = true;
  rig.reconnect(to);
  rig.start(to);
  rig.start(from);
  rig.run(random.chance(500) ? 0ms : between(random, 0min, 30min));
}

}  // namespace

void send_and_look_late(Rig& rig, SeededRandom& random) {
  send_and_look_late(rig, random, two(rig, random), static_cast<Away>(random.below(3)));
}

/// They keep it for longer. Who is sure of the date is so all the same.
void look_late_at_nodes_that_are_behind(Rig& rig, SeededRandom& random) {
  const Two both = two(rig, random);
  rig.start(both.from);
  rig.start(both.to);
  rig.heal();
  switch_nodes_on(rig);
  for (const auto& node : rig.world.nodes) {
    rig.set_clock(*node, 0ms);
  }
  rig.run(between(random, 2h, 4h));
  for (const auto& node : rig.world.nodes) {
    if (random.chance(500)) {
      rig.set_clock(*node, -between(random, 1h, days(3)));
    }
  }
  send_and_look_late(rig, random, both,
                     random.chance(700) ? Away::network : static_cast<Away>(random.below(3)));
}

/// At once, while packets with it are still under way; or when it has been sealed again, as some nodes were
/// off.
void send_and_take_back(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.world.disconnect(*from.user, *to.user);  // what went directly cannot be taken back
  const bool looks = random.chance(200);
  if (!looks) {
    rig.stop(to);
  }
  rig.send(from, to.user->key, text(random, between(random, 8, 400)));  // and nodes know them
  rig.run(between(random, 0s, 10s));
  const bool stalls = random.chance(400);
  if (stalls) {  // for less than a packet may live (docs/protocol.md, section 6)
    rig.world.network.set_conditions({0, 0, between(random, 5s, 2min), between(random, 0s, 2min)});
  } else {
    switch_nodes(rig, random, random.chance(900) ? 400 : 0);
  }
  const seconds ttl = random.chance(500) ? seconds(days(3)) : 0s;
  const auto id =
      rig.send(from, to.user->key, text(random, between(random, 8, 3000)), crypto::MessageKind::normal, ttl);
  rig.run(stalls               ? between(random, 0s, 30s)
          : random.chance(300) ? between(random, 0s, 1h)
                               : between(random, 6h, 20h));
  rig.world.network.set_conditions({0, 0, 10ms, 5ms});
  switch_nodes_on(rig);
  if (id && from.user->running()) {
    rig.cancel(from, *id);
  }
  rig.run(between(random, 0s, 20min));
  rig.start(to);
  rig.run(between(random, 0s, 20min));
}

}  // namespace toxasync::sim
