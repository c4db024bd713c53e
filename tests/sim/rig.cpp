// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

/// Of another content, and a size that is in the same size of envelope.
std::string other_text(const std::string& text) {
  std::string made = text;
  std::ranges::for_each(made, [](char& c) { c = c == 'z' ? 'y' : static_cast<char>(c + 1); });
  const std::size_t before = (limits::parts_needed(made.size()) - 1) * limits::large_text;
  const bool small = made.size() - before <= limits::small_text;  // its last part
  const std::size_t least = before + (small ? 1 : limits::small_text + 1);
  const std::size_t most =
      std::min(before + (small ? limits::small_text : limits::large_text), limits::message_text);
  made.resize(least + (made.size() * 7) % (most - least + 1), 'q');
  return made;
}

}  // namespace

Rig::Rig(std::uint64_t seed, const Weather& what, Totals& totals, Options options)
    : weather(what),
      world(seed),
      totals_(totals),
      options_(options),
      random_(seed ^ 0x5eed),
      tap_(world, model),
      bounds_(world, totals.bounds, options.broken_bound) {
  for (std::size_t i = 0; i < weather.nodes; ++i) {
    world.add_node();
  }
  add_people();
  world.after_event = [this] { on_event(); };
  world.network.set_filter([this](auto& packet) { return on_packet(packet); });
  world.friend_filter = [this](const auto& packet) {
    see(packet.from->endpoint, packet.to->endpoint, packet.bytes.size());
    tap_.on_friend_packet(packet);
    return false;
  };
  add_hostile(seed * 31 + 7);
}

void Rig::begin() {
  if (weather.picks) {
    std::ranges::for_each(people, let_pick);
    world.run(3min);  // the first is picked after one
  }
}

void Rig::add_people() {
  people.reserve(weather.users);
  for (std::size_t i = 0; i < weather.users; ++i) {
    User& user = world.add_user();
    user.crash();
    user.config.poll_interval = weather.poll_interval;
    user.config.push = weather.push;
    user.config.cover = weather.cover;
    people.emplace_back(user);
    start(people.back());
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
}

void Rig::add_hostile(std::uint64_t seed) {
  const auto add = [this](auto actor, auto& list) {
    list.push_back(actor.get());
    world.actors.push_back(std::move(actor));
  };
  model.nodes_are_hostile(weather.hostile_nodes);
  if (weather.hostile_nodes > 0) {
    requests.nodes_may_lie();
  }
  for (std::size_t i = 0; i < weather.hostile_nodes; ++i) {
    add(std::make_unique<HostileNode>(world, *world.nodes[i], i, seed++, totals_.attacks), hostile_nodes_);
    bounds_.on_hostile_node(world.nodes[i]->endpoint);
    hostile_nodes_.back()->without_end = [this, at = world.nodes[i]->endpoint](const auto& to,
                                                                               const auto& mailbox) {
      bounds_.on_endless_window(to, at, mailbox);
    };
    if (random_.chance(300)) {
      hostile_nodes_.back()->tells_of(world.add_other_node());
    }
  }
  std::vector<User*> victims;
  for (const auto& person : people) {
    victims.push_back(person.user);
  }
  for (std::size_t i = 0; i < weather.hostile_friends; ++i) {
    add(std::make_unique<HostileFriend>(world, victims, i, seed++, totals_.attacks), hostile_friends);
    HostileFriend& added = *hostile_friends.back();
    added.heard_of = [this] { return model.any_id(random_); };
    for (std::size_t n = 0; weather.picks && n < limits::home_nodes; ++n) {
      const StorageNode& node = world.add_other_node();
      added.owns(node);
      owned_[added.key()].insert(node.keys.id());
    }
    added.given = [this, key = added.key()](const User& by, crypto::Instance instance) {
      bounds_.on_instance(by.endpoint, key, instance);
    };
  }
  for (std::size_t i = 0; i < weather.strangers; ++i) {
    add(std::make_unique<Stranger>(world, seed++, totals_.attacks), strangers_);
  }
  for (std::size_t i = 0; i < weather.thieves; ++i) {
    add(std::make_unique<Thief>(world, *people[random_.below(people.size())].user, seed++, totals_.attacks),
        thieves_);
  }
  for (HostileFriend* const actor : hostile_friends) {
    actor->tell = [this](const crypto::FriendsRoot& root) {
      std::ranges::for_each(strangers_, [&](Stranger* stranger) { stranger->learn(root); });
    };
  }
  tap_.on_retrieve = [this](const StorageNode& node, const crypto::Point& mailbox) {
    const auto now = crypto::epoch_at(world.clock.unix_time()).value();
    const bool chosen =
        std::ranges::any_of(homes_,
                            [&](const auto& entry) { return entry.second.contains(node.keys.id()); }) ||
        std::ranges::any_of(owned_, [&](const auto& entry) { return entry.second.contains(node.keys.id()); });
    for (const Person& person : people) {
      for (auto e = now - 1; !chosen && e <= now + 1; ++e) {
        const auto watched = crypto::public_mailbox(person.user->key, person.nospam, e);
        if (watched && watched->address.p == mailbox) {
          seen_at_found_node_ = "a node that nobody chose was asked for somebody's public mailbox";
        }
      }
    }
  };
  tap_.on_message = [this](const protocol::StoreRequest& request) {
    for (Thief* const thief : thieves_) {
      thief->saw(request.payload, request.mailbox, request.epoch);
    }
  };
}

void Rig::on_event() {
  bounds_.on_event();
  bounds_.check_services(company());
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
  constexpr milliseconds heard_by = 2h;  // polls come at a mean of half an hour at most
  std::vector<std::pair<Person*, std::uint64_t>> hear;
  for (auto& person : people) {
    if (time >= heard_by && hears_right_time(person)) {
      hear.emplace_back(&person, person.starts);
    }
  }
  run_on(time);
  for (const auto& [person, starts] : hear) {
    person->is_sure_of_date = person->is_sure_of_date || person->starts == starts;
  }
}

void Rig::run_on(milliseconds time) {
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

std::optional<Id> Rig::send(Person& from, const FriendKey& to, const std::string& text,
                            crypto::MessageKind kind, seconds ttl) {
  if (!from.user->running()) {
    return std::nullopt;
  }
  const std::string sent = options_.other_texts ? other_text(text) : text;
  const auto id = from.user->manager->send(to, kind, as_bytes(sent), ttl);
  if (!id) {
    note += " (not accepted: " + std::to_string(static_cast<int>(id.error())) + ")";
    return std::nullopt;
  }
  const bool wrong_node = !nodes_keep_clocks_ && std::ranges::any_of(world.nodes, [](const auto& node) {
    return abs(node->ahead) > clocks_agree;
  });
  model.sent(*id,
             {from.user->key, to, as_bytes(sent), kind, world.clock.now().wall, from.user->clock.now().wall,
              ttl != 0s ? ttl : from.user->config.ttl, is_hostile(to), wrong_node});
  bounds_.on_message(from.user->endpoint);
  ++totals_.messages;
  return *id;
}

void Rig::crash(Person& who, std::optional<milliseconds> restart_after) {
  if (!who.user->running()) {
    idle = true;
    return;
  }
  observe();
  tap_.learn(*who.user);
  const bool behind = who.user->state->waiting() > 0 || world.clock.steady() < who.failing_until;
  model.crashed(who.user->key, who.last_show_unsafe || who.at_crash != nullptr,
                behind || who.at_crash != nullptr);
  requests.crashed(who.user->key);
  std::erase_if(removed_, [&](const auto& entry) { return entry.first.first == who.user->key; });
  bounds_.on_crash(who.user->endpoint, who.user->state->waiting() > 0);
  who.user->crash();
  if (who.at_crash) {
    who.user->state = std::exchange(who.at_crash, nullptr);
  }
  who.crash_in_events = 0;
  who.last_show_unsafe = false;
  who.is_sure_of_date = false;
  if (restart_after) {
    ++totals_.crash_points;
    who.restart_at = world.clock.steady() + *restart_after;
    if (*restart_after == 0ms) {
      start(who);
    }
  }
}

void Rig::plan_crash(Person& who) {
  if (crashing_ && who.crash_in_events == 0) {
    who.crash_in_events = 1 + static_cast<unsigned>(random_.below(weather.crash_within));
  }
}

void Rig::let_crash() {
  crashing_ = weather.crash_within > 0;
  std::ranges::for_each(people, [this](Person& who) { plan_crash(who); });
}

void Rig::start(Person& who) {
  who.restart_at = never;
  if (!who.user->running()) {
    plan_crash(who);
    ++who.starts;
    who.user->state->hold_commits(who.slow_disk);
    who.user->start();
    bounds_.on_start(who.user->endpoint, std::exchange(who.clock_was_set, false));
    who.user->manager->set_nospam(who.nospam);
  }
}

void Rig::set_slow_disk(Person& who, bool slow) {
  who.slow_disk = slow;
  who.user->state->hold_commits(slow);
}

void Rig::fail_disk(Person& who, std::size_t batches) {
  if (!who.user->running()) {
    idle = true;  // it would fail at any later time
    return;
  }
  who.user->state->fail_next(batches);
  model.disk_fails(who.user->key);
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
  requests.restored(who.user->key);
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
  model.node_failed();
  requests.nodes_may_lie();
}

void Rig::cut(const Endpoint& from, const Endpoint& to, bool both_ways) {
  cut_.emplace(from, to);
  if (both_ways) {
    cut_.emplace(to, from);
  }
}

void Rig::cut_off(Person& who) {
  for (const auto* const some : {&world.nodes, &world.other_nodes}) {
    for (const auto& node : *some) {
      cut(who.user->endpoint, node->endpoint, true);
    }
  }
  for (auto& other : people) {
    if (&other != &who) {
      world.disconnect(*who.user, *other.user);
    }
  }
}

void Rig::reconnect(Person& who) {
  std::erase_if(cut_, [&](const auto& link) {
    return link.first == who.user->endpoint || link.second == who.user->endpoint;
  });
}

void Rig::rebind(Person& who) {
  const Endpoint now = test::ipv4(next_address_++);
  bounds_.on_rebind(who.user->endpoint, now);
  world.rebind(*who.user, now);
}

void Rig::move(StorageNode& node) {
  const Endpoint now = test::ipv4(next_address_++);
  named_.insert(node.keys.id());
  bounds_.on_rebind(node.endpoint, now);
  node.move_to(world.network, now);
}

void Rig::join_node() {
  if (world.nodes.size() < 2 * limits::home_nodes) {
    world.add_node();
  }
}

void Rig::unfriend(Person& who, Person& other) {
  if (!who.user->running() || !who.user->friends.contains(other.user->key)) {
    idle = true;
    return;
  }
  observe();
  model.removed(who.user->key, other.user->key);
  requests.cancel_asked(who.user->key, other.user->key);  // nobody waits for an answer any longer
  world.unfriend(*who.user, *other.user);
  observe();
}

void Rig::remove_hostile_friend(Person& who, HostileFriend& other) {
  if (!who.user->friends.contains(other.key())) {
    return;
  }
  observe();
  const auto root = other.root_of(*who.user);
  model.removed(who.user->key, other.key());
  who.user->friends.erase(other.key());
  if (who.user->running()) {
    {
      const test::ProductCode product;
      who.user->manager->on_friend_removed(other.key());
    }
    observe();
    if (root) {
      removed_[{who.user->key, other.key()}] = {world.clock.steady(), *root};
    }
  }
}

void Rig::add_friend(Person& who, const FriendKey& key) {
  if (!who.user->friends.insert(key).second) {
    return;
  }
  removed_.erase({who.user->key, key});
  bounds_.on_friend(who.user->endpoint);
  if (who.user->running()) {
    const test::ProductCode product;
    who.user->manager->on_friend_added(key);
  }
}

void Rig::ask(Person& from, const Person& to, const std::string& text) {
  if (!from.user->running()) {
    return;
  }
  add_friend(from, to.user->key);
  manager::ToxAddress address{};
  std::ranges::copy(to.user->key, address.begin());
  std::ranges::copy(to.nospam, address.begin() + sizeof(FriendKey));
  constexpr std::size_t checksum_at = sizeof(FriendKey) + sizeof(manager::Nospam);
  for (std::size_t i = 0; i < checksum_at; ++i) {
    address.at(checksum_at + i % 2) ^= address.at(i);
  }
  const test::ProductCode product;
  if (const auto id = from.user->manager->send_friend_request(address, as_bytes(text))) {
    requests.sent(*id, from.user->key, to.user->key, as_bytes(text), world.clock.now().wall);
  } else {
    note += " (not accepted: " + std::to_string(static_cast<int>(id.error())) + ")";
  }
}

void Rig::cancel_request(Person& from, const Person& to) {
  if (from.user->running() && from.user->manager->cancel_friend_request(to.user->key)) {
    requests.cancel_asked(from.user->key, to.user->key);
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

void Rig::let_pick(Person& who) {
  for (const auto& home : who.user->manager->home_nodes()) {
    if (!home.picked) {
      (void)who.user->manager->remove_home_node(home.node.id);
    }
  }
}

void Rig::add_all_nodes(Person& who) {
  for (const auto& node : world.nodes) {
    if (weather.picks && node != world.nodes.front()) {
      return;
    }
    if (who.user->manager->home_nodes().size() < limits::home_nodes) {
      named_.insert(node->keys.id());
      (void)who.user->manager->add_home_node(node->known());
    }
  }
}

}  // namespace toxasync::sim
