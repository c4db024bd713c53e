// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "choices.hpp"
#include "client/client.hpp"
#include "raw_requests.hpp"
#include "tests/manager/world.hpp"

namespace toxasync::sim {

/// The machine of somebody hostile, with a real client: so what the nodes allow a source counts for them,
/// too. Beside it they send packets and requests of their own making.
class HostileClient final : public PacketReceiver,
                            private client::StoreResultListener,
                            private client::RetrieveListener,
                            private client::PeersListener {
 public:
  /// What it stored, and may cancel or store again.
  struct Stored {
    protocol::NodeId node{};
    crypto::WritableMailbox mailbox;
    Bytes envelope;
    crypto::CancelSecret secret{};
  };
  using Reader = std::function<void(ByteView envelope)>;

  HostileClient(test::World& world, std::uint64_t seed);
  ~HostileClient() override;
  HostileClient(const HostileClient&) = delete;
  HostileClient& operator=(const HostileClient&) = delete;

  [[nodiscard]] SteadyTime next() const noexcept { return client_.next_deadline(); }
  void tick();
  /// It has begun so much that it begins nothing more.
  [[nodiscard]] bool busy() const noexcept { return client_.operations() >= 100; }

  /// A node, also a hostile one, that it may use.
  void knows(const client::KnownNode& node);
  [[nodiscard]] const std::vector<client::KnownNode>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const client::KnownNode* any_node();

  void store(const protocol::NodeId& node, const crypto::WritableMailbox& mailbox, Bytes envelope,
             const crypto::CancelSecret& secret, seconds ttl);
  /// Something that it stored earlier. Nothing if there is nothing.
  [[nodiscard]] Stored* any_stored();
  void store_again(const Stored& stored, const protocol::NodeId& node);
  void cancel(const Stored& stored, const protocol::NodeId& node, const crypto::CancelSecret& secret);
  /// `deletes`: else what was read stays there.
  void read(const protocol::NodeId& node, const crypto::OwnedMailbox& mailbox, bool deletes, bool subscribes,
            Reader reader);
  void ask_for_nodes(const protocol::NodeId& node);

  /// The last frames that it sent, and where.
  struct Sent {
    Endpoint to;
    Bytes bytes;
  };
  [[nodiscard]] const std::vector<Sent>& sent() const noexcept { return sender_.sent; }
  RawRequests& raw() noexcept { return raw_; }

  [[nodiscard]] const crypto::KeyPair& self() const noexcept { return self_; }
  [[nodiscard]] crypto::FriendKey key() const noexcept { return self_.friend_key(); }
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return transport_.endpoint(); }
  [[nodiscard]] crypto::Epoch epoch() const { return crypto::epoch_at(world_.clock.unix_time()).value_or(0); }

  void on_packet(const Route& from, ByteView packet) noexcept override;

 private:
  /// Remembers what passes.
  struct Sender final : Transport {
    explicit Sender(test::MockTransport& transport) : transport(transport) {}
    [[nodiscard]] TransportKind kind() const noexcept override { return transport.kind(); }
    bool send(const Route& to, ByteView packet) noexcept override;
    void set_receiver(PacketReceiver* receiver) noexcept override { transport.set_receiver(receiver); }

    test::MockTransport& transport;
    std::vector<Sent> sent;
  };
  struct Reading {
    bool deletes;
    Reader reader;
  };

  void on_stored(client::OperationId id, const client::StoreResult& result, Now now) noexcept override;
  void on_envelopes(client::OperationId id, std::vector<client::FetchedEnvelope> envelopes,
                    Now now) noexcept override;
  void on_retrieved(client::OperationId id, const client::RetrieveResult& result, Now now) noexcept override;
  void on_peers(client::OperationId id, const client::PeersResult& result, Now now) noexcept override;
  void find_nodes();

  test::World& world_;
  SeededRandom random_;
  crypto::KeyPair self_;
  test::MockTransport& transport_;
  Sender sender_{transport_};
  test::QuietLog log_;
  Metrics metrics_;
  client::Client client_;
  RawRequests raw_;
  std::vector<client::KnownNode> nodes_;
  std::vector<Stored> stored_;
  std::map<client::OperationId, std::pair<crypto::MailboxAddress, Reading>> readings_;
};

}  // namespace toxasync::sim
