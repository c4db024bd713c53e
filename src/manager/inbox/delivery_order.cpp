// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/delivery_order.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace toxasync::manager {

bool DeliveryOrder::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  switch (static_cast<Table>(entry.key[0])) {
    case Table::inbox:
      if (auto message = read_inbox_message(entry)) {
        reserve(*message);
        absent_.push_back(std::move(*message));
      } else {
        with_.telemetry.refuse(Counter::state_record_damaged);
      }
      return true;
    case Table::order: {
      NumberRecord record;
      if (name.size() != sizeof(FriendKey) + sizeof(crypto::Instance)) {
        return true;
      }
      if (wire::decode(entry.value, record) != wire::Error::none) {
        with_.telemetry.refuse(Counter::state_record_damaged);
        return true;
      }
      const OrderKey key{id_from<FriendKey>(name), instance_from(name.subspan(sizeof(FriendKey)))};
      orders_[key].shown = record.value;
      return true;
    }
    default:
      return false;
  }
}

void DeliveryOrder::reserve(const InboxMessage& message) {
  messages_.add(message.from);
  bytes_.add(message.from, message.text.size());
}

void DeliveryOrder::release(const InboxMessage& message) {
  messages_.remove(message.from);
  bytes_.remove(message.from, message.text.size());
}

void DeliveryOrder::refused(const FriendKey& from, std::size_t bytes) {
  if (!messages_.has_room(from)) {
    messages_.refused(from);
  }
  if (!bytes_.has_room(from, bytes)) {
    bytes_.refused(from);
  }
}

void DeliveryOrder::on_added(const FriendKey& who) {
  const auto theirs = std::stable_partition(absent_.begin(), absent_.end(),
                                            [&](const InboxMessage& message) { return message.from != who; });
  std::vector<InboxMessage> messages(std::make_move_iterator(theirs), std::make_move_iterator(absent_.end()));
  absent_.erase(theirs, absent_.end());
  add(std::move(messages));
}

DeliveryOrder::Order& DeliveryOrder::order_of(const OrderKey& key) {
  if (!orders_.contains(key)) {
    make_room_for_order(key.first);
  }
  return orders_[key];
}

/// A friend can name ever new installations: one that is idle is forgotten, or else the gap that is the
/// oldest is not waited for.
void DeliveryOrder::make_room_for_order(const FriendKey& who) {
  const auto begin = orders_.lower_bound({who, crypto::Instance{}});
  const auto end = orders_.upper_bound({who, crypto::Instance{UINT64_MAX}});
  if (static_cast<std::size_t>(std::distance(begin, end)) < orders_per_friend) {
    return;
  }
  const auto least = std::min_element(begin, end, [](const auto& a, const auto& b) {
    const auto since = [](const Order& order) {
      return order.held.empty() ? SteadyTime::min() : order.gap_since.value_or(never);
    };
    return since(a.second) < since(b.second);
  });
  if (Order& order = least->second; !order.held.empty()) {
    order.next = order.held.rbegin()->first;
    release(least->first);
  }
  with_.state.keep({order_write(least->first, 0)});
  orders_.erase(least);
}

void DeliveryOrder::add(std::vector<InboxMessage> messages) {
  std::set<OrderKey> touched;
  for (auto& message : messages) {
    if (with_.friends.find(message.from) == nullptr) {
      absent_.push_back(std::move(message));  // not named by the host yet, or never again
    } else {
      touched.emplace(message.from, message.instance);
      place(std::move(message));
    }
  }
  for (const auto& key : touched) {
    release(key);
  }
}

void DeliveryOrder::place(InboxMessage message) {
  Order& order = order_of({message.from, message.instance});
  order.next = std::max({order.next, order.shown + 1, message.floor});
  Held& held = held_[message.from];
  ++held.messages;
  held.bytes += message.text.size();
  const auto sequence = message.sequence;
  order.held.emplace(sequence, std::move(message));
}

/// Makes ready what is next in order; what is left waits until its gap is filled or has lasted too long.
void DeliveryOrder::release(const OrderKey& key) {
  const auto found = orders_.find(key);
  if (found == orders_.end()) {
    return;  // it has made room for another one
  }
  Order& order = found->second;
  Held& held = held_[key.first];
  while (!order.held.empty() && (order.held.begin()->first <= order.next || held.messages > messages_held ||
                                 held.bytes > bytes_held)) {
    InboxMessage message = std::move(order.held.begin()->second);
    order.held.erase(order.held.begin());
    --held.messages;
    held.bytes -= message.text.size();
    const bool late = message.sequence <= order.shown;
    order.shown = std::max(order.shown, message.sequence);
    order.next = std::max(order.next, order.shown == UINT64_MAX ? order.shown : order.shown + 1);
    ready_.push_back({std::move(message), late});
  }
  if (order.held.empty()) {
    order.gap_since.reset();
  } else if (!order.gap_since) {
    order.gap_since = with_.clock.now().steady;
    gap_check_ = std::min(gap_check_, *order.gap_since + gap_check_every);
    source_.poll_soon();
  }
}

void DeliveryOrder::deliver_next() {
  const auto now = with_.clock.now().steady;
  if (delivering_ || ready_.empty() || now < offer_at_) {
    return;
  }
  if (!bring_certain_to_front()) {
    offer_at_ = now + offer_again;
    return;
  }
  if (drop_expired()) {
    return;
  }
  // One at a time: the next is shown when it is on disk that this one was, so that a crash repeats at most
  // one.
  delivering_ = true;
  Ready next = std::move(ready_.front());
  ready_.pop_front();
  const auto& message = next.message;
  ReceivedMessage received{
      message.id, message.from, message.kind, message.text, std::min(message.sent_at, with_.clock.now().wall),
      next.late};
  const bool taken = with_.application.on_message(received);
  crypto::wipe(received.text);
  const bool removed = with_.friends.find(message.from) == nullptr;  // meanwhile
  if (!taken && !removed) {
    ready_.push_front(std::move(next));
    offer_at_ = now + offer_again;
    delivering_ = false;
    return;
  }
  with_.telemetry.count(!taken      ? Counter::messages_dropped
                        : next.late ? Counter::messages_late
                                    : Counter::messages_delivered);
  write_shown(next, {erase_inbox_message(message)});
}

/// What may be over by a date that is not certain waits, and what the same friend sent after it. False: there
/// is nothing else.
bool DeliveryOrder::bring_certain_to_front() {
  const UnixTimeMs wall = with_.clock.now().wall;
  const UnixTimeMs passed{with_.clock.for_good().passed()};
  std::set<FriendKey> waiting;
  for (auto at = ready_.begin(); at != ready_.end(); ++at) {
    const auto& message = at->message;
    const bool perhaps_over = wall >= message.show_until && passed < message.show_until;
    if (perhaps_over || waiting.contains(message.from)) {
      waiting.insert(message.from);
      continue;
    }
    std::rotate(ready_.begin(), at, at + 1);
    return true;
  }
  return false;
}

bool DeliveryOrder::drop_expired() {
  store::StateBatch batch;
  if (with_.clock.now().wall < ready_.front().message.show_until) {
    return false;
  }
  if (!listener_.on_expired(ready_.front().message, batch)) {
    return false;
  }
  with_.telemetry.refuse(Counter::refused_lifetime);
  const Ready over = std::move(ready_.front());
  ready_.pop_front();
  delivering_ = true;
  batch.push_back(erase_inbox_message(over.message));
  write_shown(over, std::move(batch));
  return true;
}

void DeliveryOrder::write_shown(const Ready& shown, store::StateBatch batch) {
  const auto& message = shown.message;
  release(message);
  const auto order = orders_.find({message.from, message.instance});
  if (order != orders_.end() && !shown.late) {
    batch.push_back(order_write(order->first, message.sequence));
  }
  with_.state.keep(std::move(batch), [this, from = message.from, id = message.id] {
    delivering_ = false;
    listener_.on_shown(from, id);
  });
}

store::StateWrite DeliveryOrder::order_write(const OrderKey& key, std::uint64_t shown) {
  auto name = state_key(Table::order, {key.first, bytes_of(key.second)});
  return shown == 0 ? erase_record(std::move(name)) : put_record(std::move(name), NumberRecord{shown});
}

void DeliveryOrder::tick(Now now) {
  if (now.steady < gap_check_) {
    return;
  }
  gap_check_ = never;
  std::vector<OrderKey> given_up;
  for (auto& [key, order] : orders_) {
    if (order.held.empty()) {
      continue;
    }
    const SteadyTime since = order.gap_since.value_or(now.steady);
    if (now.steady - since >= longest_gap || source_.swept_since(since)) {
      order.next = order.held.begin()->first;
      order.gap_since.reset();  // a further gap is a new one
      given_up.push_back(key);
    } else {
      gap_check_ = now.steady + gap_check_every;
    }
  }
  for (const auto& key : given_up) {
    release(key);
  }
}

/// What they sent and the application has not seen is dropped.
std::vector<crypto::MessageId> DeliveryOrder::on_removed(const FriendKey& who, store::StateBatch& batch) {
  std::vector<crypto::MessageId> dropped;
  const auto begin = orders_.lower_bound({who, crypto::Instance{}});
  const auto end = orders_.upper_bound({who, crypto::Instance{UINT64_MAX}});
  for (auto it = begin; it != end; ++it) {
    for (const auto& [sequence, message] : it->second.held) {
      batch.push_back(erase_inbox_message(message));
      dropped.push_back(message.id);
    }
    batch.push_back(order_write(it->first, 0));
  }
  orders_.erase(begin, end);
  const auto forget = [&](const InboxMessage& message) {
    if (message.from != who) {
      return false;
    }
    batch.push_back(erase_inbox_message(message));
    dropped.push_back(message.id);
    return true;
  };
  std::erase_if(absent_, forget);
  std::erase_if(ready_, [&](const Ready& ready) { return forget(ready.message); });
  held_.erase(who);
  messages_.forget(who);
  bytes_.forget(who);
  if (!dropped.empty()) {
    with_.telemetry.count(Counter::messages_dropped, dropped.size());
    with_.telemetry.log(LogLevel::info, "inbox",
                        "friend removed: their messages that were not shown yet are dropped");
  }
  return dropped;
}

}  // namespace toxasync::manager
