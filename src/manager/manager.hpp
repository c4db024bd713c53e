// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/node_finder.hpp"
#include "base/transport.hpp"
#include "manager/contact/first_contact.hpp"
#include "manager/contact/friend_bundle_exchange.hpp"
#include "manager/contact/known_contact_nodes.hpp"
#include "manager/core/part.hpp"
#include "manager/inbox/inbox.hpp"
#include "manager/nodes/home_node_selector.hpp"
#include "manager/outbox/outbox.hpp"
#include "manager/polling/cover.hpp"
#include "manager/polling/poller.hpp"
#include "node/node.hpp"

// Friends, pre-keys, outbox, inbox and schedules: the whole path of a message, by docs/protocol.md, sections
// 2 to 5. Sans-I/O, one thread: transport, friend channel, state, clock and randomness are handed in.

namespace toxasync::manager {

// When something is thrown in it, memory that ran out above all, what is in memory may contradict itself. The
// manager then does nothing any more, as after a crash: all that it promised is in the state. Calls that
// change something throw std::bad_alloc, those that are noexcept return; the others tell what was.

class Manager final : public PacketReceiver,
                      public FriendListener,
                      private client::NodeNewsListener,
                      private HomeNodesListener,
                      private FriendBookListener,
                      private ContactListener,
                      private OutboxListener,
                      private InboxListener,
                      private MailSource,
                      private ReceiptMailer {
 public:
  /// `self` is the Tox key pair. Reads the state (blocking). The references must outlive the manager, which
  /// takes the transport's packets until it is destroyed.
  Manager(crypto::KeyPair self, Transport& transport, FriendChannel& channel, store::StateStore& state,
          const Clock& clock, Random& random, Telemetry telemetry, ManagerListener& listener,
          ManagerConfig config);
  ~Manager() override;
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// Serves as a storage node too. The references must outlive the manager.
  void serve(store::Store& store, node::NodeKeys& keys, node::NodeConfig config);
  /// Where storage nodes are looked for while few are known. The reference must outlive the manager.
  void find_nodes(NodeFinder& finder);

  /// Accepts a message: live if the friend is online, else by their home nodes. MessageState::queued says
  /// that it is on disk; before that a crash loses it. `ttl` is one of limits::times_to_live; 0:
  /// ManagerConfig::ttl.
  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            seconds ttl = 0s);
  /// Asks every node that may hold the message to drop it. MessageState::cancelled follows when all have said
  /// so; `delivered` or `expired` when it was too late.
  Result<bool, CancelError> cancel(const crypto::MessageId& id);
  /// Of a message whose final state was not reported yet.
  [[nodiscard]] std::optional<MessageStatus> status(const crypto::MessageId& id) const;
  /// All of those, in the order of sending to each friend.
  [[nodiscard]] std::vector<MessageStatus> outgoing() const;

  /// Leaves a friend request for somebody who is offline (docs/protocol.md, section 9), `text` being 1 to
  /// limits::friend_request_text bytes. RequestState::queued says that it is on disk.
  Result<crypto::MessageId, RequestError> send_friend_request(const ToxAddress& to, ByteView text);
  /// False: none is under way. RequestState::cancelled follows, or `expired` when it was too late.
  bool cancel_friend_request(const FriendKey& to);
  /// Our own nospam: until it is set, no requests are looked for. Call it whenever it may have changed.
  void set_nospam(const Nospam& nospam);

  /// Our home nodes, 5 at most: where our mail is kept. Friends who are online are sent the new list.
  Result<bool, NodeError> add_home_node(const client::KnownNode& node);
  Result<bool, NodeError> remove_home_node(const protocol::NodeId& id);
  [[nodiscard]] std::vector<HomeNodeStatus> home_nodes() const;

  /// Something was thrown in it: another one can be made from the state.
  [[nodiscard]] bool failed() const noexcept { return failed_; }

  [[nodiscard]] bool friend_ready(const FriendKey& key) const;
  [[nodiscard]] std::size_t outbox_size() const noexcept;

  void tick() noexcept;
  /// Of the next tick that has work.
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

  // PacketReceiver
  void on_packet(const Route& from, ByteView packet) noexcept override;
  // FriendListener
  void on_friend_added(const FriendKey& key) noexcept override;
  void on_friend_removed(const FriendKey& key) noexcept override;
  void on_friend_presence(const FriendKey& key, bool online) noexcept override;
  void on_friend_packet(const FriendKey& from, ByteView packet) noexcept override;

 private:
  /// Drops what has expired, and renews our keys.
  class Housekeeping final : public Part {
   public:
    explicit Housekeeping(Manager& manager) : manager_(manager) {}

    void tick(Now now) override;
    [[nodiscard]] SteadyTime next_deadline() const noexcept override { return next_; }
    void run_at(SteadyTime at) noexcept { next_ = at; }

   private:
    Manager& manager_;
    bool ran_ = false;
    SteadyTime next_{};
  };

  /// A call of the host's that may throw.
  template <class Function>
  auto checked(Function&& function);
  /// One that may not.
  template <class Function>
  void guarded(Function&& function) noexcept;
  void fail() noexcept;

  void load();
  void tick_parts();
  void handle_packet(const Route& from, ByteView packet);
  void add_friend(const FriendKey& key);
  void remove_friend(const FriendKey& key);
  void set_presence(const FriendKey& key, bool online);
  void handle_friend_packet(const FriendKey& from, ByteView bytes);
  void run_housekeeping(bool again);
  void follow_clock(Now now);
  void drop_expired(store::StateBatch& batch);
  void claim_nodes(const Friend& who);
  void on_live_envelope(const FriendKey& from, ByteView message);
  void on_live_receipt(const FriendKey& from, const protocol::FriendPacket& packet);

  // client::NodeNewsListener
  void on_node_news(const client::NodeNews& news, Now now) override;
  void on_node_time(const protocol::NodeId& node, UnixTime node_time, SteadyTime asked) override;
  // HomeNodesListener
  void on_home_nodes_changed() override;
  // FriendBookListener
  void on_friend_bundle(Friend& who) override;
  bool mail_bundle(const Friend& who, const Installation& to, const protocol::WholeBundle& bundle) override;
  void drop_mailed_bundle(const Friend& who, crypto::Instance instance) override;
  // ContactListener
  bool on_request(const ReceivedRequest& request) override;
  void on_contact(const FriendKey& key) override;
  void on_request_state(const RequestStatus& status) override;
  // OutboxListener
  void on_bundle_confirmed(const FriendKey& from, std::uint64_t version, crypto::Instance instance) override;
  void on_message_lost(const protocol::NodeId& node) override;
  // InboxListener
  void on_receipt(const ReceiptFrom& receipt, store::StateBatch& batch) override;
  void on_receipt_written(const ReceiptFrom& receipt, bool durable) override;
  // MailSource
  void poll_soon() override;
  [[nodiscard]] bool swept_since(SteadyTime since) const override;
  // ReceiptMailer
  bool mail_receipts(const FriendKey& to, crypto::Instance instance, crypto::MessageKind kind, Bytes ids,
                     store::StateBatch batch) override;

  crypto::KeyPair self_;
  TrustedClock clock_;  ///< No part sees the system's.
  Transport& transport_;
  ManagerConfig config_;
  client::Client client_;
  Journal journal_;
  Events events_;
  Services services_;
  NodeBook nodes_;
  HomeNodes home_nodes_;
  NodeDiscovery discovery_;
  KeyRing keys_;
  FriendBook friends_;
  Outbox outbox_;
  Receipts receipts_;
  Inbox inbox_;
  Poller poller_;
  Cover cover_;
  HomeNodeSelector home_selector_;
  KnownContactNodes contact_nodes_;
  FriendBundleExchange contact_bundles_;
  FirstContact contact_;
  Housekeeping housekeeping_{*this};
  TickedPart<client::Client> client_part_{client_};
  std::unique_ptr<node::Node> node_;
  std::optional<TickedPart<node::Node>> node_part_;
  /// In the order of their ticks.
  std::vector<Part*> parts_{&clock_,   &journal_,       &housekeeping_, &keys_,  &home_nodes_, &poller_,
                            &cover_,   &outbox_,        &receipts_,     &inbox_, &contact_,    &client_part_,
                            &friends_, &home_selector_, &discovery_,    &nodes_, &events_};
  bool failed_ = false;
  bool resumed_ = false;
  std::uint64_t clock_seen_ = 0;    ///< The generation that was followed,
  std::uint64_t beliefs_seen_ = 0;  ///< and TrustedClock::beliefs() then.
  SteadyTime follow_clock_from_{};
};

}  // namespace toxasync::manager
