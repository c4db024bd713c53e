// SPDX-License-Identifier: GPL-3.0-or-later
// What is sent: packets and bytes of UDP payload (add 28 of IPv4 and UDP headers a packet), counted at the
// storage nodes and on the friend channel while managers, clients and nodes run in virtual time. Nothing is
// asserted.
#include <cstdio>

#include "tests/manager/hand_friend.hpp"

namespace toxasync::test {
namespace {

/// Both ways.
struct Traffic {
  double packets = 0;
  double bytes = 0;
  Traffic operator-(const Traffic& other) const { return {packets - other.packets, bytes - other.bytes}; }
  Traffic operator/(double count) const { return {packets / count, bytes / count}; }
};

void print(const char* what, const Traffic& traffic) {
  std::printf("%-62s %9.0f packets %12.0f bytes\n", what, traffic.packets, traffic.bytes);
}

Traffic at_nodes(const World& world) {
  Traffic sum;
  for (const auto& node : world.nodes) {
    sum.packets += static_cast<double>(node->metrics.value(Counter::frames_in) +
                                       node->metrics.value(Counter::frames_out));
    sum.bytes +=
        static_cast<double>(node->metrics.value(Counter::bytes_in) + node->metrics.value(Counter::bytes_out));
  }
  return sum;
}

/// Who is there all day, and gets nothing. Each of the friends was given a bundle, and so has a box.
void idle_day(const char* what, std::size_t nodes, bool cover, bool push = true, std::size_t friends = 0) {
  World world;
  User& user = world.add_user();
  for (std::size_t i = 0; i < nodes; ++i) {
    world.add_node();
  }
  user.crash();
  user.config.cover = cover;
  user.config.push = push;
  user.start();
  world.give_nodes(user);
  for (std::size_t i = 0; i < friends; ++i) {
    HandFriend(world, user, 1000 + i).come();
    world.run(100ms);
  }
  world.run(days(1));  // the first day asks for what may have been before
  const Traffic before = at_nodes(world);
  world.run(days(1));
  print(what, at_nodes(world) - before);
}

/// Friends with three home nodes each, who ask for mail so rarely that nothing but what a message needs is
/// sent.
struct Quiet : Pair {
  Quiet() : Pair(1, 3, false) {
    for (User* user : {&alice, &bob}) {
      user->crash();
      user->config.cover = false;
      user->config.poll_interval = days(30);
      user->config.first_offer_again = days(30);
      user->start();
      give_nodes(*user);
    }
    meet(alice, bob, 1min);
    run(12h);  // what is posted because they have met
  }
};

struct Course {
  Traffic stored;
  Traffic fetched;
  Traffic confirmed;
};

/// Single messages to a friend who is there, but not online together with the sender; with default settings
/// but for cover: after what time they are shown.
void waits(const char* what, bool push) {
  constexpr std::size_t count = 200;
  Quiet world;
  world.bob.crash();
  world.bob.config.poll_interval = manager::ManagerConfig{}.poll_interval;
  world.bob.config.push = push;
  world.bob.start();
  world.run(1h);
  SeededRandom random(5);
  std::vector<std::chrono::duration<double>> took;
  for (std::size_t i = 0; i < count; ++i) {
    world.run(1min + random.below(milliseconds(20min)));
    world.alice.send(world.bob, "x");
    const auto sent = world.clock.steady();
    if (!world.run(1h, [&] { return world.bob.shown.size() > i; })) {
      std::puts("(a message did not arrive)");
    }
    took.push_back(world.clock.steady() - sent);
  }
  std::ranges::sort(took);
  std::printf("%-62s %9.1f s median %9.1f s for 95 %%\n", what, took[count / 2].count(),
              took[count * 95 / 100].count());
}

/// `count` messages to somebody who comes later; the sender comes again later still.
Course course_of(std::size_t count, std::size_t size) {
  Quiet world;
  world.bob.crash();
  Traffic before = at_nodes(world);
  const auto step = [&] {
    const Traffic now = at_nodes(world);
    return now - std::exchange(before, now);
  };
  for (std::size_t i = 0; i < count; ++i) {
    world.alice.send(world.bob, std::string(size, 'x'));
  }
  Course course;
  world.run(10min);
  course.stored = step();
  world.alice.crash();
  world.bob.start();
  world.run(1h);
  course.fetched = step();
  world.bob.crash();
  world.alice.start();
  world.run(1h);
  course.confirmed = step();
  if (world.bob.shown.size() != count || world.alice.manager->outbox_size() != 0) {
    std::puts("(the messages did not arrive)");
  }
  return course;
}

void messages(const char* what, std::size_t size, std::size_t many) {
  const Course one = course_of(1, size);
  const Course more = course_of(1 + many, size);
  const auto each = [many](const Traffic& with, const Traffic& without) {
    return (with - without) / static_cast<double>(many);
  };
  std::printf("%s\n", what);
  print("  the first: stored on 3 nodes", one.stored);
  print("    fetched at the start (9 mailboxes asked for), receipt left", one.fetched);
  print("    its receipt fetched at the sender's next start", one.confirmed);
  print("  each further one: stored on 3 nodes", each(more.stored, one.stored));
  print("    fetched", each(more.fetched, one.fetched));
  print("    its receipt", each(more.confirmed, one.confirmed));
}

Traffic on_friend_channel(const World& world) {
  Traffic sum;
  for (const auto& packet : world.friend_log) {
    sum.packets += 1;
    sum.bytes += static_cast<double>(packet.bytes.size());
  }
  return sum;
}

void bundles() {
  World world;
  User& alice = world.add_user();
  User& bob = world.add_user();
  for (int i = 0; i < 3; ++i) {
    world.add_node();
  }
  for (User* user : {&alice, &bob}) {
    user->crash();
    user->config.cover = false;
    user->config.poll_interval = days(30);
    user->start();
    world.give_nodes(*user);
  }
  world.befriend(alice, bob);
  world.keep_friend_log = true;
  world.meet(alice, bob, 1min);
  std::puts("bundles of keys, both ways");
  print("  at the first meeting, on the friend channel (2 x 100 keys)", on_friend_channel(world));
  world.friend_log.clear();
  world.meet(alice, bob, 1min);
  print("  at every further meeting (2 greetings, 2 answers)", on_friend_channel(world));

  world.run(12h);
  bob.crash();
  Traffic before = at_nodes(world);
  (void)alice.manager->add_home_node(world.add_node().known());  // a reason for a new version
  world.run(10min);
  print("  one left for a friend who is offline (40 keys), on 3 nodes", at_nodes(world) - before);
  before = at_nodes(world);
  bob.start();
  world.run(1h);
  print("    fetched at the friend's start (9 mailboxes), and acknowledged", at_nodes(world) - before);
  if (alice[Counter::bundles_mailed] == 0 || bob[Counter::bundles_accepted] < 2) {
    std::puts("(the bundle did not arrive)");
  }
}

}  // namespace

void run_all() {
  std::puts("a day of a user to whom nothing comes, default settings (a poll every 2 minutes)");
  idle_day("  1 home node, without cover", 1, false);
  idle_day("  1 home node", 1, true);
  idle_day("  3 home nodes, without cover", 3, false);
  idle_day("  3 home nodes", 3, true);
  idle_day("  3 home nodes, without push", 3, true, false);
  idle_day("  3 home nodes, 10 friends", 3, true, true, 10);
  idle_day("  3 home nodes, 128 friends", 3, true, true, 128);
  idle_day("  3 home nodes, 1000 friends", 3, true, true, 1000);
  messages("a message of 1 byte (an envelope of 400 bytes)", 1, 10);
  messages("a message of 990 bytes (an envelope of 1168)", 990, 10);
  messages("a message of 65536 bytes (in parts)", 65536, 2);
  bundles();
  std::puts("a message to a friend who is there, until it is shown");
  waits("  their 3 home nodes announce it", true);
  waits("  without push", false);
}

}  // namespace toxasync::test

int main() {
  toxasync::test::run_all();
  return 0;
}
