// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "forgery.hpp"
#include "hostile_client.hpp"

namespace toxasync::sim {

/// Somebody who has a copy of a user's Tox secret key, but not of their state: they do with it at nodes, and
/// with what they saw, whatever can be done (docs/protocol.md, sections 3 and 9). They are never online as
/// the user.
class Thief final : public Actor {
 public:
  Thief(test::World& world, const test::User& victim, std::uint64_t seed, Tally& tally);
  Thief(const Thief&) = delete;
  Thief& operator=(const Thief&) = delete;

  [[nodiscard]] SteadyTime next() const override;
  void tick() override;
  /// Falls silent for good.
  void stop() noexcept { stopped_ = true; }
  /// They have more to do.
  void go_on() { pace_.go_on(world_.clock.steady()); }
  /// An envelope on its way. They try to open it at once.
  void saw(ByteView envelope, const crypto::MailboxAddress& where, crypto::Epoch epoch);
  /// Envelopes in friends roots that lie in a mailbox of the Tox key, or have a body that it opens: never
  /// any.
  [[nodiscard]] std::size_t opened() const noexcept { return opened_; }

  manager::Nospam nospam{1, 2, 3, 4};  ///< Of all users.

 private:
  struct Way {
    std::string_view name;
    void (Thief::*go)();
  };
  /// The sender and the recipient of a forged envelope, and what a thief of either key can compute of it.
  struct Route {
    crypto::FriendKey from{};
    crypto::FriendKey to{};
    ByteArray<32> shared{};  ///< X25519(s, R), which is X25519(r, S).
  };
  struct Seen {
    Bytes envelope;
    crypto::MailboxAddress where;
    crypto::Epoch epoch = 0;
  };

  void bundle_to_victim() { forge_in_pair(route(true)); }
  void bundle_from_victim() { forge_in_pair(route(false)); }
  void request_to_victim() { forge_request(route(true)); }
  void request_from_victim() { forge_request(route(false)); }
  void fill_pair();
  void read_pair();
  void read_public();
  void move_seen();
  void read_seen();

  void forge_in_pair(const std::optional<Route>& route);
  void forge_request(const std::optional<Route>& route);
  /// Between the victim and a friend of theirs. Nothing if they have none.
  std::optional<Route> route(bool to_victim);
  [[nodiscard]] std::optional<crypto::OwnedMailbox> pair_mailbox(const Route& route);
  Bytes any_bundle(const Route& route);
  Forgery any_forgery(const Route& route);
  void store(const crypto::WritableMailbox& mailbox, const Bytes& envelope,
             const crypto::CancelSecret& secret);
  [[nodiscard]] bool owns(const Seen& seen);
  [[nodiscard]] bool opens_body(const Seen& seen);

  static const std::vector<Way>& ways();

  test::World& world_;
  const test::User& victim_;
  crypto::KeyPair stolen_;
  Temper temper_;
  Twists twists_{temper_};
  SeededRandom& random_;
  HostileClient client_;
  Pace pace_;
  std::vector<Seen> seen_;
  std::map<crypto::Epoch, crypto::Point> own_;  ///< P of each epoch, if the Tox key were a friends root.
  std::size_t opened_ = 0;
  bool stopped_ = false;
};

}  // namespace toxasync::sim
