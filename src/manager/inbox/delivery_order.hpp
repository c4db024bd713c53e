// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "manager/core/friend_budget.hpp"
#include "manager/inbox/inbox_message.hpp"
#include "manager/keys/friend_book.hpp"

namespace toxasync::manager {

/// Where mail comes from, as far as the order of messages depends on it.
class MailSource {
 public:
  virtual ~MailSource() = default;
  /// A message is missing before others: ask the home nodes soon.
  virtual void poll_soon() = 0;
  /// Whether every home node has answered or failed once in a poll begun since then.
  [[nodiscard]] virtual bool swept_since(SteadyTime since) const = 0;
};

/// Takes what became of messages.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;
  /// The message came to its end before it was shown. `batch` takes it off the disk. False: its sender was
  /// told that it has arrived, so it must be shown.
  virtual bool on_expired(const InboxMessage& message, store::StateBatch& batch) = 0;
  /// The message was shown, and that is on disk.
  virtual void on_shown(const FriendKey& from, const crypto::MessageId& id) = 0;
};

/// Messages that are whole and on our disk, on their way to the application: in the order of each
/// installation that sent them, one at a time, each once. One that is missing is waited for, but not for ever
/// (docs/protocol.md, section 4).
class DeliveryOrder {
 public:
  static constexpr milliseconds longest_gap = 10min;  ///< That a missing message is waited for.
  static constexpr milliseconds gap_check_every = 250ms;
  /// Messages that are held or wait for the application, and the bytes of their texts. What is beyond that
  /// stays on its node or with its sender.
  static constexpr FriendBudget::Limits messages_waiting{2500, 10000, 50};
  static constexpr FriendBudget::Limits bytes_waiting{8U << 20, 32U << 20, limits::message_text};
  /// Of one friend, behind gaps; past that their gaps are not waited for.
  static constexpr std::size_t messages_held = messages_waiting.each / 2;
  static constexpr std::size_t bytes_held = bytes_waiting.each / 2;  ///< Their texts, likewise.
  static constexpr std::size_t orders_per_friend = 8;  ///< Installations of a friend whose order is kept.
  static constexpr milliseconds offer_again = 250ms;   ///< After the application did not take a message.

  struct Context {
    ManagerListener& application;
    Journal& state;
    const TrustedClock& clock;
    Telemetry telemetry;
    FriendBook& friends;
  };

  DeliveryOrder(const Context& context, MailSource& source, DeliveryListener& listener)
      : with_(context), source_(source), listener_(listener) {}

  /// Takes one stored record of the tables I and Q; false when it is another's.
  bool load(const store::StateEntry& entry);
  /// Whether another message of theirs, with so much text, may wait here.
  [[nodiscard]] bool has_room(const FriendKey& from, std::size_t bytes) const noexcept {
    return messages_.has_room(from) && bytes_.has_room(from, bytes);
  }
  void reserve(const InboxMessage& message);
  /// It is not kept, or it was shown.
  void release(const InboxMessage& message);
  /// A message of theirs was refused for lack of room.
  void refused(const FriendKey& from, std::size_t bytes);
  [[nodiscard]] std::uint64_t reopened() const noexcept { return messages_.reopened() + bytes_.reopened(); }
  /// After all records were loaded and the friends are known.
  void resume() { add(std::exchange(absent_, {})); }
  [[nodiscard]] const std::vector<InboxMessage>& loaded() const noexcept { return absent_; }
  /// Puts messages that are on our disk, and have a place reserved, in their order, and makes ready for
  /// delivery what is next.
  void add(std::vector<InboxMessage> messages);

  void on_added(const FriendKey& who);
  /// The messages of theirs that were dropped before they were shown.
  std::vector<crypto::MessageId> on_removed(const FriendKey& who, store::StateBatch& batch);
  void tick(Now now);
  /// Offers the application the next message, if it is on disk that the last one was shown. At the end of a
  /// tick, when nothing of ours is half done: it may call anything.
  void deliver_next();

  [[nodiscard]] SteadyTime next_deadline() const noexcept {
    return ready_.empty() || delivering_ ? gap_check_ : std::min(gap_check_, offer_at_);
  }

 private:
  using OrderKey = std::pair<FriendKey, crypto::Instance>;

  /// Messages of one installation of a friend, in their order.
  struct Order {
    std::uint64_t shown = 0;  ///< The highest sequence that was delivered; on disk.
    std::uint64_t next = 1;   ///< May be delivered without waiting: shown + 1, or the floor of a message.
    std::multimap<std::uint64_t, InboxMessage> held;
    std::optional<SteadyTime> gap_since;  ///< While something is held.
  };

  struct Ready {
    InboxMessage message;
    bool late = false;
  };

  /// Behind the gaps of one friend.
  struct Held {
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };

  Order& order_of(const OrderKey& key);
  void make_room_for_order(const FriendKey& who);
  void place(InboxMessage message);
  void release(const OrderKey& key);
  /// Whether the first of those that are ready was dropped, because it came to its end.
  bool bring_certain_to_front();
  bool drop_expired();
  void write_shown(const Ready& shown, store::StateBatch batch);
  static store::StateWrite order_write(const OrderKey& key, std::uint64_t shown);

  Context with_;
  MailSource& source_;
  DeliveryListener& listener_;
  std::map<OrderKey, Order> orders_;
  std::vector<InboxMessage> absent_;  ///< Of friends that the host has not named.
  std::deque<Ready> ready_;           ///< For the application; still on disk.
  SteadyTime offer_at_{};             ///< When the first of them may be offered.
  std::map<FriendKey, Held> held_;
  FriendBudget messages_{messages_waiting};
  FriendBudget bytes_{bytes_waiting};
  bool delivering_ = false;  ///< Until it is on disk that the last message was shown.
  SteadyTime gap_check_ = never;
};

}  // namespace toxasync::manager
