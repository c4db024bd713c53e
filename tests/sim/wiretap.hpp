// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <set>

#include "model.hpp"
#include "protocol/frame.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "tests/manager/world.hpp"

namespace toxasync::sim {

/// Opens, with the keys of nodes and recipients, the headers of all envelopes on their way, and tells the
/// model which pre-key each message was sealed with.
class Wiretap {
 public:
  Wiretap(test::World& world, Model& model) : world_(world), model_(model) {}

  void on_node_packet(const Endpoint& to, ByteView packet);
  /// From a node: its answer to a store says whether the envelope has come there.
  void on_answer(ByteView packet);
  void on_friend_packet(const test::World::FriendPacket& packet);
  /// Learns roots and last-resort keys from somebody's disk; before it is changed by anybody else.
  void learn(const test::User& user);
  std::function<void(const protocol::StoreRequest&)>
      on_message;  ///< Of each envelope of a user that goes to a node.
  /// Of each retrieve at one of World::other_nodes.
  std::function<void(const test::StorageNode& node, const crypto::Point& mailbox)> on_retrieve;
  [[nodiscard]] std::uint64_t envelopes() const noexcept { return seen_.size(); }

 private:
  struct Owned {
    FriendKey owner{};
    crypto::FriendsMailbox mailbox;
  };
  /// Whose box in a mailbox it is. Nothing: nobody's, or it is not known.
  using WriterOf = std::function<std::optional<FriendKey>(const crypto::FriendsMailbox&)>;

  /// Opens what somebody asks a node. Nothing: a first packet, or a forged one.
  std::optional<ByteArray<limits::plaintext>> open(const protocol::FrameHeader& header,
                                                   test::StorageNode& node, ByteView packet);
  /// The pre-key, if it is a message of a person.
  std::optional<crypto::PreKeyId> on_envelope(crypto::Epoch epoch, const crypto::Point& p,
                                              const WriterOf& writer_of, ByteView envelope);
  const Owned* find(crypto::Epoch epoch, const crypto::Point& p);

  test::World& world_;
  Model& model_;
  std::set<ByteArray<32>> learned_;                                          ///< Secret keys of the disks.
  std::map<crypto::Point, std::pair<FriendKey, crypto::Secret<32>>> roots_;  ///< By M.
  std::set<std::pair<crypto::Point, crypto::Epoch>> derived_;
  std::map<crypto::Point, Owned> mailboxes_;  ///< By P.
  std::set<crypto::PreKeyId> last_resorts_;
  std::set<crypto::PreKeyId> one_time_;
  std::map<crypto::Point, protocol::SessionKeys> sessions_;  ///< By X.
  /// Stores that were not answered yet, by X and counter.
  std::map<std::pair<crypto::Point, std::uint64_t>, crypto::PreKeyId> unanswered_;
  std::map<ByteArray<16>, std::optional<crypto::PreKeyId>> seen_;  ///< By the envelope's hash.
};

}  // namespace toxasync::sim
