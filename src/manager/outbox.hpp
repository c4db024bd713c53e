// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "manager/deadline_queue.hpp"
#include "manager/friend_book.hpp"
#include "protocol/page.hpp"

namespace toxasync::manager {

/// One message of ours on its way, and the copies of it on the recipient's home nodes.
struct OutgoingMessage {
  struct Copy {
    Copy(const protocol::NodeId& where, bool whole) : node(where), complete(whole) {}

    protocol::NodeId node;
    bool complete;  ///< The node has (or had) every part.
    std::bitset<limits::parts> done;
    std::size_t in_flight = 0;
    std::int64_t retry_at_ms = 0;
    std::int64_t backoff_ms = 0;
  };

  // On disk:
  crypto::MessageId id{};
  FriendKey to{};
  crypto::MessageKind kind = crypto::MessageKind::normal;
  Bytes text;
  std::uint64_t sequence = 0;
  std::int64_t sent_at_ms = 0;
  std::uint32_t ttl_s = 0;
  crypto::Point pre_key{};
  crypto::Point root{};     ///< Of the mailbox that `envelopes` are sealed for,
  crypto::Epoch epoch = 0;  ///< and its epoch.
  crypto::CancelSecret cancel_secret{};
  std::vector<protocol::PagedEnvelope> envelopes;
  // In memory:
  std::vector<Copy> copies;
  std::set<client::OperationId> operations;
  std::size_t writes_under_way = 0;  ///< Nothing leaves before it is on disk.
  bool reported = false;             ///< queued was.
  bool unsaved = false;              ///< It was sealed again, and that was not written.
  bool offered_live = false;
  std::int64_t live_until_ms = 0;  ///< A receipt is waited for until then, before nodes are asked.

  [[nodiscard]] std::int64_t expires_at_ms() const noexcept {
    return sent_at_ms + static_cast<std::int64_t>(ttl_s) * 1000;
  }
};

/// Messages from their acceptance to their receipt or expiry (docs/protocol.md, sections 4 and 6).
class Outbox {
 public:
  /// Envelopes on their way to nodes, for one friend; further messages wait their turn. Keeps a recipient
  /// from having to hold many incomplete messages.
  static constexpr std::size_t parts_in_flight = 96;
  /// How long the receipt of a message sent live is waited for: toxcore notices a dead friend after 32 s.
  static constexpr std::int64_t live_receipt_ms = 15000;
  /// Each message is looked at so often at least: expiry goes by the wall clock, which may be set.
  static constexpr std::int64_t look_again_ms = 3600000;

  Outbox(const Services& services, FriendBook& friends, KeyRing& keys);

  bool load(const store::StateEntry& entry);
  /// After all records were loaded and the friends are known: takes up what was left.
  void resume(Now now);

  Result<crypto::MessageId, SendError> send(const FriendKey& to, crypto::MessageKind kind, ByteView text,
                                            Now now);
  void on_presence(const FriendKey& whom, Now now);
  void on_bundle(const FriendKey& whom, Now now) { advance_all(whom, now); }
  void on_removed(const FriendKey& whom, store::StateBatch& batch);
  void on_receipt(const FriendKey& from, const crypto::MessageId& id);
  /// False when the operation is not the outbox's.
  bool on_stored(client::OperationId operation, const client::StoreResult& result, Now now);

  void tick(Now now);
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept {
    return roomy_.empty() ? deadlines_.next_ms() : 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }

 private:
  using Message = OutgoingMessage;
  struct PendingStore {
    crypto::MessageId message{};
    protocol::NodeId node{};
    std::size_t part = 0;
  };
  struct Recipient {
    std::set<std::pair<std::uint64_t, crypto::MessageId>> by_sequence;
    std::set<std::pair<std::uint64_t, crypto::MessageId>> waiting;  ///< For room in parts_in_flight.
    std::size_t in_flight = 0;
    std::optional<crypto::WritableMailbox> mailbox;  ///< The last used one,
    crypto::Point root{};                            ///< of this root.
  };

  [[nodiscard]] Message* find(const crypto::MessageId& id) noexcept;
  void load_progress(const store::StateEntry& entry);
  void insert(Message message);
  const crypto::WritableMailbox* mailbox(Recipient& recipient, const crypto::Point& root,
                                         crypto::Epoch epoch);
  bool seal(Message& message, const Friend& whom, crypto::Epoch epoch);
  void write(Message& message, store::StateBatch batch);
  void written(const crypto::MessageId& id, bool durable);
  void advance(Message& message, Now now);
  void advance_all(const FriendKey& whom, Now now);
  void offer_live(Message& message, Friend& whom, Now now);
  bool ready_to_store(Message& message, const Friend& whom, Now now);
  void store_copies(Message& message, const Friend& whom, Now now);
  [[nodiscard]] static bool has_room(const Recipient& recipient, const Message& message) noexcept;
  void start_copy(Message& message, Message::Copy& copy, Now now);
  void finish_copy(Message& message, Message::Copy& copy, Now now, std::uint16_t retry_after_s);
  void release_waiting(Recipient& recipient, Now now);
  void report(const Message& message, MessageState state) const;
  void remove(Message& message, store::StateBatch& batch);
  void finish(Message& message, MessageState state);
  void schedule(const Message& message, Now now);

  const Services& services_;
  FriendBook& friends_;
  KeyRing& keys_;
  std::map<crypto::MessageId, Message> messages_;
  std::map<FriendKey, Recipient> recipients_;
  std::unordered_map<client::OperationId, PendingStore> operations_;
  std::map<crypto::MessageId, std::vector<protocol::NodeId>> loaded_progress_;
  DeadlineQueue<crypto::MessageId> deadlines_;
  std::set<FriendKey> roomy_;  ///< Recipients of whose messages one ended: others may have waited for it.
  bool resumed_ = false;
};

}  // namespace toxasync::manager
