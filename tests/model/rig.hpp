// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model.hpp"
#include "tests/manager/world.hpp"
#include "wiretap.hpp"

namespace toxasync::model {

using test::SeededRandom;
using test::StorageNode;
using test::User;
using test::World;

/// What all sequences of a run did.
struct Totals {
  std::uint64_t sequences = 0;
  std::uint64_t operations = 0;
  std::uint64_t events = 0;        ///< Packets and ticks: at each a crash could come.
  std::uint64_t crash_points = 0;  ///< Crashes that came, each followed by a restart.
  std::uint64_t restores = 0;
  std::uint64_t messages = 0;
  std::uint64_t shown = 0;
  std::uint64_t expired = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;
  std::uint64_t repeated = 0;  ///< Shown again, after what excuses it.
  std::uint64_t envelopes = 0;

  Totals& operator+=(const Totals& more) {
    for (const auto field : {&Totals::sequences, &Totals::operations, &Totals::events, &Totals::crash_points,
                             &Totals::restores, &Totals::messages, &Totals::shown, &Totals::expired,
                             &Totals::cancelled, &Totals::failed, &Totals::repeated, &Totals::envelopes}) {
      this->*field += more.*field;
    }
    return *this;
  }
};

/// A user, and what a test does to their machine.
struct Person {
  explicit Person(User& u) : user(&u) {}

  User* user;
  unsigned crash_in_events = 0;                  ///< 0: no crash is planned.
  bool crash_in_callback = false;                ///< At the next message that is shown.
  std::unique_ptr<store::MemoryState> at_crash;  ///< What the disk held when the callback ran.
  SteadyTime restart_at = never;
  bool slow_disk = false;
  SteadyTime failing_until{};  ///< Their disk may not have written what it should until then.
  bool last_show_unsafe = false;
  std::size_t shown_seen = 0;
  std::size_t states_seen = 0;
  std::unique_ptr<store::MemoryState> copy;  ///< An old backup,
  Model::Backup copy_model;                  ///< and what was true when it was made.
};

/// A world, the model of what was promised in it, and what goes wrong.
class Rig {
 public:
  struct Setup {
    std::size_t users = 2;
    std::size_t nodes = 3;
    milliseconds poll_interval = 30min;
    bool push = true;
  };
  Rig(std::uint64_t seed, const Setup& setup, Totals& totals);

  // Things that happen. A Person who is not running stays as they are unless it says otherwise.
  void run(milliseconds time);
  /// Nothing when it was not accepted.
  std::optional<Id> send(Person& from, const Person& to, const std::string& text,
                         crypto::MessageKind kind = crypto::MessageKind::normal, seconds ttl = 0s);
  void cancel(Person& who, const Id& id);
  /// `restart_after`: nothing if they are not to be restarted.
  void crash(Person& who, std::optional<milliseconds> restart_after);
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
  void unfriend(Person& who, Person& other);
  void befriend(Person& who, Person& other);
  [[nodiscard]] bool friends(const Person& a, const Person& b) const {
    return a.user->friends.contains(b.user->key) && b.user->friends.contains(a.user->key);
  }
  void connect(Person& a, Person& b) { world.connect(*a.user, *b.user); }
  void disconnect_all();
  void add_all_nodes(Person& who);

  /// Everything is put right: disks, network, nodes, programs. Then all promises are checked.
  void finish(SeededRandom& random);
  /// What was told since the last call.
  void observe();

  World world;
  Model model;
  std::vector<Person> people;
  std::string note;  ///< What an operation wants to say in the trace.

 private:
  void on_event();
  void restart_due();
  void repair();
  void settle_apart(SeededRandom& random);
  void settle_together();
  void wait_for_the_end();
  [[nodiscard]] std::string rows_left(const Person& who) const;
  void check_disks();

  Totals& totals_;
  SeededRandom random_;
  Wiretap tap_;
  bool finishing_ = false;
};

}  // namespace toxasync::model
