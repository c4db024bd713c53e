// SPDX-License-Identifier: GPL-3.0-or-later
#include "operations_people.hpp"

#include <optional>

#include "operation_draws.hpp"

namespace toxasync::sim {

// --- First contact ---

/// Each takes the other from their list.
void part_as_friends(Rig& rig, SeededRandom& random) {
  const auto [a, b] = two(rig, random);
  rig.unfriend(a, b);
  rig.unfriend(b, a);
}

void ask_for_friendship(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  if (!rig.friends(from, to)) {
    rig.ask(from, to, text(random, between(random, 8, 400)));
  }
}

namespace {

/// They part, if they are friends; then one asks.
void part_and_ask(Rig& rig, SeededRandom& random, Person& from, Person& to) {
  rig.start(from);
  rig.start(to);
  if (rig.friends(from, to)) {
    rig.unfriend(from, to);
    rig.unfriend(to, from);
    rig.run(between(random, 0s, 10s));
  }
  rig.ask(from, to, text(random, between(random, 8, 400)));
}

}  // namespace

/// And perhaps asks anew, at once or later.
void cancel_a_request(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  if (random.chance(700)) {
    part_and_ask(rig, random, from, to);
    rig.run(random.chance(500) ? between(random, 0s, 2min) : between(random, 0min, 2h));
  }
  rig.cancel_request(from, to);
  rig.run(random.chance(500) ? 0ms : between(random, 0ms, 20min));
  if (!rig.friends(from, to) && random.chance(700)) {
    rig.ask(from, to, text(random, between(random, 8, 400)));
  }
}

/// They look when it is about to end.
void ask_and_look_late(Rig& rig, SeededRandom& random) {
  const auto [from, to] = two(rig, random);
  part_and_ask(rig, random, from, to);
  rig.stop(to);
  rig.run(between(random, 1min, 3h));
  if (random.chance(800)) {  // it comes to their disk, and they do not look
    to.user->takes_requests = false;
    rig.start(to);
    rig.run(between(random, 10min, 8h));
    rig.stop(to);
    to.user->takes_requests = true;
  }
  if (random.chance(850)) {
    rig.stop(from);
  }
  rig.run(days(14) + between(random, -12h, 24h));
  rig.start(to);
  rig.start(from);
}

// --- Somebody hostile ---

namespace {

struct Pair {
  Person& who;
  HostileFriend& other;
};

/// Nothing if nobody is hostile.
std::optional<Pair> with_hostile_friend(Rig& rig, SeededRandom& random) {
  rig.idle = rig.hostile_friends.empty();
  if (rig.idle) {
    return std::nullopt;
  }
  Person& who = anybody(rig, random);
  return Pair{who, *rig.hostile_friends[random.below(rig.hostile_friends.size())]};
}

}  // namespace

void send_to_hostile_friend(Rig& rig, SeededRandom& random) {
  if (!rig.hostile_friends.empty()) {
    const auto* const to = rig.hostile_friends[random.below(rig.hostile_friends.size())];
    rig.send(anybody(rig, random), to->key(),
             text(random, between(random, 8, random.chance(100) ? 5000 : 300)));
  }
}

void remove_or_add_hostile_friend(Rig& rig, SeededRandom& random) {
  if (const auto pair = with_hostile_friend(rig, random)) {
    if (pair->who.user->friends.contains(pair->other.key())) {
      rig.remove_hostile_friend(pair->who, pair->other);
    } else {
      rig.add_friend(pair->who, pair->other.key());
    }
  }
}

/// Each time they learn the root.
void remove_and_add_again_and_again(Rig& rig, SeededRandom& random) {
  const auto pair = with_hostile_friend(rig, random);
  if (!pair) {
    return;
  }
  rig.start(pair->who);
  const bool quickly = random.chance(500);
  const auto times = between(random, 2, quickly || random.chance(300) ? 20 : 6);
  const auto add_and_remove = [&] {
    rig.add_friend(pair->who, pair->other.key());
    pair->other.meet(*pair->who.user);
    rig.run(2s);
    rig.remove_hostile_friend(pair->who, pair->other);
  };
  for (std::int64_t i = 0; i < times; ++i) {
    add_and_remove();
    rig.run(quickly ? between(random, 1min, 10min) : between(random, 1min, 30h));
  }
  rig.run(random.chance(500) ? 27h : 0ms);
  // Past those that cut somebody off at once each root takes a day: so many that no more may be held.
  for (auto left = random.chance(400) ? between(random, 1, 10) : 0; left > 0; --left) {
    add_and_remove();
    rig.run(25h);
  }
}

void flood_while_nobody_looks(Rig& rig, SeededRandom& random) {
  const auto pair = with_hostile_friend(rig, random);
  if (!pair) {
    return;
  }
  rig.start(pair->who);
  pair->who.user->takes_messages = random.chance(300);
  rig.add_friend(pair->who, pair->other.key());
  pair->other.meet(*pair->who.user);
  rig.run(2s);
  constexpr std::int64_t more_than_may_wait = 2600;
  pair->other.flood(
      *pair->who.user,
      static_cast<std::size_t>(random.chance(400) ? more_than_may_wait : between(random, 1, 300)),
      random.chance(400));
  rig.run(between(random, 0ms, 5s));
  pair->other.part(*pair->who.user);
  rig.run(between(random, 0ms, 10min));
}

/// Which they name again and again, others each time, or those of one host.
void mail_for_strangers(Rig& rig, SeededRandom& random) {
  const auto pair = with_hostile_friend(rig, random);
  if (!pair) {
    return;
  }
  rig.start(pair->who);
  rig.add_friend(pair->who, pair->other.key());
  const bool one_host = random.chance(300);
  const bool crashes = random.chance(300);
  const auto times = between(random, 1, 12);
  for (std::int64_t i = 0; i < times; ++i) {
    pair->other.meet(*pair->who.user);
    rig.run(1s);
    pair->other.name_strangers(*pair->who.user, one_host);
    rig.run(1s);
    pair->other.part(*pair->who.user);
    for (std::int64_t m = between(random, 0, 8); m > 0; --m) {
      rig.send(pair->who, pair->other.key(), text(random, between(random, 8, 300)),
               crypto::MessageKind::normal, days(3));
    }
    rig.run(between(random, 1min, 1h));
    if (crashes) {
      rig.crash(pair->who, 0ms);
    }
  }
}

}  // namespace toxasync::sim
