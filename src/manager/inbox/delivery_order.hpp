// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <vector>

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

/// Messages that are whole and on our disk, on their way to the application: in the order of each
/// installation that sent them, one at a time, each once. One that is missing is waited for, but not for ever
/// (docs/protocol.md, section 4).
class DeliveryOrder {
 public:
  static constexpr milliseconds longest_gap = 10min;  ///< That a missing message is waited for.
  static constexpr milliseconds gap_check_every = 250ms;
  static constexpr std::size_t messages_held = 10000;   ///< Behind gaps; past that gaps are not waited for.
  static constexpr std::size_t bytes_held = 32U << 20;  ///< Their texts, likewise.
  static constexpr std::size_t orders_per_friend = 8;   ///< Installations of a friend whose order is kept.
  static constexpr milliseconds offer_again = 250ms;    ///< After the application did not take a message.

  struct Context {
    ManagerListener& application;
    Journal& state;
    const Clock& clock;
    Telemetry telemetry;
    FriendBook& friends;
  };

  DeliveryOrder(const Context& context, MailSource& source) : with_(context), source_(source) {}

  /// Takes one stored record of the tables I and Q; false when it is another's.
  bool load(const store::StateEntry& entry);
  /// After all records were loaded and the friends are known.
  void resume() { add(std::exchange(absent_, {})); }
  /// Puts messages that are on our disk in their order, and makes ready for delivery what is next.
  void add(std::vector<InboxMessage> messages);

  void on_added(const FriendKey& who);
  void on_removed(const FriendKey& who, store::StateBatch& batch);
  void tick(Now now);
  /// Offers the application the next message, if it is on disk that the last one was shown. At the end of a
  /// tick, when nothing of ours is half done: it may call anything.
  void deliver_next();

  /// Messages that wait for the application, and the bytes of their texts.
  [[nodiscard]] std::size_t waiting() const noexcept { return ready_.size(); }
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return ready_bytes_; }
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

  Order& order_of(const OrderKey& key);
  void place(InboxMessage message);
  void release(const OrderKey& key);
  static store::StateWrite order_write(const OrderKey& key, std::uint64_t shown);

  Context with_;
  MailSource& source_;
  std::map<OrderKey, Order> orders_;
  std::vector<InboxMessage> absent_;  ///< Of friends that the host has not named.
  std::deque<Ready> ready_;           ///< For the application; still on disk.
  std::size_t ready_bytes_ = 0;
  SteadyTime offer_at_{};  ///< When the first of them may be offered.
  std::size_t held_ = 0;
  std::size_t held_bytes_ = 0;
  bool delivering_ = false;  ///< Until it is on disk that the last message was shown.
  SteadyTime gap_check_ = never;
};

}  // namespace toxasync::manager
