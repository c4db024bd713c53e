// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "actor.hpp"
#include "bounds.hpp"
#include "protocol/frame.hpp"
#include "protocol/page.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "protocol/store_response.hpp"
#include "tests/manager/world.hpp"

namespace toxasync::sim {

/// A storage node that does not keep to the protocol: a real one, and before it somebody who has its keys
/// and does with each packet to it and from it what they like.
class HostileNode final : public Actor {
 public:
  /// `number`: its place among the hostile nodes.
  HostileNode(test::World& world, test::StorageNode& node, std::size_t number, std::uint64_t seed,
              Tally& tally);

  /// A node that nobody names. It tells of it where it is asked for nodes.
  void tells_of(const test::StorageNode& found) { found_ = &found; }
  /// Gets each window of pages without end that it gives, and of which mailbox.
  std::function<void(const Endpoint& to, const crypto::Point& mailbox)> without_end;
  /// Of each packet in the network: true drops it. It may be changed.
  bool on_packet(test::MockNetwork::Packet& packet);
  /// From now on it is honest; what it has confirmed and dropped does not come back.
  void stop() noexcept { stopped_ = true; }

  // Actor
  [[nodiscard]] SteadyTime next() const override;
  void tick() override;

 private:
  using Packet = test::MockNetwork::Packet;
  using Plain = ByteArray<limits::plaintext>;
  /// Of a client, and the last request in it.
  struct Session {
    Endpoint client;
    protocol::SessionKeys keys;
    protocol::FrameKind kind{};
    std::uint64_t counter = 0;
    std::vector<crypto::BoxTag> boxes;
    bool without_end = false;  ///< It gives pages without end.
  };
  struct Seen {
    crypto::MailboxAddress mailbox;
    Bytes envelope;
  };

  bool on_request(Packet& packet);
  bool on_store(Session& session, const crypto::Point& x, const protocol::StoreRequest& request);
  bool on_retrieve(Session& session, const crypto::Point& x, const protocol::RetrieveRequest& request);
  bool on_answer(Packet& packet);
  /// It guesses when somebody tries an address that it has named.
  void on_try(const Packet& packet);
  void change_descriptor(Packet& packet);
  void change_answer(Packet& packet);
  void change(protocol::Page& page);
  void change(protocol::StoreResponse& answer);

  Session* open(const protocol::FrameHeader& header, const Packet& packet, Plain& plain);
  void give_pages(const Session& session, const crypto::Point& x, const protocol::RetrieveRequest& request,
                  bool of_others, bool endless, bool with_mail);
  [[nodiscard]] Bytes descriptor_of(const test::StorageNode& node) const;
  void name_nodes(const Session& session, const crypto::Point& x, std::uint64_t counter);
  [[nodiscard]] protocol::PagedEnvelope any_envelope(const protocol::RetrieveRequest& request,
                                                     bool of_others);
  template <class Message>
  void answer(const Session& session, const crypto::Point& x, protocol::FrameKind kind,
              const Message& message);
  void send(const Endpoint& to, ByteView packet);
  [[nodiscard]] UnixTime its_time();
  [[nodiscard]] Endpoint any_address(Namer namer);
  std::uint64_t below(std::uint64_t end) { return temper_.random().below(end); }

  test::World& world_;
  test::StorageNode& node_;
  std::size_t number_;
  Temper temper_;
  seconds lie_ = 0s;  ///< What it adds to the time.
  milliseconds pause_;
  SteadyTime next_act_;
  const test::StorageNode* found_ = nullptr;
  bool stopped_ = false;
  bool sending_ = false;  ///< Its own packets go out as they are.
  std::map<crypto::Point, Session> sessions_;
  std::vector<Seen> seen_;
  std::vector<std::pair<Endpoint, Bytes>> old_answers_;
  std::vector<Packet> held_;     ///< Answers that it sends from elsewhere, later.
  std::vector<Endpoint> named_;  ///< As its own addresses; nobody is there.
  std::multimap<SteadyTime, Packet> late_;
};

}  // namespace toxasync::sim
