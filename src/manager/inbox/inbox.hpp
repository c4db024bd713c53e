// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "manager/core/receipt_from.hpp"
#include "manager/inbox/delivery_order.hpp"
#include "manager/inbox/receipts.hpp"

namespace toxasync::manager {

/// Takes the receipts and nacks that come in envelopes.
class InboxListener {
 public:
  virtual ~InboxListener() = default;
  /// Adds to `batch`, in which its envelope's id is remembered, what a receipt or nack changes on disk.
  virtual void on_receipt(const ReceiptFrom& receipt, store::StateBatch& batch) = 0;
  /// That batch is durable, or has failed.
  virtual void on_receipt_written(const ReceiptFrom& receipt, bool durable) = 0;
};

/// Opens envelopes, puts messages together from their parts, drops what was seen before, and gives each
/// message once to the DeliveryOrder (docs/protocol.md, section 4).
class Inbox final : public Part, private DeliveryListener {
 public:
  static constexpr std::size_t part_overhead_bytes = 64;  ///< Charged for a part in addition to its text.
  /// Ids of messages that are remembered. What is beyond that stays on its node or with its sender.
  static constexpr FriendBudget::Limits ids_remembered{20000, 1000000, 1000};
  /// A sender seals a message anew for as long as it lives; the last copy lies as long once more, and a
  /// mailbox is used in the epochs beside its own.
  static constexpr seconds ids_kept = 2 * limits::largest_time_to_live + days(1);
  static constexpr seconds parts_kept = days(15);
  /// What an envelope from a node costs our disk, whatever is in it: as many as a text with a one-time key.
  static constexpr std::size_t rows_per_envelope = 4;
  /// What a friend sends directly is shown for so long, whatever their clock says.
  static constexpr milliseconds live_kept = 10min;

  Inbox(const Services& services, FriendBook& friends, KeyRing& keys, Receipts& receipts,
        InboxListener& listener, MailSource& source);

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::inbox, Table::part, Table::seen, Table::order, Table::padding};
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

  /// An envelope, and who may write in the box that it lies in.
  struct Written {
    FriendKey writer{};
    Bytes envelope;
  };
  /// `durable`: they, and what is refused, may be deleted where they came from, but for those in `left`, for
  /// which their friend has no room now. Else the disk failed, and none may.
  using Received = std::function<void(bool durable, std::vector<crypto::EnvelopeId> left)>;
  /// Takes envelopes out of one mailbox: opens them, and writes what is new in one transaction. How many of
  /// them were a friend's, and new; receipts do not count, because they are not remembered.
  std::size_t receive(const crypto::FriendsMailbox& mailbox, const std::vector<Written>& envelopes,
                      Received done);
  /// The same for one that came over the friend channel.
  void receive_live(const crypto::FriendsMailbox& mailbox, const FriendKey& from, ByteView envelope);
  /// Takes envelopes of these sizes out of a cover mailbox: writes as much as receive(), and changes nothing.
  void receive_cover(const std::vector<std::size_t>& sizes, Received done);
  /// Rises when there may be room for what was left.
  [[nodiscard]] std::uint64_t reopened() const noexcept {
    return ids_.reopened() + order_.reopened() + receipts_.reopened() + friends_.reopened() + dates_;
  }

  void on_removed(const FriendKey& who, store::StateBatch& batch);
  /// Another date is believed, or it is certain now.
  void follow_clock() noexcept { dates_ += std::exchange(left_perhaps_over_, false) ? 1 : 0; }
  void tick(Now now) override { order_.tick(now); }
  /// Drops what need not be remembered any longer.
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  void deliver_next() { order_.deliver_next(); }
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return order_.next_deadline(); }

 private:
  using MessageKey = std::pair<FriendKey, crypto::MessageId>;
  /// Parts that belong together: a message that was sealed again with another pre-key starts anew.
  struct Sealing {
    MessageKey message;
    crypto::PreKeyId pre_key{};
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a
    // pointer
    auto operator<=>(const Sealing&) const = default;
  };

  /// A message of which parts are missing.
  struct Assembly {
    InboxMessage message;  ///< Without its text.
    std::uint8_t parts = 0;
    UnixTime since{};
    std::map<std::uint8_t, Bytes> texts;
    std::size_t bytes = 0;
  };

  /// A message id that is remembered.
  struct Seen {
    UnixTime until{};
    bool receipted = false;  ///< Another copy of it is answered with a receipt.
  };

  /// What one call of receive() will change once it is on disk.
  struct Intake {
    store::StateBatch batch;
    std::vector<InboxMessage> messages;
    bool live = false;  ///< It came over the friend channel.
    std::vector<crypto::EnvelopeId> left;
    std::vector<std::pair<MessageKey, Seen>> seen;
    std::vector<std::pair<Sealing, std::uint8_t>> parts;
    std::vector<crypto::PreKeyId> used;
    std::vector<ReceiptDue> receipts_due;
    std::vector<ReceiptFrom> receipts_for_us;
    std::set<FriendKey> renew;   ///< They have keys of ours that we do not have.
    std::set<FriendKey> refill;  ///< They wrote without a one-time key.
    std::size_t taken = 0;       ///< Envelopes that were a friend's, and new.
  };

  struct SeenHash {
    std::size_t operator()(const crypto::MessageId& id) const noexcept;
    ByteArray<16> key;
  };

  static void pad(store::StateBatch& batch, const std::vector<std::size_t>& sizes);
  // False: it is to be left where it came from.
  bool receive_one(const crypto::OwnedMailbox& mailbox, ByteView envelope, Intake& intake);
  bool receive_part(InboxMessage message, const crypto::EnvelopeHeader& header, crypto::EnvelopeBody body,
                    const PreKey& pre_key, Intake& intake);
  [[nodiscard]] bool is_perhaps_over(const InboxMessage& message) const;
  /// Refuses a text whose life is over.
  bool refuse_expired(const InboxMessage& message, const crypto::EnvelopeHeader& header, std::uint8_t parts,
                      const PreKey& pre_key, Intake& intake);
  void complete(InboxMessage message, const crypto::PreKeyId& pre_key_id, const PreKey& pre_key,
                Intake& intake);
  [[nodiscard]] const Seen* find_seen(const MessageKey& key) const;
  /// Whether the friend has room for another message of the kind. Else it is counted.
  bool admits(const FriendKey& from, crypto::MessageKind kind, std::size_t bytes);
  void spend(const crypto::PreKeyId& key, Intake& intake);
  void remember(const InboxMessage& message, bool receipted, Intake& intake);
  // Parts: inbox_parts.cpp.
  static Bytes part_name(const Sealing& sealing, std::uint8_t part);
  static void save_parts(const Sealing& sealing, Assembly& assembly, store::StateBatch& batch);
  bool load_part(const store::StateEntry& entry);
  bool make_room(const Sealing& keep, std::size_t bytes, store::StateBatch& batch);
  /// Their rows.
  void erase_parts(const Sealing& sealing, store::StateBatch& batch) const;
  void drop_assembly(const Sealing& sealing, store::StateBatch& batch);
  /// Of all sealings of a message.
  void drop_assemblies(const MessageKey& message, store::StateBatch& batch);
  [[nodiscard]] std::vector<Sealing> sealings_of(const MessageKey& message) const;
  void undo_part(const Sealing& sealing, std::uint8_t part);
  void apply(Intake& intake, bool durable);
  void spend_copys_key(const crypto::OwnedMailbox& mailbox, const crypto::EnvelopeHeader& header,
                       ByteView envelope, Intake& intake);
  void owe(const ReceiptDue& due, Intake& intake) const;
  /// False: no more nacks are permitted now.
  bool answer_unknown_pre_key(const crypto::EnvelopeHeader& header, Intake& intake);
  /// Takes effects of a whole message other than being shown. False: it is refused (counted).
  bool handle_content(const InboxMessage& message, Intake& intake);
  void drop_of_removed(Intake& intake);
  void forget(const MessageKey& key, store::StateBatch& batch);
  // DeliveryListener
  bool on_expired(const InboxMessage& message, store::StateBatch& batch) override;
  void on_shown(const FriendKey& from, const crypto::MessageId& id) override {
    receipts_.release(from, id, services_.clock.now());
  }

  const Services& services_;
  FriendBook& friends_;
  KeyRing& keys_;
  Receipts& receipts_;
  InboxListener& listener_;
  DeliveryOrder order_;
  using SeenOfFriend = std::unordered_map<crypto::MessageId, Seen, SeenHash>;
  SeenHash seen_hash_;
  std::map<FriendKey, SeenOfFriend> seen_;
  FriendBudget ids_{ids_remembered};     ///< Of seen_ and committing_.
  std::set<MessageKey> committing_;      ///< On their way to the disk.
  std::set<crypto::PreKeyId> spending_;  ///< One-time keys of those.
  std::map<Sealing, Assembly> assemblies_;
  std::map<FriendKey, std::size_t> assembly_bytes_;
  bool left_perhaps_over_ = false;  ///< Something was, since the last date
  std::uint64_t dates_ = 0;         ///< that was believed, of those that were.
  bool resumed_ = false;
};

}  // namespace toxasync::manager
