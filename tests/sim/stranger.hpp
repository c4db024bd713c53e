// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "forgery.hpp"
#include "hostile_client.hpp"

namespace toxasync::sim {

/// Somebody who has the Tox ids of all users and the addresses of all nodes, and is nobody's friend: they do
/// anything that can be done with these (docs/protocol.md, sections 6 and 9).
class Stranger final : public Actor {
 public:
  Stranger(test::World& world, std::uint64_t seed, Tally& tally);
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  [[nodiscard]] SteadyTime next() const override;
  void tick() override;
  /// Falls silent for good.
  void stop() noexcept { stopped_ = true; }
  /// They have more to do.
  void go_on() { pace_.go_on(world_.clock.steady()); }
  /// What a friend of a user has told them.
  void learn(const crypto::FriendsRoot& root) { remember(roots_, root, 8); }

  manager::Nospam nospam{1, 2, 3, 4};  ///< Of all users.

 private:
  struct Way {
    std::string_view name;
    void (Stranger::*go)();
  };

  void ask();
  void ask_in_many_names();
  void ask_again();
  void cancel();
  void cancel_in_a_storm();
  void fill_public_mailbox();
  void fill_node();
  void store_beside_friends();
  void list_others_mailbox();
  void raw_store();
  void send_junk();
  void send_as_somebody_else();
  void replay();
  void ask_for_nodes();

  void store_request(const crypto::KeyPair& name, const crypto::MessageId& id);
  void name_request(Forgery& forgery);
  Bytes any_text();
  Bytes any_frame();
  [[nodiscard]] std::optional<crypto::WritableMailbox> public_mailbox();
  crypto::WritableMailbox own_mailbox();
  /// An envelope that nobody can open.
  Bytes nonsense();
  seconds any_ttl();
  [[nodiscard]] Endpoint any_endpoint();
  [[nodiscard]] const test::User& any_user() { return *one_of(random_, world_.users); }

  static const std::vector<Way>& ways();

  test::World& world_;
  Temper temper_;
  Twists twists_{temper_};
  SeededRandom& random_;
  HostileClient client_;
  Pace pace_;
  std::vector<crypto::KeyPair> names_;  ///< Tox keys that they made.
  std::vector<crypto::MessageId> ids_;  ///< Of their requests.
  std::vector<crypto::FriendsRoot> roots_;
  bool stopped_ = false;
};

}  // namespace toxasync::sim
