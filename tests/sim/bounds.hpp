// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "model.hpp"
#include "protocol/frame.hpp"
#include "tests/manager/world.hpp"
#include "tests/support/product_memory.hpp"
#include "tests/support/remembered_products.hpp"

namespace toxasync::sim {

/// Somebody hostile who names addresses of nobody: each their own, so that it shows on whose word a packet
/// went there. The first byte of an IPv4 address.
enum class Namer : std::uint8_t {
  first_friend = 20,
  first_node = 40,        ///< For its own addresses,
  first_found_node = 60,  ///< and for those of nodes that it makes up.
  forged_source = 93,
};
inline Namer nth(Namer first, std::size_t n) {
  return static_cast<Namer>(static_cast<std::size_t>(first) + n);
}

/// An address of a public host where nobody lives; of few hosts, so that they are named again, or of many.
inline Endpoint nobody(test::SeededRandom& random, Namer namer) {
  const bool many = random.chance(300);
  Endpoint endpoint{4, {}, static_cast<std::uint16_t>(1 + random.below(many ? 4 : 65535))};
  endpoint.ip = {static_cast<std::uint8_t>(namer), 184,
                 static_cast<std::uint8_t>(random.below(many ? 16 : 2)),
                 static_cast<std::uint8_t>(random.below(many ? 256 : 8))};
  return endpoint;
}

/// Which of the bounds a canary breaks.
enum class Bound : std::size_t { traffic, strangers, pauses, agreements, memory, state, rows, instances };
inline constexpr std::array bound_names = {"traffic", "strangers", "pauses", "agreements",
                                           "memory",  "state",     "rows",   "instances"};

/// How close it came to a bound.
struct Reached {
  std::uint64_t is = 0;
  std::uint64_t most = 1;

  [[nodiscard]] double share() const noexcept {
    return static_cast<double>(is) / static_cast<double>(std::max<std::uint64_t>(most, 1));
  }
};
using ReachedBounds = std::map<std::string, Reached>;  ///< By what is counted.
inline void note_reached(ReachedBounds& all, const std::string& what, Reached now) {
  Reached& highest = all[what];
  highest = now.share() > highest.share() ? now : highest;
}

/// What is counted in a world, and may not be more than it may be, whatever anybody does.
class Bounds {
 public:
  /// What was promised of how many: `friends` are all who were ever a user's friend.
  struct Company {
    std::size_t friends = 0;
    std::size_t hostile_friends = 0;
  };

  /// `canary`: what is measured for this one counts a thousand times, to see that it is noticed.
  Bounds(test::World& world, ReachedBounds& reached, std::optional<Bound> canary)
      : world_(world), reached_(reached), began_(world.clock.steady()), canary_(canary) {
    (void)test::most_product_bytes();
    (void)test::most_key_agreements();
  }

  /// Of each packet that leaves a machine.
  void on_packet(const test::MockNetwork::Packet& packet);
  /// After each packet that came somewhere, and each tick.
  void on_event();
  /// After each event: what a user has made then for friends who are offline, beside what they were asked to
  /// send, is not more than it may be. Throws Broken.
  void check_services(const Company& company);
  /// A program has started, which is no event, and costs what is on its disk. `clock_was_set`: what is dated
  /// there may seem to be over.
  void on_start(const Endpoint& who, bool clock_was_set) {
    (void)test::most_key_agreements();
    forgotten_[name_of(who)] += clock_was_set ? 1 : 0;
  }
  /// A program ended, so that a row may be lost, and with a slow disk all of some time; or went on with an
  /// older state.
  void on_crash(const Endpoint& who, bool with_slow_disk) {
    ++crashes_[name_of(who)];
    forgotten_[name_of(who)] += with_slow_disk ? 1 : 0;
    waiting_.clear();
  }
  /// A node has given a user pages of a mailbox that does not end.
  void on_endless_window(const Endpoint& user, const Endpoint& node, const crypto::Point& mailbox);
  void on_hostile_node(const Endpoint& node) { hostile_nodes_.insert(name_of(node)); }
  void on_message(const Endpoint& who) { ++messages_[name_of(who)]; }
  /// A friend was removed and added again: with a share of their own each time.
  void on_friend(const Endpoint& who) { ++friendings_[name_of(who)]; }
  void on_rebind(const Endpoint& before, const Endpoint& now) { names_[now] = name_of(before); }
  /// A friend was given a bundle of this instance of `who`.
  void on_instance(const Endpoint& who, const FriendKey& given_to, crypto::Instance instance) {
    instances_[{name_of(who), given_to}].insert(instance);
  }
  /// What may not be more at any time: disks, memory, work. Throws Broken.
  void check_now(const Company& company);
  /// What may not be more in all. Throws Broken.
  void check_traffic() const;

 private:
  /// Nobody lives there: an address that is only named, or forged.
  [[nodiscard]] static bool is_nobody(const Endpoint& endpoint) { return endpoint.ip[0] != 10; }
  /// Null: nobody's machine, or not a user's.
  [[nodiscard]] const test::User* user_at(const Endpoint& endpoint) const;
  /// A machine has one name for all its addresses.
  [[nodiscard]] Endpoint name_of(const Endpoint& endpoint) const;
  /// A packet of a user's to an address where nobody lives.
  void on_try(const test::MockNetwork::Packet& packet);
  /// `most`: what it may be.
  void must(Bound bound, std::uint64_t is, std::uint64_t most, const std::string& what) const;
  [[nodiscard]] std::uint64_t days_passed() const {
    return static_cast<std::uint64_t>((world_.clock.steady() - began_) / 24h) + 1;
  }
  [[nodiscard]] std::uint64_t bytes_on_nodes() const;
  void check_sent(const test::User& user) const;
  void check_named(const test::User& user) const;
  void check_endless(const test::User& user) const;
  void check_nodes() const;
  void check_instances() const;
  void check_state(const test::User& user, const Company& company) const;
  void check_rows(const test::User& user, const Company& company) const;

  struct Traffic {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
  };
  /// What a user has sent to an address where nobody lives, since they were started.
  struct Tries {
    std::uint64_t start = 0;  ///< How often they had ended before.
    std::size_t packets = 0;
    SteadyTime next{};
  };
  /// Of mailboxes on one node that did not end.
  struct Endless {
    SteadyTime first{};
    std::set<crypto::Point> mailboxes;
    std::uint64_t windows = 0;
  };
  /// Messages that wait on a user's disk, after an event.
  struct Waiting {
    std::uint64_t rows = 0;
    std::uint64_t asked_for = 0;  ///< What they had been asked to send when rows were last added.
    std::uint64_t ids = 0;        ///< Of which receipts and nacks had been made then.
    bool is_known = false;        ///< Else the disk was behind, or somebody's program has ended since.
  };
  using Link = std::pair<Endpoint, Endpoint>;

  test::World& world_;
  ReachedBounds& reached_;
  SteadyTime began_;
  std::optional<Bound> canary_;
  std::map<Endpoint, Endpoint> names_;
  std::set<Endpoint> hostile_nodes_;
  std::map<Endpoint, std::uint64_t> crashes_;
  std::map<Endpoint, std::uint64_t> messages_;
  std::map<Endpoint, std::uint64_t> forgotten_;  ///< How often what hosts were sent may have been.
  std::map<Endpoint, std::uint64_t> friendings_;
  std::map<Link, Traffic> sent_;         ///< By sender and recipient,
  std::map<Link, Traffic> to_nobody_;    ///< by sender and host,
  std::map<Link, Traffic> from_nobody_;  ///< and by host and recipient: forged sources.
  std::map<Link, Tries> tries_;          ///< By sender and address.
  std::map<Link, Endless> endless_;      ///< By user and node.
  std::uint64_t too_early_ = 0;          ///< Packets within the pause of an address,
  std::uint64_t not_first_ = 0;          ///< and those that are more than a first one.
  /// Packets to what a node said of itself and a friend's bundle has repeated, by user and namer.
  std::map<std::pair<Endpoint, std::uint8_t>, std::uint64_t> passed_on_;
  /// Packets to what a friend named and names no longer, likewise.
  std::map<std::pair<Endpoint, std::uint8_t>, std::uint64_t> named_no_longer_;
  std::uint64_t most_agreements_ = 0;
  std::uint64_t most_on_nodes_ = 0;  ///< Bytes of records, since the last check.
  std::vector<Waiting> waiting_;     ///< By user.
  std::map<std::pair<Endpoint, FriendKey>, std::set<crypto::Instance>> instances_;
};

}  // namespace toxasync::sim
