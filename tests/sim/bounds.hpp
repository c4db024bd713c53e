// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "model.hpp"
#include "tests/manager/world.hpp"
#include "tests/support/remembered_products.hpp"

namespace toxasync::sim {

/// What is counted in a world, and may not be more than it may be, whatever anybody does.
class Bounds {
 public:
  /// `factor`: everything counts so often, to see that it is noticed.
  explicit Bounds(test::World& world, std::uint64_t factor = 1)
      : world_(world), began_(world.clock.steady()), factor_(factor), agreements_(test::key_agreements()) {}

  /// Of each packet in the network.
  void on_packet(const test::MockNetwork::Packet& packet);
  /// After each packet that came somewhere, and each tick.
  void on_event();
  /// A program has started, which is no event, and costs what is on its disk.
  void on_start() { agreements_ = test::key_agreements(); }
  /// A program ended, so that a row may be lost; or went on with an older state.
  void on_crash(const Endpoint& who) { ++crashes_[name_of(who)]; }
  void on_message(const Endpoint& who) { ++messages_[name_of(who)]; }
  /// A friend was removed and added again: with a share of their own each time.
  void on_friend(const Endpoint& who) { ++friendings_[name_of(who)]; }
  void on_rebind(const Endpoint& before, const Endpoint& now) { names_[now] = name_of(before); }
  /// Throws what is more than it may be.
  void check(const std::vector<FriendKey>& hostile_friends) const;

 private:
  /// Nobody lives there: an address that is only named, or forged.
  [[nodiscard]] bool is_nobody(const Endpoint& endpoint) const;
  /// A machine has one name for all its addresses.
  [[nodiscard]] Endpoint name_of(const Endpoint& endpoint) const;
  /// A packet of a user's to an address where nobody lives.
  void on_try(const Endpoint& user, const Endpoint& address);
  void check_traffic(std::uint64_t days) const;
  void check_strangers(std::size_t hostile_friends, std::uint64_t days) const;
  void check_states(std::size_t hostile_friends) const;
  void check_tables(std::size_t hostile_friends) const;

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
  test::World& world_;
  SteadyTime began_;
  std::uint64_t factor_;
  std::map<Endpoint, Endpoint> names_;
  std::map<Endpoint, std::uint64_t> crashes_;
  std::map<Endpoint, std::uint64_t> messages_;
  std::map<Endpoint, std::uint64_t> friendings_;
  std::map<Endpoint, Traffic> out_;
  std::map<Endpoint, Traffic> in_;
  std::map<std::pair<Endpoint, Endpoint>, Traffic> to_nobody_;    ///< By sender and host.
  std::uint64_t agreements_;                                      ///< Until the last event, in all,
  std::uint64_t most_agreements_ = 0;                             ///< and most for one event.
  std::map<std::pair<Endpoint, Endpoint>, Tries> tries_;          ///< By sender and address.
  std::uint64_t too_early_ = 0;                                   ///< Packets within the pause of an address.
  std::map<std::pair<Endpoint, Endpoint>, Traffic> from_nobody_;  ///< By host and recipient: forged sources.
};

/// An address of a public host where nobody lives; of few hosts, so that they are named again, or of many.
inline Endpoint nobody(test::SeededRandom& random) {
  const bool many = random.chance(300);
  Endpoint endpoint{4, {}, static_cast<std::uint16_t>(1 + random.below(many ? 4 : 65535))};
  endpoint.ip = {93, 184, static_cast<std::uint8_t>(random.below(many ? 16 : 2)),
                 static_cast<std::uint8_t>(random.below(many ? 256 : 8))};
  return endpoint;
}

}  // namespace toxasync::sim
