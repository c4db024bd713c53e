// SPDX-License-Identifier: GPL-3.0-or-later
#include "weather.hpp"

#include <algorithm>

namespace toxasync::sim {

Weather Weather::draw(test::SeededRandom& random) {
  Weather made;
  made.users = random.chance(200) ? 3 : 2;
  made.nodes = 1 + random.below(5);
  made.poll_interval = random.chance(300) ? 2min : 30min;
  made.push = !random.chance(300);
  made.cover = random.chance(100);
  made.met = !random.chance(100);
  made.steps = 10 + random.below(40);
  for (unsigned& strength : made.strength) {
    static constexpr unsigned strengths[] = {0, 0, 1, 1, 3};  // a world in which all goes wrong hides much
    strength = strengths[random.below(std::size(strengths))];
  }
  const auto set = [&](Kind kind, unsigned strength) {
    made.strength.at(static_cast<std::size_t>(kind)) = strength;
  };
  set(Kind::messages, 1);
  set(Kind::people, 1);
  set(Kind::time, 1);
  set(Kind::old_copies, random.chance(150) ? 1 : 0);  // they excuse a great deal
  set(Kind::clocks, random.chance(250) ? 1 + static_cast<unsigned>(random.below(3)) : 0);
  set(Kind::node_clocks, random.chance(200) ? 1 : 0);
  set(Kind::contact, random.chance(250) ? 1 : 0);  // those who part are excused for much, too
  if (random.chance(600)) {
    made.hostile_nodes = random.below((made.nodes - 1) / 2 + 1);
    made.hostile_friends = random.chance(500) ? 1 + random.below(2) : 0;
    made.strangers = random.chance(300) ? 1 : 0;
    made.thieves = random.chance(150) ? 1 : 0;
    made.picks = random.chance(250);
    if (made.picks) {
      made.hostile_nodes = 0;  // the one that people are given is honest
      made.hostile_friends = std::max<std::size_t>(made.hostile_friends, random.chance(700) ? 1 : 0);
    }
  }
  return made;
}

std::string Weather::describe() const {
  std::string all = std::to_string(users) + " users, " + std::to_string(nodes) + " nodes (" +
                    std::to_string(hostile_nodes) + " hostile), " + std::to_string(hostile_friends) +
                    " hostile friends, " + std::to_string(strangers) + " strangers, " +
                    std::to_string(thieves) + " thieves, polls " + std::to_string(poll_interval / 1min) +
                    " min" + (push ? ", push" : "") + (cover ? ", cover" : "") +
                    (picks ? ", picked nodes" : "") + (met ? "" : ", not met") +
                    (crash_within > 0 ? ", crashes within " + std::to_string(crash_within) + " events" : "");
  for (std::size_t i = 0; i < strength.size(); ++i) {
    all += strength[i] == 0 ? "" : ", " + std::string(kind_names[i]) + " " + std::to_string(strength[i]);
  }
  return all;
}

}  // namespace toxasync::sim
