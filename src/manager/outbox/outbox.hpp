// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// Messages from their acceptance to their receipt, expiry or cancelling, and the service messages of our own
/// (receipts, nacks, bundles), for every installation of the recipient (docs/protocol.md, sections 4 to 7).
///
/// outbox.cpp: their life. outbox_report.cpp: what is said of it. outbox_seal.cpp: sealing for installations,
/// epochs and roots. outbox_store.cpp: the copies on nodes. outbox_cancel.cpp: cancelling.
class Outbox final : private client::StoreResultListener {
 public:
  /// Envelopes on their way to nodes, for one friend; further messages wait their turn. Keeps a recipient
  /// from having to hold many incomplete messages.
  static constexpr std::size_t parts_in_flight = 96;
  /// Envelopes sealed in one tick (a quarter of a millisecond each); the others wait for the next ones.
  static constexpr std::size_t seals_per_tick = 32;
  /// How long the receipt of a message sent live is waited for: toxcore notices a dead friend after 32 s.
  static constexpr std::int64_t live_receipt_ms = 15000;
  /// Each message is looked at so often at least, and when the wall clock was set by more than the second.
  static constexpr std::int64_t look_again_ms = 3600000;
  static constexpr std::int64_t clock_was_set_ms = 60000;
  /// A copy that a node drops before the message expires is stored anew so long before that, and by up to
  /// half of it sooner; but not within that time after it was stored.
  static constexpr std::int64_t renew_before_s = 7200;
  static constexpr std::int64_t hurry_ms = 2000;
  /// Nacks for one message that are answered by sealing it again.
  static constexpr std::uint8_t nacks_answered = 4;
  /// Service messages that wait at most; past that they are not made.
  static constexpr std::size_t service_messages = 4096;
  /// For receipts, nacks and bundles.
  static constexpr std::uint32_t service_ttl_s = limits::largest_time_to_live_s;

  struct Hooks {
    /// A friend's installation (the last argument) has our bundle of that version.
    std::function<void(const FriendKey&, std::uint64_t, std::uint64_t)> on_bundle_taken;
    /// A node had confirmed a message and does not have it any longer.
    std::function<void(const protocol::NodeId&)> on_lost;
  };

  Outbox(const Services& services, FriendBook& friends, Hooks hooks);

  bool load(const store::StateEntry& entry);
  /// After all records were loaded.
  void join_loaded();
  /// When the friends are known: takes up what was left.
  void resume(Now now);

  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            std::uint32_t ttl_s, Now now);
  /// Queues a receipt, nack or bundle; `batch` is written with it. `only`: for one installation, if it is
  /// known. False: it cannot be sealed, or too many wait; nothing was done.
  bool send_service(const FriendKey& to, crypto::MessageKind kind, Bytes text, std::uint64_t only,
                    std::uint64_t bundle_version, store::StateBatch batch, Now now);
  Result<bool, CancelError> cancel(const crypto::MessageId& id, Now now);
  [[nodiscard]] std::optional<MessageStatus> status(const crypto::MessageId& id) const;
  [[nodiscard]] std::vector<MessageStatus> all() const;

  void on_presence(const FriendKey& whom, Now now);
  void on_bundle(const FriendKey& whom, Now now) { advance_all(whom, now); }
  /// Bundles on their way to an installation are not needed any longer.
  void drop_bundles(const FriendKey& whom, std::uint64_t instance);
  void on_removed(const FriendKey& whom, store::StateBatch& batch);
  /// `instance` is the installation that has the message.
  void on_receipt(const FriendKey& from, std::uint64_t instance, const crypto::MessageId& id);
  void on_nack(const FriendKey& from, std::uint64_t instance, const crypto::MessageId& id);
  /// The node has answered something: what it left unanswered is tried again within `hurry_ms`.
  void on_node_answer(const protocol::NodeId& node, Now now);

  void tick(Now now);
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept {
    return roomy_.empty() ? deadlines_.next_ms() : 0;
  }
  /// Texts.
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size() - service_count_; }

 private:
  using Message = OutgoingMessage;
  using Target = OutgoingMessage::Target;
  using Copy = OutgoingMessage::Copy;
  struct PendingStore {
    crypto::MessageId message{};
    std::uint64_t instance = 0;
    protocol::NodeId node{};
    std::size_t part = 0;  ///< Of a cancel: the place of its job.
    bool cancel = false;
  };
  using Place = std::pair<std::uint64_t, crypto::MessageId>;  ///< Sequence and id.
  struct Recipient {
    std::set<Place> by_sequence;
    std::set<Place> waiting;  ///< For room in parts_in_flight.
    /// By installation: texts that it has not confirmed.
    std::map<std::uint64_t, std::set<Place>> unconfirmed;
    std::size_t in_flight = 0;
    std::map<crypto::Point, crypto::WritableMailbox> mailboxes;  ///< The last used one of each root.
  };
  enum class Sync : std::uint8_t { current, writing, later };

  // Life.
  [[nodiscard]] Message* find(const crypto::MessageId& id) noexcept;
  Message& insert(Message message);
  void load_target(const store::StateEntry& entry);
  void load_progress(const store::StateEntry& entry);
  void write(Message& message, store::StateBatch batch);
  void write_all(Message& message);
  void written(const crypto::MessageId& id, bool durable);
  void advance(Message& message, Now now);
  void advance_all(const FriendKey& whom, Now now);
  void advance_target(Message& message, Target& target, Friend& whom, Now now);
  void offer_live(Message& message, Target& target, Friend& whom, Now now);
  [[nodiscard]] static bool is_done(const Message& message) noexcept;
  [[nodiscard]] MessageStatus status_of(const Message& message, MessageState state) const;
  void report(const Message& message, MessageState state, FailReason reason = FailReason::none) const;
  void abandon_operations(Message& message);
  void forget_unanswered(const Message& message);
  void remove(Message& message, store::StateBatch& batch);
  void finish(Message& message, MessageState state, FailReason reason = FailReason::none);
  void schedule(const Message& message, Now now);

  // Sealing.
  const crypto::WritableMailbox* mailbox(Recipient& recipient, const crypto::Point& root,
                                         crypto::Epoch epoch);
  bool seal(Message& message, Target& target, const Friend& whom, const Installation& to,
            crypto::Epoch epoch);
  bool add_target(Message& message, Friend& whom, Installation& to, Now now, store::StateBatch& batch);
  void drop_target(Message& message, std::uint64_t instance, store::StateBatch& batch);
  /// Makes the message's targets those of the friend's installations.
  Sync sync_targets(Message& message, Friend& whom, Now now);
  void set_unconfirmed(const Message& message, std::uint64_t instance, bool unconfirmed);
  [[nodiscard]] std::uint64_t floor_for(const Message& message, std::uint64_t instance);
  static store::StateWrite target_write(const Message& message, const Target& target);
  static store::StateWrite message_write(const Message& message);

  // Copies.
  bool ready_to_store(Message& message, Target& target, const Friend& whom, Now now);
  void store_copies(Message& message, Target& target, const Installation& to, Now now);
  [[nodiscard]] static bool has_room(const Recipient& recipient, const Target& target) noexcept;
  void start_copy(Message& message, Target& target, Copy& copy, Now now);
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) noexcept override;
  void take_outcome(Message& message, const PendingStore& pending, const client::StoreResult& result,
                    Now now);
  void finish_copy(Message& message, Target& target, Copy& copy, Now now, std::uint16_t retry_after_s);
  void plan_renewal(const Message& message, Copy& copy, Now now) const;
  /// Copies that their nodes drop soon count as not stored.
  void let_lapse(Target& target, Now now) const;
  void back_off(std::int64_t& backoff_ms, std::int64_t& at_ms, Now now, std::uint16_t retry_after_s) const;
  void release_waiting(Recipient& recipient, Now now);
  static store::StateWrite progress_write(const Message& message, const Target& target);

  // Cancelling.
  void plan_cancel(Message& message);
  void advance_cancel(Message& message, Now now);
  void take_cancel_outcome(Message& message, const PendingStore& pending, const client::StoreResult& result,
                           Now now);

  const Services& services_;
  FriendBook& friends_;
  Hooks hooks_;
  std::map<crypto::MessageId, Message> messages_;
  std::map<FriendKey, Recipient> recipients_;
  std::unordered_map<client::OperationId, PendingStore> operations_;
  std::map<crypto::MessageId, std::vector<Target>> loaded_targets_;  ///< Until join_loaded().
  DeadlineQueue<crypto::MessageId> deadlines_;
  /// Messages with a copy that the node left unanswered.
  std::map<protocol::NodeId, std::set<crypto::MessageId>> unanswered_;
  std::int64_t wall_clock_ahead_ms_ = 0;  ///< Of the steady one, when all messages were looked at.
  std::set<FriendKey> roomy_;  ///< Recipients of whose messages one ended: others may have waited for it.
  std::size_t service_count_ = 0;
  std::size_t seals_left_ = seals_per_tick;
  bool resumed_ = false;
};

}  // namespace toxasync::manager
