// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "bounds.hpp"
#include "forgery.hpp"
#include "hostile_client.hpp"
#include "protocol/bundle.hpp"
#include "protocol/friend_packet.hpp"
#include "protocol/live.hpp"

namespace toxasync::sim {

/// A friend of some users, played packet by packet, who does anything that a friend can (docs/protocol.md,
/// sections 3 to 7): over the friend channel, and by nodes with a client of their own.
///
/// hostile_friend.cpp: their life. hostile_friend_heads.cpp, hostile_friend_packets.cpp: the friend channel.
/// hostile_friend_letters.cpp, hostile_friend_mail.cpp: envelopes, and what is done with them at nodes.
/// hostile_friend_plans.cpp: what takes many steps.
class HostileFriend final : public Actor {
 public:
  /// `number`: their place among the hostile friends.
  HostileFriend(test::World& world, const std::vector<test::User*>& friends, std::size_t number,
                std::uint64_t seed, Tally& tally);
  HostileFriend(const HostileFriend&) = delete;
  HostileFriend& operator=(const HostileFriend&) = delete;

  [[nodiscard]] SteadyTime next() const override;
  void tick() override;
  /// Falls silent for good.
  void stop();
  /// They have more to do.
  void go_on() { pace_.go_on(world_.clock.steady()); }

  [[nodiscard]] crypto::FriendKey key() const noexcept { return client_.key(); }

  /// A node of theirs, which nobody else knows.
  void owns(const test::StorageNode& node) {
    own_.push_back(node.known());
    client_.knows(own_.back());
  }

  // What of theirs must not be shown: a text that was sealed or changed so that it must not open; one of
  // parts that were sealed with different pre-keys.
  [[nodiscard]] bool spoiled(ByteView text) const {
    return spoiled_.contains(Bytes(text.begin(), text.end()));
  }
  [[nodiscard]] static bool is_of_two_sealings(ByteView text);

  // Plans: what an operation has them do, beside what they choose.
  void meet(const test::User& user);
  void part(const test::User& user);
  /// M of the root that the user gave them last.
  [[nodiscard]] std::optional<crypto::Point> root_of(const test::User& user);
  void flood(const test::User& user, std::size_t letters, bool each_from_a_new_installation);
  /// As the addresses of their home nodes.
  void name_strangers(const test::User& user, bool one_host);

  /// An id of somebody else's message that they have learned of.
  std::function<std::optional<crypto::MessageId>()> heard_of;
  /// Gets each root that a friend of theirs gave them; may be null.
  std::function<void(const crypto::FriendsRoot&)> tell;
  /// Of each bundle that a user gave them.
  std::function<void(const test::User& by, crypto::Instance instance)> given;

 private:
  /// What they claim to be towards one user.
  struct Installation {
    crypto::Instance instance{};
    crypto::SigningKey signer;
    crypto::KeyPair root;
    std::uint64_t version = 0;
    std::uint64_t sequence = 0;
    std::optional<protocol::BundleHead> head;  ///< The last one,
    std::vector<crypto::Point> keys;           ///< and the keys that it announced.
  };
  struct Letter {
    protocol::LiveEnvelope live;
    crypto::WritableMailbox mailbox;
    crypto::MessageId id{};
    crypto::Point pre_key{};
    crypto::CancelSecret secret{};
  };
  struct Victim {
    test::User* user;
    bool online = false;
    std::vector<Installation> installations;  ///< The last ones, never none.
    std::vector<protocol::BundleHead> heads;  ///< The last ones that they gave.
    std::vector<crypto::Point> keys;          ///< One-time keys that they gave; `used` of them were used.
    std::size_t used = 0;
    std::vector<crypto::MessageId> received;  ///< Ids of their messages.
    std::vector<Letter> letters;              ///< What was sealed for them last.
    std::vector<Bytes> packets;               ///< What was sent to them last.
  };
  /// A thing that they may do next.
  struct Way {
    std::string_view name;
    void (HostileFriend::*go)(Victim& victim);
  };

  // --- Their life ---
  void act();
  void begin(Victim& victim);
  [[nodiscard]] bool is_friend_of(const Victim& victim) const;
  [[nodiscard]] bool reachable(const Victim& victim) const { return victim.online && is_friend_of(victim); }
  void set_online(Victim& victim, bool online);
  void come(Victim& victim) { set_online(victim, true); }
  void go(Victim& victim) { set_online(victim, false); }
  void come_and_go(Victim& victim);
  Installation& add_installation(Victim& victim);
  Installation& installation(Victim& victim);
  crypto::MessageId any_id(Victim& victim);
  crypto::Instance any_instance(Victim& victim);
  Victim& victim(const test::User& user);
  Victim& any_victim() { return one_of(random_, victims_); }

  // --- What came ---
  void take_what_came();
  void take_packet(const protocol::FriendPacket& packet);
  void take_head(const protocol::BundleHead& head);
  void take_keys(const protocol::BundleKeys& keys);
  void take_envelope(const protocol::LiveEnvelope& live);
  /// A message to one of their installations, by either way.
  void take_message(Victim& victim, const Installation& to, crypto::Epoch epoch, ByteView envelope);

  // --- Heads and keys ---
  protocol::BundleHead make_head(Victim& victim, Installation& from);
  void name_version(Victim& victim, Installation& from, protocol::BundleHead& head);
  void name_root(Victim& victim, Installation& from, protocol::BundleHead& head);
  void name_keys(Victim& victim, Installation& from, protocol::BundleHead& head);
  void name_nodes(protocol::BundleHead& head);
  Endpoint any_address();
  void sign(Victim& victim, const Installation& from, protocol::BundleHead& head);

  // --- Packets ---
  void give(Victim& victim, Bytes packet);
  template <class Message>
  void give(Victim& victim, protocol::FriendPacketType type, const Message& message) {
    give(victim, protocol::make_friend_packet(type, message));
  }
  void give_head(Victim& victim);
  void give_keys(Victim& victim);
  void give_all_keys(Victim& victim, const Installation& from);
  void give_bundle(Victim& victim);
  void give_new_installation(Victim& victim);
  void give_taken(Victim& victim);
  void give_greeting(Victim& victim);
  void give_letter(Victim& victim);
  void give_many_letters(Victim& victim);
  void give_receipt(Victim& victim);
  void give_nack(Victim& victim);
  void give_receipts_of_several(Victim& victim);
  void give_ids(Victim& victim, protocol::FriendPacketType type);
  void give_junk(Victim& victim);
  void give_earlier(Victim& victim);
  void give_heads_of_others(Victim& victim);

  // --- Envelopes ---
  /// A message of any kind, in as many parts as it takes. Empty: they have no keys of the victim.
  std::vector<Letter> write_letters(Victim& victim) { return write_letters(victim, any_kind()); }
  std::vector<Letter> write_letters(Victim& victim, crypto::MessageKind kind);
  /// Nothing: it cannot be sealed.
  std::optional<Letter> write_part(Victim& victim, const crypto::FriendsRoot& root, Forgery forgery);
  crypto::MessageKind any_kind();
  Bytes any_text(Victim& victim, crypto::MessageKind kind);
  Bytes any_ids(Victim& victim);
  Bytes whole_bundle(Victim& victim);
  const protocol::BundleHead* head_to_use(Victim& victim);
  crypto::Point key_to_use(Victim& victim, const protocol::BundleHead& head, crypto::MessageKind kind);
  void name_sender(Victim& victim, Forgery& forgery);
  void name_place(Installation& from, crypto::EnvelopeBody& body);
  void name_dates(crypto::EnvelopeBody& body);
  void damage(const Victim& victim, Bytes& envelope);

  // --- At nodes ---
  void store_letters(Victim& victim);
  void store_receipt(Victim& victim);
  void store_bundle(Victim& victim);
  void store_earlier(Victim& victim);
  void fill_box(Victim& victim);
  void store(Victim& victim, const Letter& letter);
  void cancel(Victim& victim);
  void cancel_and_store(Victim& victim);
  void remove_from_box(Victim& victim);
  void read_mail(Victim& victim);
  void leave_bundle(Victim& victim);
  void raw_store(Victim& victim);
  void ask_for_nodes(Victim& victim);
  const client::KnownNode* home_node_of(Victim& victim);

  static const std::vector<Way>& ways();

  test::World& world_;
  Namer namer_;
  Temper temper_;
  Twists twists_{temper_};
  SeededRandom& random_;
  HostileClient client_;
  std::vector<client::KnownNode> own_;  ///< Nodes.
  std::vector<Victim> victims_;
  Pace pace_;
  std::size_t written_ = 0;  ///< Letters, which cost the most time.
  bool spoils_ = false;      ///< The letter that is being written must not open.
  std::set<Bytes> spoiled_;  ///< Texts of such letters.
  std::size_t turn_of_ = 0;  ///< Place of the victim of a flood.
  bool stopped_ = false;
};

}  // namespace toxasync::sim
