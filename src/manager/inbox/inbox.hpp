// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "manager/inbox/receipts.hpp"

namespace toxasync::manager {

/// A message of ours, whole and on our disk, that the application has not seen yet.
struct InboxMessage {
  crypto::MessageId id{};
  FriendKey from{};
  std::uint64_t instance = 0;
  std::uint64_t sequence = 0;
  std::uint64_t floor = 0;
  crypto::MessageKind kind = crypto::MessageKind::normal;
  std::int64_t sent_at_ms = 0;
  Bytes text;
};

/// Opens envelopes, puts messages together, drops what was seen, keeps the order, and hands each message on
/// once (docs/protocol.md, section 4).
class Inbox {
 public:
  static constexpr std::int64_t longest_gap_ms = 600000;
  static constexpr std::int64_t gap_check_every_ms = 250;
  static constexpr std::size_t messages_held = 10000;     ///< For gaps; past that gaps are let go.
  static constexpr std::size_t bytes_held = 32U << 20;    ///< Their texts, likewise.
  static constexpr std::size_t part_overhead_bytes = 64;  ///< Counted for a part beside its text.
  static constexpr std::size_t orders_per_friend = 8;     ///< Installations of a friend whose order is kept.
  static constexpr std::size_t ids_remembered = 1000000;  ///< Past that new messages are refused.
  static constexpr std::int64_t parts_kept_s = std::int64_t{15} * 86400;
  /// Wait for the application; past that no mail is taken: it stays on its node, or with its sender.
  static constexpr std::size_t messages_waiting = 10000;
  static constexpr std::size_t bytes_waiting = 32U << 20;  ///< Their texts, likewise.
  static constexpr std::int64_t offer_again_ms = 250;      ///< After the application did not take a message.

  struct Hooks {
    /// A receipt or nack that came in an envelope, and the friend's installation that it is of.
    std::function<void(crypto::MessageKind, const FriendKey&, std::uint64_t, const crypto::MessageId&)>
        on_receipt;
    /// A gap opened: ask the home nodes soon.
    std::function<void()> poll_soon;
    /// Whether every home node has answered or failed once in a poll begun since then (steady ms).
    std::function<bool(std::int64_t)> swept_since;
  };

  Inbox(const Services& services, FriendBook& friends, KeyRing& keys, Receipts& receipts, Hooks hooks);

  bool load(const store::StateEntry& entry);
  /// After all records were loaded and the friends are known: takes up what was left.
  void resume();
  void on_added(const FriendKey& whom);

  /// Takes envelopes out of one mailbox: opens them, and writes what is new in one transaction. `done` is
  /// told when they (and what is refused) may be deleted where they came from: false, they may not, for the
  /// disk failed, or too many messages wait.
  void take(const crypto::OwnedMailbox& mailbox, const std::vector<Bytes>& envelopes,
            const FriendKey* live_from, std::function<void(bool)> done);

  void on_removed(const FriendKey& whom, store::StateBatch& batch);
  void tick(Now now);
  /// Drops what need not be remembered any longer.
  void refresh(std::int64_t now_s, store::StateBatch& batch);
  /// Offers the application the next message, if the last one is on disk as shown. At the end of a tick, when
  /// nothing of ours is half done: it may call anything.
  void deliver_next();
  /// Whether so many messages wait for the application that take() takes no mail.
  [[nodiscard]] bool full() const noexcept {
    return ready_.size() + committing_.size() >= messages_waiting || ready_bytes_ >= bytes_waiting;
  }
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept {
    return ready_.empty() || handing_on_ ? gap_check_ms_ : std::min(gap_check_ms_, offer_at_ms_);
  }

 private:
  using OrderKey = std::pair<FriendKey, std::uint64_t>;

  /// Messages of one installation of a friend, in their order.
  struct Order {
    std::uint64_t shown = 0;  ///< The highest sequence that was handed on; on disk.
    std::uint64_t next = 1;   ///< What may be handed on without waiting: shown + 1, or a floor that was told.
    std::multimap<std::uint64_t, InboxMessage> held;
    std::optional<std::int64_t> gap_since_ms;  ///< Steady; while something is held.
  };

  struct Ready {
    InboxMessage message;
    bool late = false;
  };

  /// A message of which parts are missing.
  struct Assembly {
    InboxMessage message;  ///< Without its text.
    std::uint8_t parts = 0;
    crypto::PreKeyId pre_key{};
    std::int64_t since_s = 0;
    std::map<std::uint8_t, Bytes> texts;
    std::size_t bytes = 0;
  };

  /// A message id that is remembered.
  struct Seen {
    std::int64_t until_s = 0;  ///< Unix.
    bool receipted = false;    ///< A copy of it is answered by a receipt: those of receipts are not.
  };

  /// What one call of take() will change once it is on disk.
  struct Intake {
    store::StateBatch batch;
    std::vector<InboxMessage> messages;
    std::vector<std::pair<crypto::MessageId, Seen>> seen;
    std::vector<std::pair<crypto::MessageId, std::uint8_t>> parts;
    std::vector<crypto::PreKeyId> used;
    std::vector<ReceiptDue> receipts_due;
    std::vector<ReceiptDue> receipts_for_us;  ///< `to` is who sent them.
    std::set<FriendKey> renew;                ///< They have keys of ours that we do not have.
    std::set<FriendKey> refill;               ///< They wrote without a one-time key.
  };

  struct SeenHash {
    std::size_t operator()(const crypto::MessageId& id) const noexcept;
    ByteArray<16> key;
  };

  void take_one(const crypto::OwnedMailbox& mailbox, ByteView envelope, const FriendKey* live_from,
                Intake& intake);
  void take_part(const crypto::EnvelopeHeader& header, crypto::EnvelopeBody body, const PreKey& pre_key,
                 Intake& intake);
  void complete(InboxMessage message, const crypto::PreKeyId& pre_key_id, const PreKey& pre_key,
                Intake& intake);
  bool make_room(const FriendKey& from, const crypto::MessageId& keep, std::size_t bytes,
                 store::StateBatch& batch);
  void drop_assembly(const crypto::MessageId& id, store::StateBatch& batch);
  void apply(Intake& intake, bool durable);
  void spend_copys_key(const crypto::OwnedMailbox& mailbox, const crypto::EnvelopeHeader& header,
                       ByteView envelope, Intake& intake);
  void owe(const ReceiptDue& due, Intake& intake) const;
  void answer_unknown_pre_key(const crypto::EnvelopeHeader& header, Intake& intake);
  /// What a whole message does beside being shown. False: it is refused (counted).
  bool take_content(const InboxMessage& message, Intake& intake);
  Order& order_of(const OrderKey& key);
  void take_back(const crypto::MessageId& id, std::uint8_t part);
  void place_all(std::vector<InboxMessage> messages);
  void place(InboxMessage message);
  void release(const OrderKey& key);
  [[nodiscard]] store::StateWrite order_write(const OrderKey& key, std::uint64_t shown) const;

  const Services& services_;
  FriendBook& friends_;
  KeyRing& keys_;
  Receipts& receipts_;
  Hooks hooks_;
  std::unordered_map<crypto::MessageId, Seen, SeenHash> seen_;
  std::set<crypto::MessageId> committing_;  ///< On their way to the disk.
  std::set<crypto::PreKeyId> spending_;     ///< One-time keys of those.
  std::map<crypto::MessageId, Assembly> assemblies_;
  std::map<FriendKey, std::size_t> assembly_bytes_;
  std::map<OrderKey, Order> orders_;
  std::vector<InboxMessage> absent_;  ///< Of friends whom the host has not named.
  std::deque<Ready> ready_;           ///< For the application; still on disk.
  std::size_t ready_bytes_ = 0;
  std::int64_t offer_at_ms_ = 0;  ///< When the first of them may be offered.
  std::size_t held_ = 0;
  std::size_t held_bytes_ = 0;
  bool resumed_ = false;
  bool handing_on_ = false;
  std::int64_t gap_check_ms_ = INT64_MAX;
};

}  // namespace toxasync::manager
