// SPDX-License-Identifier: GPL-3.0-or-later
#include "operations.hpp"

#include <algorithm>

namespace toxasync::model {

namespace {

constexpr milliseconds day = 24h;

std::int64_t between(SeededRandom& random, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most - least + 1)));
}

milliseconds between(SeededRandom& random, milliseconds least, milliseconds most) {
  return least + random.below(most - least + 1ms);
}

Person& named(Rig& rig, std::size_t place) {
  rig.note += ' ' + to_hex(ByteView(rig.people[place].user->key).first(3));
  return rig.people[place];
}

Person& anybody(Rig& rig, SeededRandom& random) {
  return named(rig, random.below(rig.people.size()));
}

struct Two {
  Person& from;
  Person& to;
};

Two two(Rig& rig, SeededRandom& random) {
  const auto from = random.below(rig.people.size());
  const auto to = (from + 1 + random.below(rig.people.size() - 1)) % rig.people.size();
  return {named(rig, from), named(rig, to)};
}

StorageNode& node(Rig& rig, SeededRandom& random) {
  return *rig.world.nodes[random.below(rig.world.nodes.size())];
}

/// A text of that size that no other message has.
std::string text(SeededRandom& random, std::int64_t size) {
  std::string made = std::to_string(random.u64()) + " ";
  made.resize(static_cast<std::size_t>(std::max<std::int64_t>(size, 8)),
              static_cast<char>('a' + random.below(26)));
  return made;
}

// --- Messages ---

void send_short(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to, text(random, between(random, 8, 400)));
}

void send_long(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to, text(random, between(random, 900, 6000)),
           random.chance(300) ? crypto::MessageKind::action : crypto::MessageKind::normal);
}

void send_largest(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to, text(random, std::int64_t{limits::message_text} - between(random, 0, 2)));
}

void send_many(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  const auto count = between(random, 5, 40);
  for (std::int64_t i = 0; i < count; ++i) {
    rig.send(from, to, text(random, random.chance(100) ? 2000 : 30));
    if (random.chance(100)) {
      rig.run(between(random, 0ms, 500ms));
    }
  }
}

/// Just before an epoch ends, so that it is under way, or not even stored, when the next begins.
void send_at_the_end_of_an_epoch(Rig& rig, SeededRandom& random) {
  const auto now = rig.world.clock.unix_time();
  const auto next = crypto::epoch_start(crypto::epoch_at(now).value() + 1);
  rig.run(next - now - between(random, 0s, 3s));
  const auto [from, to] = two(rig, random);
  rig.send(from, to, text(random, between(random, 8, 3000)));
  rig.run(between(random, 0s, 5s));
}

void send_for_longer(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to, text(random, between(random, 8, 1500)), crypto::MessageKind::normal,
           limits::times_to_live[random.below(limits::times_to_live.size())]);
}

void cancel(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  const auto open = rig.model.open_messages(who.user->key);
  if (!open.empty()) {
    rig.cancel(who, open[random.below(open.size())]);
  }
}

// --- People ---

void meet_for(Rig& rig, SeededRandom& random, milliseconds time) {
  const Two met = two(rig, random);
  Person& a = met.from;
  Person& b = met.to;
  const auto together_now = [&] {
    return a.user->running() && b.user->running() && rig.world.connected(*a.user, *b.user);
  };
  const bool apart = !rig.world.connected(*a.user, *b.user);
  rig.connect(a, b);
  const bool together = together_now();
  rig.run(time);
  const bool sound = !a.slow_disk && !b.slow_disk && rig.world.clock.steady() >= a.failing_until &&
                     rig.world.clock.steady() >= b.failing_until;
  if (together && together_now() && sound && time >= 5s && rig.friends(a, b)) {
    rig.model.met(a.user->key, b.user->key);
  }
  if (apart) {
    rig.world.disconnect(*a.user, *b.user);
  }
}

void meet(Rig& rig, SeededRandom& random) {
  meet_for(rig, random, between(random, 5s, 30s));
}

void meet_in_passing(Rig& rig, SeededRandom& random) {
  meet_for(rig, random, between(random, 0ms, 400ms));
}

void come_together(Rig& rig, SeededRandom& random) {
  const auto [a, b] = two(rig, random);
  rig.connect(a, b);
}

void part(Rig& rig, SeededRandom& random) {
  const auto [a, b] = two(rig, random);
  rig.world.disconnect(*a.user, *b.user);
}

void stop(Rig& rig, SeededRandom& random) {
  rig.stop(anybody(rig, random));
}

void start_all(Rig& rig, SeededRandom& /*random*/) {
  for (auto& person : rig.people) {
    rig.start(person);
  }
}

void unfriend_and_befriend(Rig& rig, SeededRandom& random) {
  const auto [a, b] = two(rig, random);
  rig.unfriend(a, b);
  rig.run(between(random, 0s, 10s));
  rig.befriend(a, b);
}

// --- Crashes and disks ---

void crash_now(Rig& rig, SeededRandom& random) {
  rig.crash(anybody(rig, random), random.chance(700) ? 0ms : between(random, 0s, 10min));
}

void crash_at_an_event(Rig& rig, SeededRandom& random) {
  anybody(rig, random).crash_in_events =
      static_cast<unsigned>(between(random, 1, random.chance(500) ? 15 : 120));
  rig.run(between(random, 0s, 3s));
}

void crash_in_the_callback(Rig& rig, SeededRandom& random) {
  anybody(rig, random).crash_in_callback = true;
}

void slow_disk(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  rig.set_slow_disk(who, !who.slow_disk);
}

void failing_disk(Rig& rig, SeededRandom& random) {
  rig.fail_disk(anybody(rig, random), 1 + random.below(3));
}

void make_copy(Rig& rig, SeededRandom& random) {
  rig.make_copy(anybody(rig, random));
}

void go_back_to_copy(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  if (who.copy) {
    rig.go_on_with(who, who.copy->crash_copy(), who.copy_model);
  }
}

void lose_the_state(Rig& rig, SeededRandom& random) {
  rig.go_on_with(anybody(rig, random), nullptr, {});
}

/// They have two; the one that they do not use lies in a drawer.
void take_the_other_device(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  auto other = std::exchange(who.copy, nullptr);
  const auto then = other ? who.copy_model : Model::Backup{};
  rig.make_copy(who);
  rig.go_on_with(who, std::move(other), then);
}

void application_is_away_or_back(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  who.user->takes_messages = !who.user->takes_messages;
}

// --- Nodes and networks ---

void node_off(Rig& rig, SeededRandom& random) {
  node(rig, random).switch_off();
}

void nodes_on(Rig& rig, SeededRandom& /*random*/) {
  for (const auto& node : rig.world.nodes) {
    node->switch_on();
  }
}

void node_loses_its_disk(Rig& rig, SeededRandom& random) {
  rig.lose_disk(node(rig, random));
}

void other_home_nodes(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  if (!who.user->running()) {
    return;
  }
  const auto mine = who.user->manager->home_nodes();
  if (mine.size() > 1 && random.chance(500)) {
    (void)who.user->manager->remove_home_node(mine[random.below(mine.size())].node.id);
  } else {
    rig.add_all_nodes(who);
  }
}

void bad_network(Rig& rig, SeededRandom& random) {
  rig.world.network.set_conditions({static_cast<std::uint32_t>(random.below(300)),
                                    static_cast<std::uint32_t>(random.below(100)), 10ms,
                                    between(random, 0ms, 300ms)});
}

void good_network(Rig& rig, SeededRandom& /*random*/) {
  rig.world.network.set_conditions({0, 0, 10ms, 5ms});
}

// --- Time ---

void moments(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 0s, 2s));
}

void minutes(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 1s, 20min));
}

void hours(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 1min, 8h));
}

void days(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 1h, 4 * day));
}

void weeks(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 2 * day, 16 * day));
}

constexpr std::array table{
    Operation{"send a short one", {30, 30, 20}, send_short},
    Operation{"send a long one", {10, 10, 4}, send_long},
    Operation{"send one of the largest size", {1, 1, 0}, send_largest},
    Operation{"send many", {3, 3, 8}, send_many},
    Operation{"send with a time to live", {4, 4, 1}, send_for_longer},
    Operation{"cancel", {10, 2, 1}, cancel},
    Operation{"send at the end of an epoch", {4, 1, 1}, send_at_the_end_of_an_epoch},
    Operation{"meet", {5, 5, 12}, meet},
    Operation{"meet in passing", {4, 4, 12}, meet_in_passing},
    Operation{"come together", {3, 4, 2}, come_together},
    Operation{"part", {3, 4, 2}, part},
    Operation{"stop", {5, 3, 2}, stop},
    Operation{"start all", {8, 8, 8}, start_all},
    Operation{"unfriend and befriend", {0, 0, 2}, unfriend_and_befriend},
    Operation{"crash now", {4, 4, 2}, crash_now},
    Operation{"crash at an event", {14, 16, 10}, crash_at_an_event},
    Operation{"crash in the callback", {1, 6, 1}, crash_in_the_callback},
    Operation{"slow disk on or off", {3, 4, 3}, slow_disk},
    Operation{"failing disk", {2, 3, 1}, failing_disk},
    Operation{"make a copy", {0, 0, 3}, make_copy},
    Operation{"go back to the copy", {0, 0, 2}, go_back_to_copy},
    Operation{"lose the state", {0, 0, 1}, lose_the_state},
    Operation{"take the other device", {0, 0, 2}, take_the_other_device},
    Operation{"the application is away or back", {0, 2, 0}, application_is_away_or_back},
    Operation{"a node off", {5, 2, 1}, node_off},
    Operation{"nodes on", {4, 3, 2}, nodes_on},
    Operation{"a node loses its disk", {1, 1, 0}, node_loses_its_disk},
    Operation{"other home nodes", {2, 1, 3}, other_home_nodes},
    Operation{"bad network", {2, 2, 1}, bad_network},
    Operation{"good network", {2, 2, 2}, good_network},
    Operation{"moments", {12, 14, 8}, moments},
    Operation{"minutes", {6, 8, 4}, minutes},
    Operation{"hours", {3, 2, 2}, hours},
    Operation{"days", {1, 1, 2}, days},
    Operation{"weeks", {0, 0, 1}, weeks},
};

}  // namespace

std::span<const Operation> operations() {
  return table;
}

}  // namespace toxasync::model
