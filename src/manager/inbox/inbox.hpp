// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "manager/inbox/delivery_order.hpp"
#include "manager/inbox/receipts.hpp"

namespace toxasync::manager {

/// Takes the receipts and nacks that come in envelopes.
class InboxListener {
 public:
  virtual ~InboxListener() = default;
  /// `instance`: the friend's installation that sent it.
  virtual void on_receipt(crypto::MessageKind kind, const FriendKey& from, crypto::Instance instance,
                          const crypto::MessageId& id) = 0;
};

/// Opens envelopes, puts messages together from their parts, drops what was seen before, and gives each
/// message once to the DeliveryOrder (docs/protocol.md, section 4).
class Inbox final : public Part {
 public:
  static constexpr std::size_t part_overhead_bytes = 64;  ///< Charged for a part in addition to its text.
  static constexpr std::size_t ids_remembered = 1000000;  ///< Beyond that new messages are refused.
  static constexpr seconds parts_kept = days(15);
  /// Messages that wait for the application. Beyond that no mail is taken: it stays on its node or with its
  /// sender.
  static constexpr std::size_t messages_waiting = 10000;
  static constexpr std::size_t bytes_waiting = 32U << 20;  ///< Their texts, likewise.

  Inbox(const Services& services, FriendBook& friends, KeyRing& keys, Receipts& receipts,
        InboxListener& listener, MailSource& source);

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::inbox, Table::part, Table::seen, Table::order};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// After all records were loaded and the friends are known: goes on with what was left.
  void resume();
  void on_added(const FriendKey& who) {
    if (resumed_) {
      order_.on_added(who);
    }
  }

  /// Takes envelopes out of one mailbox: opens them, and writes what is new in one transaction. `done` is
  /// called when they (and what is refused) may be deleted where they came from: true; or may not, because
  /// the disk failed or too many messages wait: false.
  void receive(const crypto::OwnedMailbox& mailbox, const std::vector<Bytes>& envelopes,
               const FriendKey* live_from, std::function<void(bool)> done);

  void on_removed(const FriendKey& who, store::StateBatch& batch);
  void tick(Now now) override { order_.tick(now); }
  /// Drops what need not be remembered any longer.
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  void deliver_next() { order_.deliver_next(); }
  /// Whether so many messages wait for the application that receive() takes no mail.
  [[nodiscard]] bool full() const noexcept {
    return order_.waiting() + committing_.size() >= messages_waiting ||
           order_.waiting_bytes() >= bytes_waiting;
  }
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return order_.next_deadline(); }

 private:
  /// A message of which parts are missing.
  struct Assembly {
    InboxMessage message;  ///< Without its text.
    std::uint8_t parts = 0;
    crypto::PreKeyId pre_key{};
    UnixTime since{};
    std::map<std::uint8_t, Bytes> texts;
    std::size_t bytes = 0;
  };

  /// A message id that is remembered.
  struct Seen {
    UnixTime until{};
    bool receipted = false;  ///< Another copy of it is answered with a receipt. Not so for receipts.
  };

  /// What one call of receive() will change once it is on disk.
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

  void receive_one(const crypto::OwnedMailbox& mailbox, ByteView envelope, const FriendKey* live_from,
                   Intake& intake);
  void receive_part(const crypto::EnvelopeHeader& header, crypto::EnvelopeBody body, const PreKey& pre_key,
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
  /// Takes effects of a whole message other than being shown. False: it is refused (counted).
  bool handle_content(const InboxMessage& message, Intake& intake);
  void undo_part(const crypto::MessageId& id, std::uint8_t part);

  const Services& services_;
  FriendBook& friends_;
  KeyRing& keys_;
  Receipts& receipts_;
  InboxListener& listener_;
  DeliveryOrder order_;
  std::unordered_map<crypto::MessageId, Seen, SeenHash> seen_;
  std::set<crypto::MessageId> committing_;  ///< On their way to the disk.
  std::set<crypto::PreKeyId> spending_;     ///< One-time keys of those.
  std::map<crypto::MessageId, Assembly> assemblies_;
  std::map<FriendKey, std::size_t> assembly_bytes_;
  bool resumed_ = false;
};

}  // namespace toxasync::manager
