// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "manager/outbox/box_gate.hpp"
#include "manager/outbox/mailbox_cache.hpp"
#include "manager/outbox/outgoing_messages.hpp"
#include "manager/outbox/retry_backoff.hpp"
#include "manager/outbox/send_window.hpp"

namespace toxasync::manager {

/// Takes what came of the copies of messages.
class ReplicatorListener {
 public:
  virtual ~ReplicatorListener() = default;
  /// A node has the whole of a target.
  virtual void on_copy_complete(OutgoingMessage& message) = 0;
  /// A node had confirmed the message and does not have it any longer.
  virtual void on_copy_lost(const protocol::NodeId& node) = 0;
  /// No operation is under way for the copy any longer. May end the message.
  virtual void on_copy_settled(OutgoingMessage& message, Now now) = 0;
  /// An operation has ended: more for that friend may be sent to the node.
  virtual void on_room(const FriendKey& to, const protocol::NodeId& node, Now now) = 0;
  /// What was closed may be asked again, or is open.
  virtual void on_box(const BoxGate::Box& box, Now now) = 0;
};

/// Stores the envelopes of messages on the recipients' home nodes, one copy on each: again after a failure,
/// again when a node drops them before the message expires, and asks from time to time whether a node still
/// has them (docs/protocol.md, sections 6 and 7).
class Replicator final : public client::StoreResultListener {
 public:
  /// A copy that a node drops before the message expires is stored anew so long before that, and by up to
  /// half of it sooner; but not within that time after it was stored.
  static constexpr seconds renew_before = 2h;
  /// And not for the sake of less than that at the end of the message's life.
  static constexpr seconds worth_renewing = 1h;
  /// A node that did not answer, and now does, is tried again within that time.
  static constexpr milliseconds retry_soon = 2s;

  enum class Readiness : std::uint8_t {
    ready,    ///< The envelopes can be stored as they are.
    stale,    ///< They must be sealed again: their epoch or root has passed.
    waiting,  ///< No home nodes, no valid clock, or operations are under way for stale envelopes.
  };

  struct Context {
    client::Client& client;
    Journal& state;
    Random& random;
    Telemetry telemetry;
    OutgoingMessages& messages;
    MailboxCache& mailboxes;
    SendWindow& window;
    BoxGate& gate;
    const RetryBackoff& backoff;
    milliseconds first_offer_again;  ///< Until a node is asked whether it still has a message.
  };

  Replicator(const Context& context, ReplicatorListener& listener) : with_(context), listener_(listener) {}

  /// Makes the target's copies those of the installation's home nodes. `epoch`: that of those nodes, or 0.
  [[nodiscard]] Readiness prepare(OutgoingMessage::Target& target, const Installation& to,
                                  crypto::Epoch epoch, Now now) const;
  /// Starts what is due, has room in the window and is for no box that turned others away; the message waits
  /// for the rest. Only on nodes that are among the target's destinations.
  void store(OutgoingMessage& message, OutgoingMessage::Target& target, const Installation& to, Now now);
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) override;
  /// The node has answered something: what it left unanswered is tried again soon. Those messages and when.
  std::map<crypto::MessageId, SteadyTime> on_node_answer(const protocol::NodeId& node, Now now);

  void abandon(OutgoingMessage& message, Now now);
  /// The message ends; nothing is under way for it.
  void forget(const OutgoingMessage& message);

 private:
  struct Pending {
    crypto::MessageId message{};
    crypto::Instance instance{};
    protocol::NodeId node{};
    crypto::Epoch epoch = 0;
    std::size_t part = 0;
    bool alone = false;  ///< The others wait for what the box says to this one.

    [[nodiscard]] BoxGate::Box box(const FriendKey& to) const { return {to, node, instance, epoch}; }
  };
  using Target = OutgoingMessage::Target;
  using Copy = OutgoingMessage::Copy;

  /// All of it; or one envelope, for a box that is closed.
  void start(OutgoingMessage& message, Target& target, Copy& copy, Now now);
  void settle_box(const BoxGate::Box& box, const client::StoreResult& result, Now now);
  void settle(OutgoingMessage& message, const Pending& pending, const client::StoreResult& result, Now now);
  void finish_copy(OutgoingMessage& message, Target& target, Copy& copy, Now now, seconds retry_after);
  void plan_renewal(const OutgoingMessage& message, Copy& copy, Now now) const;
  void save_progress(OutgoingMessage& message, const Target& target) const;
  /// Copies that their nodes drop soon count as not stored.
  void let_lapse(Target& target, Now now) const;

  Context with_;
  ReplicatorListener& listener_;
  std::unordered_map<client::OperationId, Pending> operations_;
  /// Messages with a copy that the node left unanswered.
  std::map<protocol::NodeId, std::set<crypto::MessageId>> unanswered_;
};

}  // namespace toxasync::manager
