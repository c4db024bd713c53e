// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unordered_map>

#include "manager/outbox/mailbox_cache.hpp"
#include "manager/outbox/outgoing_messages.hpp"
#include "manager/outbox/retry_backoff.hpp"
#include "manager/outbox/send_window.hpp"

namespace toxasync::manager {

/// Takes what came of the cancelling of messages.
class CancellerListener {
 public:
  virtual ~CancellerListener() = default;
  /// A node has answered, or has not.
  virtual void on_cancel_outcome(OutgoingMessage& message, Now now) = 0;
  /// The recipient has fetched the message, or may have: its stage is too_late.
  virtual void on_cancel_too_late(OutgoingMessage& message, Now now) = 0;
  /// An operation has ended: more for that friend may be sent to the node.
  virtual void on_room(const FriendKey& to, const protocol::NodeId& node, Now now) = 0;
};

/// Asks every node that may hold an envelope of a message to drop it. The message is cancelled when all have
/// said that they have, or that they do not have it (docs/protocol.md, section 6).
class Canceller final : public client::StoreResultListener {
 public:
  struct Context {
    client::Client& client;
    OutgoingMessages& messages;
    MailboxCache& mailboxes;
    SendWindow& window;
    const RetryBackoff& backoff;
  };

  Canceller(const Context& context, CancellerListener& listener) : with_(context), listener_(listener) {}

  /// What was sent to a node has come there after it, or never will: the node accepts it with a cookie only,
  /// and none is good for longer.
  static constexpr milliseconds packet_lifetime = 5min;

  /// A job for every envelope on every node that it was, or in an earlier run may have been, sent to. After
  /// the stores that are under way were abandoned.
  void plan(OutgoingMessage& message);
  /// Starts the jobs that are due, as far as the window has room. True: all are done.
  bool advance(OutgoingMessage& message, Now now);
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) override;
  void abandon(OutgoingMessage& message, Now now);

 private:
  struct Pending {
    crypto::MessageId message{};
    protocol::NodeId node{};
    std::size_t job = 0;
  };
  void settle(OutgoingMessage& message, std::size_t place, const client::StoreResult& result, Now now);

  Context with_;
  CancellerListener& listener_;
  std::unordered_map<client::OperationId, Pending> operations_;
};

}  // namespace toxasync::manager
