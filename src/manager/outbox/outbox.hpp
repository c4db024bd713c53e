// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "manager/core/receipt_from.hpp"
#include "manager/outbox/canceller.hpp"
#include "manager/outbox/live_sender.hpp"
#include "manager/outbox/message_reporter.hpp"
#include "manager/outbox/message_sealer.hpp"
#include "manager/outbox/replicator.hpp"

namespace toxasync::manager {

/// Takes what others than the application need to know of our messages.
class OutboxListener {
 public:
  virtual ~OutboxListener() = default;
  /// The friend's installation has our bundle of that version.
  virtual void on_bundle_confirmed(const FriendKey& from, std::uint64_t version,
                                   crypto::Instance instance) = 0;
  /// A node had confirmed a message and does not have it any longer.
  virtual void on_message_lost(const protocol::NodeId& node) = 0;
};

/// Messages from their acceptance to their receipt, expiry or cancelling, and the service messages of our own
/// (receipts, nacks, bundles), for every installation of the recipient (docs/protocol.md, sections 4 to 7).
/// Decides what comes next for a message; its parts do it: OutgoingMessages, MessageSealer, LiveSender,
/// Replicator, Canceller, MessageReporter.
class Outbox final : public Part, private ReplicatorListener, private CancellerListener {
 public:
  /// Nacks for one message that are answered by sealing it again.
  static constexpr std::uint8_t nacks_answered = 4;
  /// For receipts, nacks and bundles.
  static constexpr seconds service_ttl = limits::largest_time_to_live;

  Outbox(const Services& services, FriendBook& friends, OutboxListener& listener);

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::outbox, Table::target, Table::progress, Table::sealed_before};
    return tables;
  }
  bool load(const store::StateEntry& entry) override { return messages_.load(entry); }
  /// After all records were loaded.
  void join_loaded();
  /// When the friends are known: goes on with what was left.
  void resume(Now now);

  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            seconds ttl, Now now);
  /// Queues a receipt, nack or bundle; `batch` is written with it. `only`: for one installation, if it is
  /// known. False: it cannot be sealed, or too many wait; nothing was done.
  bool send_service(const FriendKey& to, crypto::MessageKind kind, Bytes text, crypto::Instance only,
                    std::uint64_t bundle_version, store::StateBatch batch, Now now);
  Result<bool, CancelError> cancel(const crypto::MessageId& id, Now now);
  /// Another date is believed, or it is certain now.
  void follow_clock(Now now);
  [[nodiscard]] std::optional<MessageStatus> status(const crypto::MessageId& id) const;
  [[nodiscard]] std::vector<MessageStatus> all() const;

  void on_presence(const FriendKey& who, Now now);
  void on_bundle(const FriendKey& from, Now now) { advance_all(from, now); }
  /// Bundles on their way to an installation are not needed any longer.
  void drop_bundles(const FriendKey& to, crypto::Instance instance);
  void on_removed(const FriendKey& who, store::StateBatch& batch);
  /// A receipt or nack has come; `from.instance` is the installation that sent it. Adds to `batch` what it
  /// changes on disk. Nothing else happens before settle(), which must follow.
  void prepare(const ReceiptFrom& from, store::StateBatch& batch);
  /// That batch is durable, and the receipt takes effect; or it failed, and nothing does.
  void settle(const ReceiptFrom& from, bool durable);
  /// The node has answered something.
  void on_node_answer(const protocol::NodeId& node, Now now);

  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override {
    return window_.has_noted() ? SteadyTime{} : std::min(deadlines_.next(), gate_.next_deadline());
  }
  /// Texts.
  [[nodiscard]] std::size_t size() const noexcept { return messages_.texts(); }

 private:
  using Message = OutgoingMessage;
  using Target = OutgoingMessage::Target;

  // ReplicatorListener, CancellerListener
  void on_copy_complete(Message& message) override { reporter_.report_stored(message); }
  void on_copy_lost(const protocol::NodeId& node) override { listener_.on_message_lost(node); }
  void on_copy_settled(Message& message, Now now) override { advance(message, now); }
  void on_cancel_outcome(Message& message, Now now) override { advance(message, now); }
  void on_cancel_too_late(Message& message, Now now) override;
  void on_room(const FriendKey& to, const protocol::NodeId& node, Now now) override;
  void on_box(const BoxGate::Box& box, Now now) override;

  void redate(Message& message, Now now) const;
  [[nodiscard]] bool is_over(const Message& message, Now now) const;
  [[nodiscard]] crypto::Epoch epoch_for(const Installation& to) const;
  [[nodiscard]] std::optional<SendError> refusal(const FriendKey& to, ByteView text, seconds ttl, Now now);
  /// A message with an id and a cancel secret of its own.
  [[nodiscard]] Message make(const FriendKey& to, crypto::MessageKind kind, Bytes text, seconds ttl,
                             Now now) const;
  /// Null: the message is no bundle, or the installation that it is for is gone.
  [[nodiscard]] Installation* bundle_recipient(const Message& message);
  void write(Message& message, store::StateBatch batch);
  void write_all(Message& message);
  /// The row of the message, unless what is being written may be its end.
  void save_later(Message& message);
  /// The message that the receipt or nack is for. Null: there is none, or it has nothing to do with it.
  [[nodiscard]] Message* find(const ReceiptFrom& from);
  void settle_nack(const ReceiptFrom& from, bool durable);
  void confirm(Message& message, crypto::Instance instance);
  void answer_nack(Message& message, Target& target, Friend& recipient, Now now);
  void on_written(const crypto::MessageId& id, bool durable);
  void advance(Message& message, Now now);
  void advance(const crypto::MessageId& id, Now now);
  void advance_all(const FriendKey& to, Now now);
  bool advance_targets(Message& message, Friend& recipient, Now now);
  void advance_target(Message& message, Target& target, Friend& recipient, const Installation& to, Now now);
  void replicate(Message& message, Target& target, const Friend& recipient, const Installation& to, Now now);
  /// At its next step, or earlier if it is waiting for something already.
  void schedule(const Message& message, Now now) {
    deadlines_.set_earlier(message.id, message.next_step(now));
  }
  void abandon(Message& message);
  void remove(Message& message, store::StateBatch& batch);
  void finish(Message& message, MessageState state);

  const Services& services_;
  FriendBook& friends_;
  OutboxListener& listener_;
  RetryBackoff backoff_;
  OutgoingMessages messages_;
  MailboxCache mailboxes_;
  SendWindow window_;
  BoxGate gate_{backoff_};
  MessageReporter reporter_;
  MessageSealer sealer_;
  LiveSender live_;
  Replicator replicator_;
  Canceller canceller_;
  DeadlineQueue<crypto::MessageId> deadlines_;
  std::optional<SteadyTime> resumed_at_;
};

}  // namespace toxasync::manager
