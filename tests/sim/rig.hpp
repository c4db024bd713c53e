// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bounds.hpp"
#include "hostile_friend.hpp"
#include "hostile_node.hpp"
#include "model.hpp"
#include "requests.hpp"
#include "stranger.hpp"
#include "tests/manager/world.hpp"
#include "thief.hpp"
#include "weather.hpp"
#include "wiretap.hpp"

namespace toxasync::sim {

using test::SeededRandom;
using test::StorageNode;
using test::User;
using test::World;

/// What all worlds of a run did.
struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0;
  std::uint64_t events = 0;        ///< Packets and ticks: at each a crash could come.
  std::uint64_t crash_points = 0;  ///< Crashes that came, each followed by a restart.
  std::uint64_t messages = 0;
  std::uint64_t shown = 0;
  std::uint64_t expired = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;
  std::uint64_t repeated = 0;  ///< Shown again, after what excuses it.
  std::uint64_t envelopes = 0;
  Tally faults;   ///< By operation.
  Tally attacks;  ///< By choice of somebody hostile.
  ReachedBounds bounds;

  Totals& operator+=(const Totals& more) {
    for (const auto field : {&Totals::seeds, &Totals::operations, &Totals::events, &Totals::crash_points,
                             &Totals::messages, &Totals::shown, &Totals::expired, &Totals::cancelled,
                             &Totals::failed, &Totals::repeated, &Totals::envelopes}) {
      this->*field += more.*field;
    }
    for (const auto& [what, times] : more.faults) {
      count(faults, what, times);
    }
    for (const auto& [what, times] : more.attacks) {
      count(attacks, what, times);
    }
    for (const auto& [what, reached] : more.bounds) {
      note_reached(bounds, what, reached);
    }
    return *this;
  }
};

/// A user, and what a test does to their machine.
struct Person {
  explicit Person(User& u) : user(&u) {}

  User* user;
  manager::Nospam nospam{1, 2, 3, 4};
  unsigned crash_in_events = 0;                  ///< 0: no crash is planned.
  bool crash_in_callback = false;                ///< At the next message that is shown.
  std::unique_ptr<store::MemoryState> at_crash;  ///< What the disk held when the callback ran.
  SteadyTime restart_at = never;
  std::uint64_t starts = 0;
  bool clock_was_set = false;  ///< Since the last start.
  bool slow_disk = false;
  SteadyTime failing_until{};  ///< Their disk may not have written what it should until then.
  bool last_show_unsafe = false;
  /// Home nodes have confirmed the clock of this run, so that no node can tell them another date.
  bool is_sure_of_date = false;
  std::size_t shown_seen = 0;
  std::optional<manager::ReceivedMessage> held_back;  ///< By a canary.
  std::size_t states_seen = 0;
  std::size_t requests_seen = 0;
  std::size_t request_states_seen = 0;
  std::uint64_t picks_seen = 0;
  std::unique_ptr<store::MemoryState> copy;  ///< An old backup,
  Model::Backup copy_model;                  ///< and what was true when it was made.
};

/// A world, the model of what was promised in it, and what goes wrong.
class Rig {
 public:
  struct Options {
    /// Other texts, of sizes that must not show: whoever looks at the packets must see the same.
    bool other_texts = false;
    /// One kind of promise is broken between the world and the model, which must notice.
    std::optional<Fault> canary;
    std::optional<Bound> broken_bound;  ///< Likewise.
  };
  Rig(std::uint64_t seed, const Weather& weather, Totals& totals, Options options);
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// What happens before the first operation.
  void begin();
  // Things that happen. A Person who is not running stays as they are unless it says otherwise.
  void run(milliseconds time);
  /// Nothing when it was not accepted.
  std::optional<Id> send(Person& from, const FriendKey& to, const std::string& text,
                         crypto::MessageKind kind = crypto::MessageKind::normal, seconds ttl = 0s);
  void cancel(Person& who, const Id& id);
  /// `restart_after`: nothing if they are not to be restarted.
  void crash(Person& who, std::optional<milliseconds> restart_after);
  /// From now on, if that is in the weather.
  void let_crash();
  void start(Person& who);
  void stop(Person& who) {
    crash(who, std::nullopt);
    who.restart_at = never;
  }
  void set_slow_disk(Person& who, bool slow);
  void fail_disk(Person& who, std::size_t batches);
  void make_copy(Person& who);
  /// They go on with what `disk` holds, of which `then` was true when it was made; an empty one if there is
  /// none.
  void go_on_with(Person& who, std::unique_ptr<store::MemoryState> disk, const Model::Backup& then);
  void lose_disk(StorageNode& node);
  /// For that time all nodes and most people have the same wrong clock. Then they agree on the right date.
  void all_clocks_are_wrong(SeededRandom& random, milliseconds ahead, milliseconds time);
  void set_clock(Person& who, milliseconds ahead);
  void set_clock(StorageNode& node, milliseconds ahead);
  /// Nothing comes from one of them to the other any longer; both_ways: nor back.
  void cut(const Endpoint& from, const Endpoint& to, bool both_ways);
  void heal() { cut_.clear(); }
  /// They have no network, until reconnect().
  void cut_off(Person& who);
  void reconnect(Person& who);
  void rebind(Person& who);
  void move(StorageNode& node);
  void join_node();
  void unfriend(Person& who, Person& other);
  void remove_hostile_friend(Person& who, HostileFriend& other);
  void add_friend(Person& who, const FriendKey& key);
  /// `from` has the Tox id of the other, and puts them on the list.
  void ask(Person& from, const Person& to, const std::string& text);
  void cancel_request(Person& from, const Person& to);
  [[nodiscard]] bool friends(const Person& a, const Person& b) const {
    return a.user->friends.contains(b.user->key) && b.user->friends.contains(a.user->key);
  }
  void connect(Person& a, Person& b) { world.connect(*a.user, *b.user); }
  void disconnect_all();
  void add_all_nodes(Person& who);
  /// The user does not say any longer which nodes are theirs: the program picks some.
  static void let_pick(Person& who);

  /// Everything is put right: disks, network, nodes, programs. Then all promises are checked.
  void finish(SeededRandom& random);
  /// What was told since the last call.
  void observe();
  /// After each thing that happened: what may never be more is not.
  void check_bounds();
  /// A hash of what the networks have seen: when what went from where to where, and of which size.
  [[nodiscard]] std::uint64_t view() const noexcept { return view_; }

  const Weather weather;
  World world;
  Model model;
  Requests requests;
  std::vector<Person> people;
  std::vector<HostileFriend*> hostile_friends;
  std::string note;   ///< What an operation wants to say in the trace.
  bool idle = false;  ///< It found nothing that it could do.

 private:
  void run_on(milliseconds time);
  void add_people();
  void add_hostile(std::uint64_t seed);
  void on_event();
  bool on_packet(test::MockNetwork::Packet& packet);
  void observe(Person& person);
  void show(Person& person, const manager::ReceivedMessage& message);
  void tell(Person& person, manager::MessageStatus status);
  void observe_requests(Person& person);
  void check_cut_off() const;
  /// Nobody has told a node that nobody chose where they are.
  void check_asked();
  /// They have just picked home nodes: they rely on no nodes of one hostile friend but for one.
  void check_choice(const Person& person);
  void note_homes(const Person& person);
  void wait_for_requests();
  /// Two of their home nodes, or the only one, are there and tell the right time.
  [[nodiscard]] bool hears_right_time(const Person& who) const;
  void see(const Endpoint& from, const Endpoint& to, std::size_t size);
  void restart_due();
  void repair();
  void go_on();
  void silence();
  bool disturb_clocks(SeededRandom& random);
  void calm_clocks();
  void settle_apart(SeededRandom& random, bool clocks_were_disturbed);
  void settle_together();
  std::vector<Id> send_last_ones();
  void wait_for_the_last_ones(const std::vector<Id>& last_ones);
  void wait_for_the_end();
  bool run_until(milliseconds limit, const std::function<bool()>& holds);
  [[nodiscard]] bool has_rows_of_texts(const Person& who, char table) const;
  [[nodiscard]] std::string rows_left(const Person& who) const;
  /// Of what is to be seen on a line.
  void overhear(const test::MockNetwork::Packet& packet);
  void check_disks();
  [[nodiscard]] bool is_hostile(const FriendKey& key) const;
  /// How it is called when mail does not come in time.
  [[nodiscard]] Fault late() const { return weather.is_hostile() ? Fault::interfered : Fault::lost; }

  [[nodiscard]] Bounds::Company company() const {
    return {people.size() - 1 + hostile_friends.size(), hostile_friends.size()};
  }
  void plan_crash(Person& who);
  [[nodiscard]] bool breaks(Fault fault) const noexcept { return options_.canary == fault; }

  Totals& totals_;
  const Options options_;
  SeededRandom random_;
  std::uint64_t view_ = 0;
  Wiretap tap_;
  Bounds bounds_;
  std::vector<HostileNode*> hostile_nodes_;
  std::vector<Stranger*> strangers_;
  std::vector<Thief*> thieves_;
  /// A hostile friend who was removed while the user's program ran.
  struct Removed {
    SteadyTime at{};
    crypto::Point root{};  ///< M of the root that they know.
  };
  std::map<std::pair<FriendKey, FriendKey>, Removed> removed_;  ///< By user and friend.
  std::set<std::pair<Endpoint, Endpoint>> cut_;
  std::map<FriendKey, std::set<protocol::NodeId>> owned_;  ///< Nodes that only a hostile friend names.
  std::map<FriendKey, std::set<protocol::NodeId>> homes_;  ///< That people had at any time.
  std::set<protocol::NodeId> named_;                       ///< Nodes whose addresses the test gave to users.
  std::string seen_at_found_node_;                         ///< What went wrong at a node that nobody chose.
  bool crashing_ = false;                                  ///< They crash again and again.
  std::uint32_t next_address_ = 2000;
  bool nodes_keep_clocks_ = false;  ///< While it is checked what arrives: a wrong one is no excuse then.
};

}  // namespace toxasync::sim
