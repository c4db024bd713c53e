// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/node_finder.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/transport.hpp"
#include "client/types.hpp"
#include "crypto/envelope.hpp"
#include "manager/core/friend_channel.hpp"
#include "manager/core/friend_request.hpp"
#include "node/node.hpp"
#include "store/state_store.hpp"

// Friends, pre-keys, outbox, inbox and schedules: the messages' whole way, by the docs/protocol.md sections 2
// to 5. Sans-I/O, one thread: transport, friend channel, state, clock and randomness are handed in.

namespace toxasync::manager {

/// What happened to a message of ours.
enum class MessageState : std::uint8_t {
  queued,     ///< On our disk: it survives the end of the program.
  stored,     ///< On `stored` of `wanted` nodes; reported at each one.
  delivered,  ///< The recipient has it on his disk.
  expired,    ///< Its time to live passed without a receipt.
  cancelled,  ///< No node has it any longer, and it was never fetched.
  failed,     ///< See FailReason: nothing of it remains.
};

constexpr bool is_final(MessageState state) noexcept {
  return state >= MessageState::delivered;
}

enum class FailReason : std::uint8_t {
  none,
  disk,            ///< It could not be written to our disk, and was never accepted.
  friend_removed,  ///< The friend was removed while it waited.
};

struct MessageStatus {
  crypto::MessageId id{};
  FriendKey to{};
  MessageState state = MessageState::queued;
  std::uint8_t stored = 0;  ///< Nodes that have all of it.
  std::uint8_t wanted = 0;  ///< The recipient's home nodes.
  FailReason reason = FailReason::none;
};

struct ReceivedMessage {
  crypto::MessageId id{};  ///< The same if it is shown again after a crash inside on_message.
  FriendKey from{};
  crypto::MessageKind kind = crypto::MessageKind::normal;
  Bytes text;                        ///< UTF-8, 1 to limits::message_text bytes.
  std::int64_t sent_at_unix_ms = 0;  ///< By the sender's clock, at most our now.
  bool late = false;                 ///< Comes after messages that were sent later.
};

enum class SendError : std::uint8_t {
  unknown_friend,
  no_bundle,  ///< The friend's keys have not come yet: he must have been online once with the plugin.
  empty,
  too_long,  ///< More than limits::message_text bytes.
  not_utf8,
  clock,         ///< Our clock shows a time before 2025.
  outbox_full,   ///< ManagerConfig::outbox_messages wait.
  time_to_live,  ///< Not one of limits::times_to_live_s.
};

enum class CancelError : std::uint8_t {
  unknown,   ///< No such message is under way: its final state was told.
  too_late,  ///< The friend has it, or it went to him directly.
};

enum class NodeError : std::uint8_t { bad_address, too_many, unknown };

struct HomeNodeStatus {
  client::KnownNode node;
  client::NodeStatus status;
  bool picked = false;  ///< By us; else the user named it.
};

/// Told by Manager::tick only (or from the packets and completions it handles), never from inside a call of
/// the host.
class ManagerListener {
 public:
  virtual ~ManagerListener() = default;
  /// True: the application has it; the message is done and will not come again. False: it cannot be shown
  /// now; it stays on disk, at the head of all that wait, and is offered again every Inbox::offer_again_ms.
  virtual bool on_message(const ReceivedMessage& message) noexcept = 0;
  virtual void on_message_state(const MessageStatus& status) noexcept = 0;
  /// The friend's bundle is here: messages to him can be stored.
  virtual void on_friend_ready(const FriendKey& key) noexcept = 0;
  /// Somebody asks to be our friend. To accept is to add him to the host's list, to refuse is to do nothing.
  /// True: it was shown, and he is not shown again for 30 days. False: it is offered again later.
  virtual bool on_friend_request(const ReceivedRequest& /*request*/) noexcept { return false; }
  virtual void on_friend_request_state(const RequestStatus& /*status*/) noexcept {}
};

struct ManagerConfig {
  bool allow_local_addresses =
      false;  ///< Loopback and private node addresses, for tests and private networks.
  std::int64_t poll_interval_ms =
      120000;  ///< Mean time between polls of the present mailbox of a home node, a Poisson process.
  std::uint32_t ttl_s = limits::default_time_to_live_s;
  std::size_t outbox_messages = 10000;
  std::int64_t receipt_delay_ms =
      300000;  ///< Mean time that receipts wait for others before they are stored.
  std::int64_t first_offer_again_ms = 3600000;  ///< Until a node is asked whether it still has a message.
  std::int64_t retry_first_ms = 5000;           ///< Before a store that failed is tried again; doubled up to:
  std::int64_t retry_longest_ms = 600000;
  /// Home nodes are picked for a user who has named none.
  bool pick_home_nodes = true;
  /// Cover mailboxes and what is sent to them (docs/protocol.md, section 10). Off for tests that count what
  /// is sent or stored, and for whoever would rather save the traffic.
  bool cover = true;
  /// Nodes are asked to tell of new mail at once (docs/protocol.md, section 6, "Announcements"). Polls go on
  /// as without.
  bool push = true;
  client::ClientConfig client;
};

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

  /// Accepts a message: live if the friend is online, else by his home nodes. MessageState::queued says that
  /// it is on disk; before that a crash loses it.
  /// `ttl_s` is one of limits::times_to_live_s; 0: ManagerConfig::ttl_s.
  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            std::uint32_t ttl_s = 0);
  /// Asks every node that may hold the message to drop it. MessageState::cancelled follows when all have said
  /// so; `delivered` or `expired` when it was too late.
  Result<bool, CancelError> cancel(const crypto::MessageId& id);
  /// Of a message whose final state was not told yet.
  [[nodiscard]] std::optional<MessageStatus> status(const crypto::MessageId& id) const;
  /// All of those, in the order of sending to each friend.
  [[nodiscard]] std::vector<MessageStatus> outgoing() const;

  /// Leaves a friend request for somebody who is offline (docs/protocol.md, section 9), `text` being 1 to
  /// limits::friend_request_text bytes. RequestState::queued says that it is on disk.
  Result<crypto::MessageId, RequestError> send_friend_request(const ToxAddress& to, ByteView text);
  /// False: none is under way. RequestState::cancelled follows, or `expired` when it was too late.
  bool cancel_friend_request(const FriendKey& to);
  /// Our own nospam: until it is told, no requests are looked for. Call it whenever it may have changed.
  void set_nospam(const Nospam& nospam);

  /// Our home nodes, 5 at most: where our mail is kept. Friends who are online are told.
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
