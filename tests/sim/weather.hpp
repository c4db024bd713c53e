// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>

#include "base/time.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::sim {

/// Kinds of what happens in a sequence. Each has a strength of its own in each world.
enum class Kind : std::size_t {
  messages,
  people,
  crashes,
  disks,
  old_copies,
  nodes,
  node_disks,
  network,
  clocks,
  node_clocks,
  contact,
  hostile,
  time,
};
inline constexpr std::array kind_names = {"messages", "people",     "crashes", "disks",  "old-copies",
                                          "nodes",    "node-disks", "network", "clocks", "node-clocks",
                                          "contact",  "hostile",    "time"};

/// Who lives in a world, and what happens to them how often: drawn by the seed.
struct Weather {
  std::size_t users = 2;
  std::size_t nodes = 3;
  std::size_t hostile_nodes = 0;  ///< Fewer than half.
  std::size_t hostile_friends = 0;
  std::size_t strangers = 0;
  std::size_t thieves = 0;
  milliseconds poll_interval = 2min;
  bool push = true;
  bool cover = false;
  /// People are given one node, which is taken back: they pick all that they use, from what they and their
  /// friends know.
  bool picks = false;
  unsigned crash_within = 0;  ///< Events: everybody crashes again and again; 0: they do not.
  bool met = true;            ///< They know each other at the start.
  std::array<unsigned, kind_names.size()> strength{};
  std::size_t steps = 30;

  static Weather draw(test::SeededRandom& random);
  [[nodiscard]] unsigned operator[](Kind kind) const { return strength.at(static_cast<std::size_t>(kind)); }
  [[nodiscard]] bool is_hostile() const noexcept {
    return hostile_nodes + hostile_friends + strangers + thieves > 0;
  }
  [[nodiscard]] std::string describe() const;
};

}  // namespace toxasync::sim
