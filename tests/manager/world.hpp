// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/friend_packet.hpp"
#include "storage_node.hpp"
#include "tests/support/actor.hpp"
#include "tests/support/time_print.hpp"
#include "user.hpp"

namespace toxasync::test {

/// Users, nodes and the networks between them, in virtual time. Managers and nodes are called at their
/// deadlines and when a packet comes, and at no other time.
class World {
 public:
  struct FriendPacket {
    User* from;
    User* to;
    Bytes bytes;
  };

  explicit World(std::uint64_t seed = 1) : seed_(seed), network(clock, seed) {
    network.set_conditions({0, 0, 10ms, 5ms});
    network.keep_log(false);
  }

  User& add_user() {
    users.push_back(std::make_unique<User>(*this, static_cast<std::uint32_t>(users.size() + 1)));
    users.back()->start();
    return *users.back();
  }
  StorageNode& add_node() {
    nodes.push_back(std::make_unique<StorageNode>(clock, network, seed_,
                                                  static_cast<std::uint32_t>(1000 + nodes.size())));
    return *nodes.back();
  }
  StorageNode& add_other_node() {
    other_nodes.push_back(std::make_unique<StorageNode>(
        clock, network, seed_, static_cast<std::uint32_t>(100'000 + other_nodes.size())));
    return *other_nodes.back();
  }
  void befriend(User& a, User& b) {
    for (auto [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      one->friends.insert(other->key);
      if (one->running()) {
        const ProductCode product;
        one->manager->on_friend_added(other->key);
      }
    }
  }
  void unfriend(User& whose, const User& who) {
    disconnect(whose, *user(who.key));
    whose.friends.erase(who.key);
    whose.manager->on_friend_removed(who.key);
  }
  /// All nodes are home nodes of the user.
  void give_nodes(User& whose) {
    for (const auto& node : nodes) {
      (void)whose.manager->add_home_node(node->known());
    }
  }

  /// The user's machine gets another address: what was sent to the one before is lost.
  void rebind(User& who, const Endpoint& endpoint) {
    network.move(who.endpoint, endpoint);
    who.endpoint = endpoint;
  }

  void connect(User& a, User& b) { set_connected(a, b, true); }
  void disconnect(User& a, User& b) { set_connected(a, b, false); }
  /// They are online together for a while.
  void meet(User& a, User& b, milliseconds time = 2s) {
    connect(a, b);
    run(time);
    disconnect(a, b);
  }
  [[nodiscard]] bool connected(const User& a, const User& b) const {
    return links_.contains(std::minmax(a.key, b.key));
  }

  /// Lets time pass.
  void run(milliseconds time) { (void)run_until(time, nullptr); }
  /// Lets `limit` pass, or what is needed until `until` holds; whether it does.
  [[nodiscard]] bool run(milliseconds limit, const std::function<bool()>& until) {
    return run_until(limit, until);
  }

  [[nodiscard]] std::uint64_t live_records() const {
    std::uint64_t records = 0;
    for (const auto& node : nodes) {
      records += node->store.stats().messages;
    }
    return records;
  }
  /// Whether nothing is left on the nodes once everybody has fetched their mail: the senders their receipts
  /// too.
  [[nodiscard]] bool emptied(milliseconds limit = 3h) {
    for (const auto& user : users) {
      if (!user->running()) {
        user->start();
      }
    }
    return run(limit, [this] { return live_records() == 0; });
  }
  User* user(const manager::FriendKey& key) {
    const auto found = std::ranges::find_if(users, [&](const auto& user) { return user->key == key; });
    return found == users.end() ? nullptr : found->get();
  }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  const bool ready_ = crypto::initialise();
  std::uint64_t seed_;

 public:
  ManualClock clock;
  MockNetwork network;
  std::vector<std::unique_ptr<StorageNode>> nodes;
  std::vector<std::unique_ptr<StorageNode>> other_nodes;  ///< Which only some know of.
  std::vector<std::unique_ptr<User>> users;
  std::vector<std::unique_ptr<Actor>> actors;  ///< Who else acts.
  std::map<manager::FriendKey, std::vector<Bytes>>
      by_hand;  ///< What was sent to friends that a test plays itself.
  milliseconds friend_delay = 20ms;
  std::size_t send_queue = 1000;                     ///< Of the host, for each friend.
  std::function<bool(FriendPacket&)> friend_filter;  ///< True drops it. May change it.
  std::vector<FriendPacket> friend_log;              ///< All that were sent, while `keep_friend_log`.
  bool keep_friend_log = false;
  std::function<void()> after_event;  ///< After each packet and each tick: may crash anybody.
  std::uint64_t ticks = 0;

  manager::ChannelSend send_friend_packet(User& from, const manager::FriendKey& to, ByteView packet) {
    if (const auto hand = by_hand.find(to); hand != by_hand.end()) {
      hand->second.emplace_back(packet.begin(), packet.end());
      return manager::ChannelSend::sent;
    }
    User* const other = user(to);
    if (other == nullptr || !connected(from, *other)) {
      return manager::ChannelSend::offline;
    }
    if (queued_[{from.key, to}] >= send_queue) {
      return manager::ChannelSend::queue_full;
    }
    FriendPacket sent{&from, other, Bytes(packet.begin(), packet.end())};
    if (keep_friend_log) {
      friend_log.push_back(sent);
    }
    if (!friend_filter || !friend_filter(sent)) {
      ++queued_[{from.key, to}];
      friend_packets_.emplace(clock.steady() + friend_delay, std::move(sent));
    }
    return manager::ChannelSend::sent;
  }

 private:
  bool run_until(milliseconds limit, const std::function<bool()>& until);
  void set_connected(User& a, User& b, bool on);
  void event();
  /// False: nothing was due.
  bool deliver_friend_packet();
  bool deliver_node_packet();
  /// False: nothing was due; soonest_ says when something will be.
  bool tick_one();

  std::set<std::pair<manager::FriendKey, manager::FriendKey>> links_;
  std::multimap<SteadyTime, FriendPacket> friend_packets_;  ///< By arrival.
  std::map<std::pair<manager::FriendKey, manager::FriendKey>, std::size_t> queued_;
  SteadyTime soonest_ = never;  ///< Deadline of a node, user or actor.
};

// --- User ---

inline User::User(World& world, std::uint32_t number)
    : clock(world.clock),
      random(std::make_unique<SeededRandom>(world.seed() * 104729 + number)),
      endpoint(ipv4(number)),
      state(std::make_unique<store::MemoryState>()),
      world_(world),
      transport_(world.network.add(endpoint)) {
  const auto pair = crypto::KeyPair::generate(*random);
  secret = pair.secret.bytes();
  key = pair.friend_key();
  config.allow_local_addresses = true;
}

inline void User::start() {
  const ProductCode product;
  manager = std::make_unique<manager::Manager>(
      crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(secret)), transport_, channel_,
      disk != nullptr ? *disk : *state, clock, *random, Telemetry(metrics, log), *this, config);
  for (const auto& friend_key : friends) {
    manager->on_friend_added(friend_key);
  }
}

inline void User::crash() {
  auto durable = state->crash_copy();
  manager.reset();
  for (const auto& friend_key : friends) {
    if (User* const other = world_.user(friend_key)) {
      world_.disconnect(*this, *other);
    }
  }
  state = std::move(durable);
}

inline crypto::MessageId User::send(const User& to, std::string_view text, crypto::MessageKind kind) {
  const ProductCode product;
  const auto id = manager->send(to.key, kind, as_bytes(text));
  if (!id) {
    throw std::runtime_error("send failed: " + std::to_string(static_cast<int>(id.error())));
  }
  return *id;
}

inline std::vector<std::string> User::texts() const {
  std::vector<std::string> all;
  for (const auto& message : shown) {
    all.emplace_back(message.text.begin(), message.text.end());
  }
  return all;
}

inline std::string User::told(const crypto::MessageId& id) const {
  static constexpr std::array names = {"queued", "stored", "delivered", "expired", "cancelled", "failed"};
  std::string all;
  for (const auto& status : states) {
    if (status.id == id) {
      all += (all.empty() ? "" : " ") + std::string(names.at(static_cast<std::size_t>(status.state)));
      if (status.state == manager::MessageState::stored) {
        all += ":" + std::to_string(status.stored) + "/" + std::to_string(status.wanted);
      }
    }
  }
  return all;
}

inline std::size_t User::rows(char table) const {
  const auto entries = state->load();
  return static_cast<std::size_t>(std::ranges::count_if(
      entries, [&](const auto& entry) { return entry.key[0] == static_cast<std::uint8_t>(table); }));
}

inline bool User::on_message(const manager::ReceivedMessage& message) noexcept {
  const TestCode test;
  const bool takes = takes_messages;
  if (takes) {
    shown.push_back(message);
  } else {
    ++refusals;
  }
  if (inside_on_message) {
    inside_on_message(message);
  }
  return takes;
}

inline manager::ChannelSend User::Channel::send(const manager::FriendKey& to, ByteView packet) noexcept {
  const TestCode test;
  return user_.world_.send_friend_packet(user_, to, packet);
}

// --- World ---

inline void World::set_connected(User& a, User& b, bool on) {
  const std::pair<manager::FriendKey, manager::FriendKey> link = std::minmax(a.key, b.key);
  const bool can_meet = a.running() && b.running() && a.friends.contains(b.key) && b.friends.contains(a.key);
  if (on == links_.contains(link) || (on && !can_meet)) {
    return;
  }
  if (on) {
    links_.insert(link);
  } else {
    links_.erase(link);
    std::erase_if(friend_packets_, [&](const auto& entry) {
      const FriendPacket& packet = entry.second;
      return (packet.from == &a && packet.to == &b) || (packet.from == &b && packet.to == &a);
    });
    queued_.erase({a.key, b.key});
    queued_.erase({b.key, a.key});
  }
  for (auto [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    if (one->running()) {
      const ProductCode product;
      one->manager->on_friend_presence(other->key, on);
    }
  }
}

inline void World::event() {
  if (after_event) {
    after_event();
  }
  for (const auto& user : users) {
    if (user->running() && user->manager->failed()) {
      throw std::runtime_error("something was thrown in a manager, which has stopped");
    }
  }
}

inline bool World::deliver_friend_packet() {
  if (friend_packets_.empty() || friend_packets_.begin()->first > clock.steady()) {
    return false;
  }
  const FriendPacket packet = std::move(friend_packets_.begin()->second);
  friend_packets_.erase(friend_packets_.begin());
  --queued_[{packet.from->key, packet.to->key}];
  {
    const ProductCode product;
    packet.to->manager->on_friend_packet(packet.from->key, packet.bytes);
  }
  event();
  return true;
}

inline bool World::deliver_node_packet() {
  if (network.next_delivery().value_or(never) > clock.steady()) {
    return false;
  }
  network.deliver_due();
  event();
  return true;
}

inline bool World::tick_one() {
  bool any = false;
  soonest_ = never;
  const auto is_due = [this](SteadyTime deadline) {
    const bool due = deadline <= clock.steady();
    soonest_ = due ? soonest_ : std::min(soonest_, deadline);
    return due;
  };
  for (const auto* const some : {&nodes, &other_nodes}) {
    for (const auto& node : *some) {
      if (is_due(node->next())) {
        node->tick();
        any = true;
      }
    }
  }
  for (const auto& user : users) {
    if (user->running() && is_due(user->manager->next_deadline())) {
      ++ticks;
      {
        const ProductCode product;
        user->manager->tick();
      }
      any = true;
      event();
    }
  }
  for (const auto& actor : actors) {
    if (is_due(actor->next())) {
      actor->tick();
      any = true;
      event();
    }
  }
  return any;
}

inline bool World::run_until(milliseconds limit, const std::function<bool()>& until) {
  const SteadyTime end = clock.steady() + limit;
  for (;;) {
    unsigned turns = 0;
    while (deliver_friend_packet() || deliver_node_packet() || tick_one()) {
      if (until && until()) {
        return true;
      }
      if (++turns > 100'000) {
        throw std::runtime_error("somebody's deadline does not move on");
      }
    }
    if (clock.steady() >= end) {
      return until && until();
    }
    SteadyTime next = std::min(end, soonest_);
    next = std::min(next, network.next_delivery().value_or(never));
    if (!friend_packets_.empty()) {
      next = std::min(next, friend_packets_.begin()->first);
    }
    clock.advance_to(next);
  }
}

/// Crashes and restarts `user` after the k-th event from now on (a packet or a tick of anybody).
inline void crash_after(World& world, User& user, unsigned k) {
  world.after_event = [&user, k, events = 0U]() mutable {
    if (++events == k) {
      user.crash();
      user.start();
    }
  };
}

/// Two friends, each with three home nodes, who have met and parted.
struct Pair : World {
  explicit Pair(std::uint64_t seed = 1, std::size_t node_count = 3, bool met = true) : World(seed) {
    for (std::size_t i = 0; i < node_count; ++i) {
      add_node();
    }
    befriend(alice, bob);
    give_nodes(alice);
    give_nodes(bob);
    if (met) {
      meet(alice, bob);
    }
  }

  User& alice = add_user();
  User& bob = add_user();
};

}  // namespace toxasync::test

namespace toxasync::manager {
inline std::ostream& operator<<(std::ostream& out, SendError error) {
  return out << "send error " << static_cast<int>(error);
}
inline std::ostream& operator<<(std::ostream& out, NodeError error) {
  return out << "node error " << static_cast<int>(error);
}
}  // namespace toxasync::manager
