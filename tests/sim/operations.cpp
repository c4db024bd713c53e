// SPDX-License-Identifier: GPL-3.0-or-later
#include "operations.hpp"

#include <algorithm>

#include "operation_draws.hpp"
#include "operations_late.hpp"
#include "operations_people.hpp"

namespace toxasync::sim {

namespace {

// --- Messages ---

void send_short(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to.user->key, text(random, between(random, 8, 400)));
}

void send_long(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to.user->key, text(random, between(random, 900, 6000)),
           random.chance(300) ? crypto::MessageKind::action : crypto::MessageKind::normal);
}

void send_largest(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to.user->key, text(random, std::int64_t{limits::message_text} - between(random, 0, 2)));
}

void send_many(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  const auto count = between(random, 5, 40);
  for (std::int64_t i = 0; i < count; ++i) {
    rig.send(from, to.user->key, text(random, random.chance(100) ? 2000 : 30));
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
  rig.send(from, to.user->key, text(random, between(random, 8, 3000)));
  rig.run(between(random, 0s, 5s));
}

void send_for_longer(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  rig.send(from, to.user->key, text(random, between(random, 8, 1500)), crypto::MessageKind::normal,
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
  rig.add_friend(a, b.user->key);
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
  rig.idle = who.copy == nullptr;
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

void node_disk_full(Rig& rig, SeededRandom& random) {
  node(rig, random).store.set_disk_full(random.chance(500));
}

void node_disk_fails(Rig& rig, SeededRandom& random) {
  node(rig, random).store.fail_next(1 + random.below(20));
}

void node_disk_slow(Rig& rig, SeededRandom& random) {
  StorageNode& slow = node(rig, random);
  slow.store.hold_completions(true);
  rig.run(between(random, 100ms, 20s));
  slow.store.hold_completions(false);
}

void other_home_nodes(Rig& rig, SeededRandom& random) {
  Person& who = anybody(rig, random);
  rig.idle = !who.user->running();
  if (rig.idle) {
    return;
  }
  const auto mine = who.user->manager->home_nodes();
  if (mine.size() > 1 && random.chance(500)) {
    (void)who.user->manager->remove_home_node(mine[random.below(mine.size())].node.id);
  } else if (rig.weather.picks && random.chance(700)) {
    Rig::let_pick(who);
  } else {
    rig.add_all_nodes(who);
  }
}

void node_joins(Rig& rig, SeededRandom& random) {
  rig.join_node();
  other_home_nodes(rig, random);
}

void node_moves(Rig& rig, SeededRandom& random) {
  StorageNode& moved = node(rig, random);
  rig.move(moved);
  for (auto& person : rig.people) {  // most hear of it
    if (person.user->running() && random.chance(700)) {
      (void)person.user->manager->add_home_node(moved.known());
    }
  }
}

void node_keeps_mail_for_less_time(Rig& rig, SeededRandom& random) {
  node(rig, random).grant_at_most(random.chance(500) ? limits::largest_time_to_live : days(1));
}

void bad_network(Rig& rig, SeededRandom& random) {
  rig.world.network.set_conditions({static_cast<std::uint32_t>(random.below(300)),
                                    static_cast<std::uint32_t>(random.below(100)), 10ms,
                                    between(random, 0ms, 300ms)});
}

void good_network(Rig& rig, SeededRandom& /*random*/) {
  rig.world.network.set_conditions({0, 0, 10ms, 5ms});
}

/// One way, or both; from somebody to a node, or the other way round.
void cut(Rig& rig, SeededRandom& random) {
  const Endpoint user = anybody(rig, random).user->endpoint;
  const Endpoint other = node(rig, random).endpoint;
  const bool both_ways = random.chance(500);
  if (random.chance(500)) {
    rig.cut(user, other, both_ways);
  } else {
    rig.cut(other, user, both_ways);
  }
}

void heal(Rig& rig, SeededRandom& /*random*/) {
  rig.heal();
}

void another_address(Rig& rig, SeededRandom& random) {
  rig.rebind(anybody(rig, random));
}

// --- Clocks ---

void clock_jumps(Rig& rig, SeededRandom& random) {
  static constexpr milliseconds jumps[] = {2s,      -2s,      9min,     -9min,     29min,     -29min,
                                           1h,      -1h,      6h,       -6h,       24h,       -24h,
                                           days(6), -days(6), days(31), -days(31), days(400), -days(400)};
  Person& who = anybody(rig, random);
  const bool no_network = random.chance(300);  // nobody tells them the time
  milliseconds ahead = random.chance(500) ? 0ms : jumps[random.below(std::size(jumps))];
  if (no_network) {
    rig.cut_off(who);
    ahead = random.chance(700) ? between(random, 6h, days(400)) : ahead;
  }
  rig.set_clock(who, ahead);
  rig.note += " " + std::to_string(ahead / 1s) + " s";
  if (no_network) {
    rig.run(between(random, 1min, 30min));
    rig.reconnect(who);
  }
}

void node_clock_jumps(Rig& rig, SeededRandom& random) {
  static constexpr milliseconds jumps[] = {2s, -2s, 20min, -20min, 2h, -2h, days(3), -days(3)};
  rig.set_clock(node(rig, random), random.chance(500) ? 0ms : jumps[random.below(std::size(jumps))]);
}

/// By the same: what one of them reads then is read for the wrong date.
void all_clocks_are_wrong(Rig& rig, SeededRandom& random) {
  const milliseconds ahead =
      random.chance(700) ? between(random, 6h, days(3)) : -between(random, 6h, days(3));
  rig.all_clocks_are_wrong(random, ahead, between(random, 1h, 14h));
}

/// With something that no node could take.
void away_for_a_month(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  const auto on = [&](bool on) {
    for (const auto& node : rig.world.nodes) {
      on ? node->switch_on() : node->switch_off();
    }
  };
  on(random.chance(300));
  rig.send(from, to.user->key, text(random, between(random, 8, 400)));
  if (random.chance(300)) {
    rig.connect(from, to);
  }
  rig.run(between(random, 0s, 30s));
  rig.disconnect_all();
  for (auto& person : rig.people) {
    rig.stop(person);
  }
  if (random.chance(500)) {
    on(true);
  }
  rig.run(days(28) + between(random, 0h, 96h));
  rig.model.all_were_away();
  on(true);
  for (auto& person : rig.people) {
    rig.start(person);
  }
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

void some_days(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 1h, 96h));
}

void weeks(Rig& rig, SeededRandom& random) {
  rig.run(between(random, 48h, 384h));
}

constexpr std::array table{
    Operation{"send a short one", Kind::messages, 30, false, send_short},
    Operation{"send a long one", Kind::messages, 10, false, send_long},
    Operation{"send one of the largest size", Kind::messages, 1, false, send_largest},
    Operation{"send many", Kind::messages, 4, false, send_many},
    Operation{"send with a time to live", Kind::messages, 5, false, send_for_longer},
    Operation{"cancel", Kind::messages, 6, false, cancel},
    Operation{"send at the end of an epoch", Kind::messages, 2, false, send_at_the_end_of_an_epoch},
    Operation{"send and take back", Kind::messages, 6, false, send_and_take_back},
    Operation{"send and look late", Kind::time, 1, false, send_and_look_late},
    Operation{"send to a hostile friend", Kind::hostile, 8, false, send_to_hostile_friend},
    Operation{"remove or add a hostile friend", Kind::hostile, 4, true, remove_or_add_hostile_friend},
    Operation{"remove and add again and again", Kind::hostile, 2, true, remove_and_add_again_and_again},
    Operation{"a flood while nobody looks", Kind::hostile, 2, true, flood_while_nobody_looks},
    Operation{"mail for strangers", Kind::hostile, 3, true, mail_for_strangers},
    Operation{"meet", Kind::people, 6, false, meet},
    Operation{"meet in passing", Kind::people, 5, false, meet_in_passing},
    Operation{"come together", Kind::people, 3, false, come_together},
    Operation{"part", Kind::people, 3, false, part},
    Operation{"stop", Kind::people, 4, true, stop},
    Operation{"start all", Kind::people, 8, false, start_all},
    Operation{"part as friends", Kind::contact, 3, false, part_as_friends},
    Operation{"ask for friendship", Kind::contact, 6, false, ask_for_friendship},
    Operation{"cancel a request", Kind::contact, 5, false, cancel_a_request},
    Operation{"ask and look late", Kind::contact, 4, false, ask_and_look_late},
    Operation{"unfriend and befriend", Kind::old_copies, 3, true, unfriend_and_befriend},
    Operation{"crash now", Kind::crashes, 4, true, crash_now},
    Operation{"crash at an event", Kind::crashes, 14, true, crash_at_an_event},
    Operation{"crash in the callback", Kind::crashes, 4, true, crash_in_the_callback},
    Operation{"slow disk on or off", Kind::disks, 4, true, slow_disk},
    Operation{"failing disk", Kind::disks, 3, true, failing_disk},
    Operation{"make a copy", Kind::old_copies, 3, false, make_copy},
    Operation{"go back to the copy", Kind::old_copies, 2, true, go_back_to_copy},
    Operation{"lose the state", Kind::old_copies, 1, true, lose_the_state},
    Operation{"take the other device", Kind::old_copies, 2, true, take_the_other_device},
    Operation{"the application is away or back", Kind::crashes, 2, true, application_is_away_or_back},
    Operation{"a node off", Kind::nodes, 4, true, node_off},
    Operation{"nodes on", Kind::nodes, 4, false, nodes_on},
    Operation{"a node joins", Kind::nodes, 1, true, node_joins},
    Operation{"a node moves", Kind::nodes, 1, true, node_moves},
    Operation{"other home nodes", Kind::nodes, 2, true, other_home_nodes},
    Operation{"a node keeps mail for less time", Kind::nodes, 1, true, node_keeps_mail_for_less_time},
    Operation{"a node loses its disk", Kind::node_disks, 1, true, node_loses_its_disk},
    Operation{"a node's disk is full or not", Kind::node_disks, 3, true, node_disk_full},
    Operation{"a node's disk fails", Kind::node_disks, 3, true, node_disk_fails},
    Operation{"a node's disk is slow", Kind::node_disks, 2, true, node_disk_slow},
    Operation{"bad network", Kind::network, 4, true, bad_network},
    Operation{"good network", Kind::network, 3, false, good_network},
    Operation{"cut a link", Kind::network, 3, true, cut},
    Operation{"heal all links", Kind::network, 2, false, heal},
    Operation{"another address", Kind::network, 2, true, another_address},
    Operation{"a clock jumps", Kind::clocks, 8, true, clock_jumps},
    Operation{"a node's clock jumps", Kind::node_clocks, 5, true, node_clock_jumps},
    Operation{"all clocks are wrong", Kind::node_clocks, 3, true, all_clocks_are_wrong},
    Operation{"look late at nodes that are behind", Kind::node_clocks, 1, true,
              look_late_at_nodes_that_are_behind},
    Operation{"away for a month", Kind::old_copies, 1, false, away_for_a_month},
    Operation{"moments", Kind::time, 12, false, moments},
    Operation{"minutes", Kind::time, 7, false, minutes},
    Operation{"hours", Kind::time, 3, false, hours},
    Operation{"days", Kind::time, 1, false, some_days},
    Operation{"weeks", Kind::old_copies, 1, false, weeks},
};

}  // namespace

std::span<const Operation> operations() {
  return table;
}

}  // namespace toxasync::sim
