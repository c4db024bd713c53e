// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.hpp"

#include <algorithm>

namespace toxasync::model {

Rig::Rig(std::uint64_t seed, const Setup& setup, Totals& totals)
    : world(seed), totals_(totals), random_(seed ^ 0x5eed), tap_(world, model) {
  for (std::size_t i = 0; i < setup.nodes; ++i) {
    world.add_node();
  }
  for (std::size_t i = 0; i < setup.users; ++i) {
    User& user = world.add_user();
    user.crash();
    user.config.poll_interval = setup.poll_interval;
    user.config.push = setup.push;
    user.start();
    people.emplace_back(user);
    add_all_nodes(people.back());
  }
  for (auto& a : people) {
    a.user->inside_on_message = [&a](const auto& /*message*/) {
      if (std::exchange(a.crash_in_callback, false)) {
        a.at_crash = a.user->state->crash_copy();
        a.crash_in_events = 1;
      }
    };
    for (auto& b : people) {
      if (&a < &b) {
        world.befriend(*a.user, *b.user);
        model.strangers(a.user->key, b.user->key);
      }
    }
  }
  world.after_event = [this] { on_event(); };
  world.network.set_filter([this](const auto& packet) {
    tap_.on_node_packet(packet.to, packet.bytes);
    tap_.on_answer(packet.bytes);
    return false;
  });
  world.friend_filter = [this](const auto& packet) {
    tap_.on_friend_packet(packet);
    return false;
  };
}

void Rig::observe() {
  model.check_the_way();
  for (auto& person : people) {
    User& user = *person.user;
    for (; person.shown_seen < user.shown.size(); ++person.shown_seen) {
      const auto& message = user.shown[person.shown_seen];
      if (!user.friends.contains(message.from)) {
        throw Broken("a message of somebody who is no friend was shown");
      }
      model.shown(user.key, message, user.clock.now().wall);
      totals_.repeated += model.find(message.id)->shown > 1 ? 1 : 0;
      person.last_show_unsafe = true;
    }
    for (; person.states_seen < user.states.size(); ++person.states_seen) {
      model.told(user.key, user.states[person.states_seen]);
    }
    if (user.state->waiting() == 0 && world.clock.steady() >= person.failing_until) {
      person.last_show_unsafe = false;
    }
  }
}

void Rig::on_event() {
  ++totals_.events;
  observe();
  for (auto& person : people) {
    if (person.slow_disk && person.user->running()) {
      person.user->state->release(random_.below(3));
    }
    if (person.crash_in_events > 0 && --person.crash_in_events == 0 && person.user->running()) {
      const milliseconds after[] = {0ms, 0ms, 500ms, 5s, 1min};
      crash(person, after[random_.below(std::size(after))]);
    }
  }
}

void Rig::restart_due() {
  for (auto& person : people) {
    if (person.restart_at <= world.clock.steady()) {
      start(person);
    }
  }
}

void Rig::run(milliseconds time) {
  const SteadyTime end = world.clock.steady() + time;
  do {
    restart_due();
    SteadyTime next = end;
    for (const auto& person : people) {
      if (person.restart_at > world.clock.steady()) {
        next = std::min(next, person.restart_at);
      }
    }
    // In slices: who crashes meanwhile has a time to be started again.
    const milliseconds slice = std::max<milliseconds>(1min, (end - world.clock.steady()) / 64);
    world.run(std::min(next - world.clock.steady(), slice));
  } while (world.clock.steady() < end);
  restart_due();
  observe();
}

std::optional<Id> Rig::send(Person& from, const Person& to, const std::string& text, crypto::MessageKind kind,
                            seconds ttl) {
  if (!from.user->running()) {
    return std::nullopt;
  }
  const auto id = from.user->manager->send(to.user->key, kind, as_bytes(text), ttl);
  if (!id) {
    note += " (not accepted: " + std::to_string(static_cast<int>(id.error())) + ")";
    return std::nullopt;
  }
  model.sent(*id, from.user->key, to.user->key, as_bytes(text), kind, from.user->clock.now().wall,
             ttl != 0s ? ttl : from.user->config.ttl);
  ++totals_.messages;
  return *id;
}

void Rig::crash(Person& who, std::optional<milliseconds> restart_after) {
  if (!who.user->running()) {
    return;
  }
  observe();
  tap_.learn(*who.user);
  const bool behind = who.user->state->waiting() > 0 || world.clock.steady() < who.failing_until;
  model.crashed(who.user->key, who.last_show_unsafe || who.at_crash != nullptr,
                behind || who.at_crash != nullptr);
  who.user->crash();
  if (who.at_crash) {
    who.user->state = std::exchange(who.at_crash, nullptr);
  }
  who.crash_in_events = 0;
  who.last_show_unsafe = false;
  if (restart_after) {
    ++totals_.crash_points;
    who.restart_at = world.clock.steady() + *restart_after;
    if (*restart_after == 0ms) {
      start(who);
    }
  }
}

void Rig::start(Person& who) {
  who.restart_at = never;
  if (!who.user->running()) {
    who.user->state->hold_commits(who.slow_disk);
    who.user->start();
  }
}

void Rig::set_slow_disk(Person& who, bool slow) {
  who.slow_disk = slow;
  who.user->state->hold_commits(slow);
}

void Rig::fail_disk(Person& who, std::size_t batches) {
  who.user->state->fail_next(batches);
  who.failing_until = world.clock.steady() + 5min;
}

void Rig::make_copy(Person& who) {
  observe();
  who.copy = who.user->state->crash_copy();
  who.copy_model = model.backup(who.user->key);
}

void Rig::go_on_with(Person& who, std::unique_ptr<store::MemoryState> disk, const Model::Backup& then) {
  crash(who, std::nullopt);
  who.user->state = disk ? std::move(disk) : std::make_unique<store::MemoryState>();
  model.restored(who.user->key, who.user->friends, then);
  ++totals_.restores;
  start(who);
  if (who.user->manager->home_nodes().empty()) {
    add_all_nodes(who);
  }
}

void Rig::cancel(Person& who, const Id& id) {
  if (who.user->running() && who.user->manager->cancel(id)) {
    model.cancel_asked(id);
  }
}

void Rig::lose_disk(StorageNode& node) {
  node.lose_disk();
  model.node_lost_its_disk();
}

void Rig::unfriend(Person& who, Person& other) {
  if (!who.user->running() || !who.user->friends.contains(other.user->key)) {
    return;
  }
  observe();
  model.removed(who.user->key, other.user->key);
  world.unfriend(*who.user, *other.user);
  observe();
}

void Rig::befriend(Person& who, Person& other) {
  if (who.user->friends.insert(other.user->key).second && who.user->running()) {
    who.user->manager->on_friend_added(other.user->key);
  }
}

void Rig::disconnect_all() {
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a < &b) {
        world.disconnect(*a.user, *b.user);
      }
    }
  }
}

void Rig::add_all_nodes(Person& who) {
  for (const auto& node : world.nodes) {
    if (who.user->manager->home_nodes().size() < limits::home_nodes) {
      (void)who.user->manager->add_home_node(node->known());
    }
  }
}

}  // namespace toxasync::model
