// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <string>

#include "operations.hpp"

// What operations draw: numbers, times, people, texts.

namespace toxasync::sim {

inline std::int64_t between(SeededRandom& random, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most - least + 1)));
}

inline milliseconds between(SeededRandom& random, milliseconds least, milliseconds most) {
  return least + random.below(most - least + 1ms);
}

inline Person& named(Rig& rig, std::size_t place) {
  rig.note += ' ' + to_hex(ByteView(rig.people[place].user->key).first(3));
  return rig.people[place];
}

inline Person& anybody(Rig& rig, SeededRandom& random) {
  return named(rig, random.below(rig.people.size()));
}

struct Two {
  Person& from;
  Person& to;
};

inline Two two(Rig& rig, SeededRandom& random) {
  const auto from = random.below(rig.people.size());
  const auto to = (from + 1 + random.below(rig.people.size() - 1)) % rig.people.size();
  return {named(rig, from), named(rig, to)};
}

inline StorageNode& node(Rig& rig, SeededRandom& random) {
  return *rig.world.nodes[random.below(rig.world.nodes.size())];
}

/// A text of that size that no other message has.
inline std::string text(SeededRandom& random, std::int64_t size) {
  std::string made = std::to_string(random.u64()) + " ";
  made.resize(static_cast<std::size_t>(std::max<std::int64_t>(size, 8)),
              static_cast<char>('a' + random.below(26)));
  return made;
}

}  // namespace toxasync::sim
