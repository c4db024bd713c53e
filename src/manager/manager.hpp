// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/node_finder.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/transport.hpp"
#include "manager/core/config.hpp"
#include "manager/core/friend_channel.hpp"
#include "manager/core/friend_request.hpp"
#include "manager/core/listener.hpp"
#include "manager/core/types.hpp"
#include "node/node.hpp"
#include "store/state_store.hpp"

// Friends, pre-keys, outbox, inbox and schedules: the whole path of a message, by docs/protocol.md, sections
// 2 to 5. Sans-I/O, one thread: transport, friend channel, state, clock and randomness are handed in.

namespace toxasync::manager {

class Manager final : public PacketReceiver, public FriendListener {
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
  /// that it is on disk; before that a crash loses it. `ttl_s` is one of limits::times_to_live_s; 0:
  /// ManagerConfig::ttl_s.
  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            std::uint32_t ttl_s = 0);
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

  [[nodiscard]] bool friend_ready(const FriendKey& key) const;
  [[nodiscard]] std::size_t outbox_size() const noexcept;

  void tick();
  /// Steady milliseconds of the next tick that has work.
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept;

  // PacketReceiver
  void on_packet(const Route& from, ByteView packet) noexcept override;
  // FriendListener
  void on_friend_added(const FriendKey& key) noexcept override;
  void on_friend_removed(const FriendKey& key) noexcept override;
  void on_friend_presence(const FriendKey& key, bool online) noexcept override;
  void on_friend_packet(const FriendKey& from, ByteView packet) noexcept override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  Transport* transport_;
};

}  // namespace toxasync::manager
