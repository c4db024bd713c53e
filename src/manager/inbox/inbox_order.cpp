// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/inbox/inbox.hpp"

// The order of messages that are whole and on our disk, and their way to the application (docs/protocol.md,
// section 4).

namespace toxasync::manager {

void Inbox::resume() {
  std::vector<crypto::MessageId> done;
  for (const auto& [id, assembly] : assemblies_) {
    if (seen_.contains(id)) {
      done.push_back(id);  // left over when its message gave way once and came again
    }
  }
  store::StateBatch batch;
  for (const auto& id : done) {
    drop_assembly(id, batch);
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
  resumed_ = true;
  place_all(std::exchange(absent_, {}));
}

void Inbox::on_added(const FriendKey& whom) {
  if (!resumed_) {
    return;
  }
  const auto his = std::stable_partition(absent_.begin(), absent_.end(),
                                         [&](const InboxMessage& message) { return message.from != whom; });
  std::vector<InboxMessage> messages(std::make_move_iterator(his), std::make_move_iterator(absent_.end()));
  absent_.erase(his, absent_.end());
  place_all(std::move(messages));
}

Inbox::Order& Inbox::order_of(const OrderKey& key) {
  const auto found = orders_.find(key);
  if (found != orders_.end()) {
    return found->second;
  }
  // A friend with ever new installations must not fill our memory: an idle one gives way.
  const auto begin = orders_.lower_bound({key.first, 0});
  const auto end = orders_.upper_bound({key.first, UINT64_MAX});
  if (static_cast<std::size_t>(std::distance(begin, end)) >= orders_per_friend) {
    const auto idle = std::find_if(begin, end, [](const auto& entry) { return entry.second.held.empty(); });
    if (idle != end) {
      services_.state.keep({order_write(idle->first, 0)});
      orders_.erase(idle);
    }
  }
  return orders_[key];
}

/// Puts messages that are on our disk in their order, and hands on what is next.
void Inbox::place_all(std::vector<InboxMessage> messages) {
  std::set<OrderKey> touched;
  for (auto& message : messages) {
    if (friends_.find(message.from) == nullptr) {
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

void Inbox::place(InboxMessage message) {
  Order& order = order_of({message.from, message.instance});
  order.next = std::max({order.next, order.shown + 1, message.floor});
  held_bytes_ += message.text.size();
  const auto sequence = message.sequence;
  order.held.emplace(sequence, std::move(message));
  ++held_;
}

/// Hands on what is next in order; what is left waits until its gap is filled or let go.
void Inbox::release(const OrderKey& key) {
  Order& order = orders_[key];
  while (!order.held.empty() &&
         (order.held.begin()->first <= order.next || held_ > messages_held || held_bytes_ > bytes_held)) {
    InboxMessage message = std::move(order.held.begin()->second);
    order.held.erase(order.held.begin());
    --held_;
    held_bytes_ -= message.text.size();
    const bool late = message.sequence <= order.shown;
    order.shown = std::max(order.shown, message.sequence);
    order.next = std::max(order.next, order.shown == UINT64_MAX ? order.shown : order.shown + 1);
    ready_bytes_ += message.text.size();
    ready_.push_back({std::move(message), late});
  }
  if (order.held.empty()) {
    order.gap_since_ms.reset();
  } else if (!order.gap_since_ms) {
    order.gap_since_ms = services_.clock.now().steady_ms;
    gap_check_ms_ = std::min(gap_check_ms_, *order.gap_since_ms + gap_check_every_ms);
    hooks_.poll_soon();
  }
}

void Inbox::deliver_next() {
  const auto now_ms = services_.clock.now().steady_ms;
  if (handing_on_ || ready_.empty() || now_ms < offer_at_ms_) {
    return;
  }
  // One at a time: the next is shown when it is on disk that this one was, so that a crash repeats at most
  // one.
  handing_on_ = true;
  Ready next = std::move(ready_.front());
  ready_.pop_front();
  const auto& message = next.message;
  ReceivedMessage received{message.id,
                           message.from,
                           message.kind,
                           message.text,
                           std::min(message.sent_at_ms, services_.clock.now().unix_ms),
                           next.late};
  const bool taken = services_.listener.on_message(received);
  crypto::wipe(received.text);
  const bool removed = friends_.find(message.from) == nullptr;  // meanwhile
  if (!taken && !removed) {
    ready_.push_front(std::move(next));
    offer_at_ms_ = now_ms + offer_again_ms;
    handing_on_ = false;
    return;
  }
  ready_bytes_ -= message.text.size();
  services_.telemetry.count(!taken      ? Counter::messages_dropped
                            : next.late ? Counter::messages_late
                                        : Counter::messages_delivered);
  store::StateBatch batch{erase_record(state_key(Table::inbox, {message.id}))};
  const auto order = orders_.find({message.from, message.instance});
  if (order != orders_.end() && !next.late) {
    batch.push_back(order_write(order->first, message.sequence));
  }
  services_.state.keep(std::move(batch), [this] { handing_on_ = false; });
}

store::StateWrite Inbox::order_write(const OrderKey& key, std::uint64_t shown) const {
  auto name = state_key(Table::order, {key.first, bytes_of(key.second)});
  return shown == 0 ? erase_record(std::move(name)) : put_record(std::move(name), NumberRecord{shown});
}

void Inbox::tick(Now now) {
  if (now.steady_ms < gap_check_ms_) {
    return;
  }
  gap_check_ms_ = INT64_MAX;
  std::vector<OrderKey> let_go;
  for (auto& [key, order] : orders_) {
    if (order.held.empty()) {
      continue;
    }
    const std::int64_t since = order.gap_since_ms.value_or(now.steady_ms);
    if (now.steady_ms - since >= longest_gap_ms || hooks_.swept_since(since)) {
      order.next = order.held.begin()->first;
      order.gap_since_ms.reset();  // a further gap is a new one
      let_go.push_back(key);
    } else {
      gap_check_ms_ = now.steady_ms + gap_check_every_ms;
    }
  }
  for (const auto& key : let_go) {
    release(key);
  }
}

/// What he sent and the application has not seen goes with him.
void Inbox::on_removed(const FriendKey& whom, store::StateBatch& batch) {
  std::size_t dropped = 0;
  const auto begin = orders_.lower_bound({whom, 0});
  const auto end = orders_.upper_bound({whom, UINT64_MAX});
  for (auto it = begin; it != end; ++it) {
    held_ -= it->second.held.size();
    dropped += it->second.held.size();
    for (const auto& [sequence, message] : it->second.held) {
      held_bytes_ -= message.text.size();
      batch.push_back(erase_record(state_key(Table::inbox, {message.id})));
    }
    batch.push_back(order_write(it->first, 0));
  }
  orders_.erase(begin, end);
  const auto forget = [&](const InboxMessage& message) {
    if (message.from != whom) {
      return false;
    }
    batch.push_back(erase_record(state_key(Table::inbox, {message.id})));
    ++dropped;
    return true;
  };
  std::erase_if(absent_, forget);
  std::erase_if(ready_, [&](const Ready& ready) {
    const bool his = forget(ready.message);
    ready_bytes_ -= his ? ready.message.text.size() : 0;
    return his;
  });
  if (dropped > 0) {
    services_.telemetry.count(Counter::messages_dropped, dropped);
    services_.telemetry.log(LogLevel::info, "inbox",
                            "a friend was removed whose messages had not been shown yet: they are dropped");
  }
  std::vector<crypto::MessageId> parts;
  for (const auto& [id, assembly] : assemblies_) {
    if (assembly.message.from == whom) {
      parts.push_back(id);
    }
  }
  for (const auto& id : parts) {
    drop_assembly(id, batch);
  }
  assembly_bytes_.erase(whom);
}

}  // namespace toxasync::manager
