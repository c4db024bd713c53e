// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/keys/key_ring.hpp"
#include "rig.hpp"

// What is seen of a world, and held against the model: packets, what programs tell, disks and choices.

namespace toxasync::sim {

namespace {

/// A canary breaks one thing in so many.
constexpr std::size_t canary_each = 3;

}  // namespace

bool Rig::is_hostile(const FriendKey& key) const {
  return std::ranges::any_of(hostile_friends, [&](const auto* actor) { return actor->key() == key; });
}

bool Rig::on_packet(test::MockNetwork::Packet& packet) {
  const bool honest =
      std::ranges::any_of(people, [&](const Person& person) { return person.user->endpoint == packet.from; });
  if (honest) {
    overhear(packet);
  }
  for (HostileNode* const node : hostile_nodes_) {
    if (node->on_packet(packet)) {
      return true;
    }
  }
  if (!honest) {
    overhear(packet);  // as it was changed
  }
  return cut_.contains({packet.from, packet.to});
}

void Rig::overhear(const test::MockNetwork::Packet& packet) {
  tap_.on_node_packet(packet.to, packet.bytes);
  tap_.on_answer(packet.bytes);
  bounds_.on_packet(packet);
  see(packet.from, packet.to, packet.bytes.size());
}

/// Whoever was removed does not know the present root any longer, unless roots were replaced very often.
void Rig::check_cut_off() const {
  for (const auto& [who, removed] : removed_) {
    constexpr milliseconds cut_off_after = manager::KeyRing::root_replaced_after_removals + 1h;
    const auto& person = *std::ranges::find(people, who.first, [](const Person& p) { return p.user->key; });
    const User& user = *person.user;
    if (world.clock.steady() < removed.at + cut_off_after ||
        user.rows('R') + 1 >= manager::KeyRing::roots_held) {
      continue;
    }
    for (const auto& [key, value] : user.state->durable()) {
      constexpr std::size_t retired_at = 32 + 8 + 8;  // docs/state.md
      if (key[0] != 'R' || load_le<std::uint64_t>(value.data() + retired_at) != 0) {
        continue;
      }
      auto secret = crypto::Secret<32>::copy_of(ByteView(value).first(32));
      if (crypto::KeyPair::from_secret(std::move(secret)).public_key == removed.root) {
        throw Broken(Fault::revealed, "somebody who was removed a day ago knows the present root");
      }
    }
  }
}

void Rig::note_homes(const Person& person) {
  if (person.user->running()) {
    for (const auto& home : person.user->manager->home_nodes()) {
      homes_[person.user->key].insert(home.node.id);
    }
  }
}

void Rig::check_asked() {
  if (!seen_at_found_node_.empty()) {
    throw Broken(Fault::revealed, seen_at_found_node_);
  }
}

void Rig::check_choice(const Person& person) {
  const auto homes =
      person.user->running() ? person.user->manager->home_nodes() : std::vector<manager::HomeNodeStatus>{};
  // A friend who has one, or had it, may have named it, too; who picks it later has not yet.
  const auto others_have = [&](const protocol::NodeId& id) {
    return std::ranges::any_of(people, [&](const Person& other) {
      return other.user != person.user && homes_[other.user->key].contains(id);
    });
  };
  const auto of_hostile = static_cast<std::size_t>(std::ranges::count_if(homes, [&](const auto& home) {
    return home.picked && !named_.contains(home.node.id) && !others_have(home.node.id);
  }));
  // Any of them may name what another one owns. A thief of a friend's Tox key has that friend's word.
  const std::size_t namers = hostile_friends.size() + thieves_.size();
  if (of_hostile > namers) {
    throw Broken(Fault::interfered, std::to_string(namers) + " hostile friends have named " +
                                        std::to_string(of_hostile) + " nodes that were picked");
  }
}

void Rig::check_bounds() {
  check_cut_off();
  check_asked();
  std::ranges::for_each(people, [this](const Person& person) { note_homes(person); });
  bounds_.check_now(company());
}

void Rig::observe() {
  model.check_the_way();
  for (auto& person : people) {
    observe(person);
  }
}

void Rig::observe(Person& person) {
  User& user = *person.user;
  for (; person.shown_seen < user.shown.size(); ++person.shown_seen) {
    person.last_show_unsafe = true;
    show(person, user.shown[person.shown_seen]);
  }
  for (; person.states_seen < user.states.size(); ++person.states_seen) {
    tell(person, user.states[person.states_seen]);
  }
  observe_requests(person);
  if (const auto picks = user[Counter::nodes_picked]; picks != person.picks_seen) {
    person.picks_seen = picks;
    check_choice(person);
    note_homes(person);
  }
  if (user.state->waiting() == 0 && world.clock.steady() >= person.failing_until) {
    person.last_show_unsafe = false;
  }
}

/// Most people accept who asks.
void Rig::observe_requests(Person& person) {
  const UnixTimeMs now = world.clock.now().wall;
  User& user = *person.user;
  for (; person.request_states_seen < user.request_states.size(); ++person.request_states_seen) {
    requests.told(user.key, user.request_states[person.request_states_seen], now);
  }
  for (; person.requests_seen < user.requests.size(); ++person.requests_seen) {
    const auto request = user.requests[person.requests_seen];
    requests.shown(user.key, request, now);
    if (!is_hostile(request.from) && world.user(request.from) != nullptr && random_.chance(700)) {
      add_friend(person, request.from);
    }
  }
}

void Rig::show(Person& person, const manager::ReceivedMessage& message) {
  const User& user = *person.user;
  if (is_hostile(message.from)) {
    if (std::ranges::any_of(hostile_friends,
                            [&](const auto* actor) { return actor->spoiled(message.text); })) {
      throw Broken(Fault::misdelivered, "a message that was not sealed rightly was shown");
    }
    if (HostileFriend::is_of_two_sealings(message.text)) {
      throw Broken(Fault::misdelivered, "a text was shown whose parts are of two sealings");
    }
    return model.shown_of_hostile(user.key, message, world.clock.now().wall);
  }
  if (!user.friends.contains(message.from)) {
    throw Broken(Fault::misdelivered, "a message of somebody who is no friend was shown");
  }
  const auto pass_on = [&](const manager::ReceivedMessage& shown) {
    const bool nodes_are_right = weather.hostile_nodes == 0 && !model.nodes_failed();
    model.shown(user.key, shown,
                {world.clock.now().wall, user.clock.now().wall, person.is_sure_of_date || nodes_are_right});
    totals_.repeated += model.find(shown.id)->shown > 1 ? 1 : 0;
  };
  const bool now = person.shown_seen % canary_each == 1;
  const bool is_last = std::string(message.text.begin(), message.text.end()).starts_with("the last");
  if ((breaks(Fault::lost) && now) || (breaks(Fault::interfered) && weather.is_hostile() && is_last)) {
    return;
  }
  if (breaks(Fault::reordered) && now && !person.held_back) {
    person.held_back = message;
    return;
  }
  manager::ReceivedMessage changed = message;
  if (breaks(Fault::misdelivered) && now) {
    changed.from = user.key;
  }
  pass_on(changed);
  if (breaks(Fault::duplicated) && now) {
    pass_on(changed);
  }
  if (auto late = std::exchange(person.held_back, std::nullopt)) {
    pass_on(*late);
  }
}

void Rig::tell(Person& person, manager::MessageStatus status) {
  if (breaks(Fault::untrue) && status.state == manager::MessageState::delivered) {
    status.state = manager::MessageState::cancelled;
  }
  const bool delivered = status.state == manager::MessageState::delivered;
  const bool unheard = (breaks(Fault::stuck) && manager::is_final(status.state) && !delivered) ||
                       (breaks(Fault::lost) && delivered) ||
                       (breaks(Fault::interfered) && weather.is_hostile() && delivered);
  if (!unheard) {
    model.told(person.user->key, status, world.clock.now().wall);
  }
}

void Rig::see(const Endpoint& from, const Endpoint& to, std::size_t size) {
  const auto add = [this](std::uint64_t value) {
    view_ = (view_ ^ value) * 0x9e3779b97f4a7c15U + (view_ >> 29U);
  };
  add(static_cast<std::uint64_t>(world.clock.steady().time_since_epoch().count()));
  for (const Endpoint& end : {from, to}) {
    add(end.port);
    std::ranges::for_each(end.ip, add);
  }
  add(size + (breaks(Fault::revealed) && options_.other_texts ? 1 : 0));
}

}  // namespace toxasync::sim
