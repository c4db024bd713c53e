// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "manager/core/deadline_queue.hpp"
#include "manager/keys/friend_book.hpp"

namespace toxasync::manager {

/// A receipt or a nack that a friend is owed.
struct ReceiptDue {
  FriendKey to{};
  crypto::Instance instance{};  ///< The friend's installation that sent the message.
  crypto::MessageId id{};
  crypto::MessageKind kind = crypto::MessageKind::receipt;  ///< Or nack.
  bool until_shown = false;  ///< It leaves when the message was shown: until then that can expire.
};

/// Sends receipts and nacks as messages, to friends who are offline.
class ReceiptMailer {
 public:
  virtual ~ReceiptMailer() = default;
  /// A message of the kind with these ids, to an installation; the batch is written with it. False: it cannot
  /// be sent, and nothing was done.
  virtual bool mail_receipts(const FriendKey& to, crypto::Instance instance, crypto::MessageKind kind,
                             Bytes ids, store::StateBatch batch) = 0;
};

/// Receipts and nacks on their way: to friends who are online at once, else batched into a message after a
/// random time (docs/protocol.md, section 4). On disk from the transaction that took the message until the
/// friend has very likely received them.
class Receipts final : public Part {
 public:
  static constexpr std::size_t due_per_friend =
      4096;  ///< More are not kept: the sender offers the message again.
  /// Ids in one message: what a large envelope holds.
  static constexpr std::size_t ids_per_message = limits::large_text / limits::id;
  /// A live receipt counts as delivered when the friend is still online so long after it: toxcore notices a
  /// dead friend after 32 s.
  static constexpr milliseconds delivered_after = 40s;
  static constexpr milliseconds try_again = 1s;
  static constexpr milliseconds mail_again = 1h;
  static constexpr seconds kept = days(15);
  /// A friend can provoke any number.
  static constexpr std::size_t nacks_per_hour = 32;
  static constexpr std::int64_t nack_delay_divisor = 10;  ///< Nacks wait a tenth of the receipts' time.

  Receipts(const Services& services, FriendBook& friends, ReceiptMailer& mailer)
      : services_(services), friends_(friends), mailer_(mailer) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::receipt_due};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  void resume(Now now);

  [[nodiscard]] bool is_due(const FriendKey& to, const crypto::MessageId& id) const;
  /// Whether nothing else needs to be said: a nack is no answer to a copy that opens after all.
  [[nodiscard]] bool covers(const ReceiptDue& due) const;
  /// Whether another nack to the friend is within the limit; counts it.
  bool nack_permitted(const FriendKey& to);
  /// Rises when nacks are permitted again to somebody who was refused one.
  [[nodiscard]] std::uint64_t reopened() const noexcept { return reopened_; }
  /// The write that belongs into the transaction of the message; add() follows when it is durable.
  [[nodiscard]] store::StateWrite row(const ReceiptDue& due) const;
  void add(const ReceiptDue& due, Now now);
  /// After the start: the message of a receipt that may be due was not shown yet.
  void hold(const FriendKey& to, const crypto::MessageId& id);
  /// The message was shown, and its receipt may leave.
  void release(const FriendKey& to, const crypto::MessageId& id, Now now);
  /// The message will not be shown, and there is no receipt. False: it has left already.
  bool withdraw(const FriendKey& to, const crypto::MessageId& id, store::StateBatch& batch);
  /// add() with a transaction of its own.
  void owe(const ReceiptDue& due, Now now);

  void on_presence(const FriendKey& who, Now now);
  void on_removed(const FriendKey& who, store::StateBatch& batch);
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return deadlines_.next(); }

 private:
  struct Item {
    crypto::Instance instance{};
    crypto::MessageKind kind = crypto::MessageKind::receipt;
    UnixTime since{};
    std::optional<SteadyTime> sent;  ///< Live, in this connection.
    bool held = false;               ///< Its message was not shown yet.
  };
  struct Box {
    std::map<crypto::MessageId, Item> items;
    std::size_t nacks = 0;
    SteadyTime nacks_since{};
    bool nack_refused = false;  ///< Since then.
  };

  void schedule(const Friend& to, crypto::MessageKind kind, Now now);
  void send_live(Friend& to, Box& box, Now now);
  void drop_delivered(const FriendKey& to, Box& box, Now now);
  void mail(const FriendKey& to, Box& box, Now now);
  [[nodiscard]] milliseconds delay_for(crypto::MessageKind kind) const;

  const Services& services_;
  FriendBook& friends_;
  ReceiptMailer& mailer_;
  std::map<FriendKey, Box> boxes_;
  DeadlineQueue<FriendKey> deadlines_;
  std::uint64_t reopened_ = 0;
};

}  // namespace toxasync::manager
