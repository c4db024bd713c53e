// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/receipts.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "manager/core/random_delay.hpp"
#include "protocol/live.hpp"

namespace toxasync::manager {

namespace {

constexpr milliseconds hour = 1h;

struct DueRecord {
  crypto::Instance instance{};
  crypto::MessageKind kind = crypto::MessageKind::receipt;
  UnixTime since{};
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.instance, self.kind, self.since); }
};

Bytes row_name(const FriendKey& to, const crypto::MessageId& id) {
  return state_key(Table::receipt_due, {to, id});
}

protocol::FriendPacketType packet_type(crypto::MessageKind kind) noexcept {
  return kind == crypto::MessageKind::nack ? protocol::FriendPacketType::nack
                                           : protocol::FriendPacketType::receipt;
}

}  // namespace

bool Receipts::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(FriendKey) + sizeof(crypto::MessageId)) {
    return false;
  }
  DueRecord record;
  if (read_record(services_.telemetry, entry, record)) {
    boxes_[id_from<FriendKey>(name)].items[id_from<crypto::MessageId>(name.subspan(sizeof(FriendKey)))] = {
        record.instance, record.kind, record.since, std::nullopt, false};
  }
  return true;
}

void Receipts::resume(Now now) {
  for (const auto& [to, box] : boxes_) {
    deadlines_.set_earlier(to, now.steady + delay_for(crypto::MessageKind::receipt));
  }
}

bool Receipts::is_due(const FriendKey& to, const crypto::MessageId& id) const {
  const auto found = boxes_.find(to);
  return found != boxes_.end() && found->second.items.contains(id);
}

bool Receipts::covers(const ReceiptDue& due) const {
  return is_due(due.to, due.id) && (due.kind == crypto::MessageKind::nack ||
                                    boxes_.at(due.to).items.at(due.id).kind == crypto::MessageKind::receipt);
}

bool Receipts::nack_permitted(const FriendKey& to) {
  Box& box = boxes_[to];
  const SteadyTime now = services_.clock.now().steady;
  if (now - box.nacks_since >= hour) {
    box.nacks_since = now;
    box.nacks = 0;
    reopened_ += std::exchange(box.nack_refused, false) ? 1 : 0;
  }
  if (box.nacks >= nacks_per_hour) {
    box.nack_refused = true;
    services_.telemetry.refuse(Counter::refused_nack_limit);
    return false;
  }
  ++box.nacks;
  return true;
}

store::StateWrite Receipts::row(const ReceiptDue& due) const {
  return put_record(row_name(due.to, due.id), DueRecord{due.instance, due.kind, services_.clock.stamp()});
}

void Receipts::add(const ReceiptDue& due, Now now) {
  const Friend* const to = friends_.find(due.to);
  Box& box = boxes_[due.to];
  if (to == nullptr || (box.items.size() >= due_per_friend && !due.until_shown)) {
    services_.state.keep({erase_record(row_name(due.to, due.id))});
    return;
  }
  box.items[due.id] = {due.instance, due.kind, services_.clock.stamp(), std::nullopt, due.until_shown};
  if (!due.until_shown) {
    schedule(*to, due.kind, now);
  }
}

void Receipts::schedule(const Friend& to, crypto::MessageKind kind, Now now) {
  deadlines_.set_earlier(to.key, now.steady + (to.online ? 0ms : delay_for(kind)));
}

void Receipts::hold(const FriendKey& to, const crypto::MessageId& id) {
  if (is_due(to, id)) {
    boxes_[to].items[id].held = true;
  }
}

void Receipts::release(const FriendKey& to, const crypto::MessageId& id, Now now) {
  const Friend* const who = friends_.find(to);
  if (who != nullptr && is_due(to, id)) {
    boxes_[to].items[id].held = false;
    schedule(*who, crypto::MessageKind::receipt, now);
  }
}

bool Receipts::withdraw(const FriendKey& to, const crypto::MessageId& id, store::StateBatch& batch) {
  if (!is_due(to, id) || !boxes_[to].items[id].held) {
    return false;
  }
  boxes_[to].items.erase(id);
  batch.push_back(erase_record(row_name(to, id)));
  return true;
}

void Receipts::owe(const ReceiptDue& due, Now now) {
  services_.state.keep({row(due)});
  add(due, now);
}

milliseconds Receipts::delay_for(crypto::MessageKind kind) const {
  const milliseconds mean = services_.config.receipt_delay;
  return random_delay(services_.random, kind == crypto::MessageKind::nack ? mean / nack_delay_divisor : mean);
}

void Receipts::on_presence(const FriendKey& who, Now now) {
  const auto found = boxes_.find(who);
  const Friend* const to = friends_.find(who);
  if (found == boxes_.end() || to == nullptr || found->second.items.empty()) {
    return;
  }
  for (auto& [id, item] : found->second.items) {
    item.sent.reset();
  }
  deadlines_.set(who, now.steady + (to->online ? 0ms : delay_for(crypto::MessageKind::receipt)));
}

void Receipts::on_removed(const FriendKey& who, store::StateBatch& batch) {
  const auto found = boxes_.find(who);
  if (found == boxes_.end()) {
    return;
  }
  for (const auto& [id, item] : found->second.items) {
    batch.push_back(erase_record(row_name(who, id)));
  }
  deadlines_.erase(who);
  boxes_.erase(found);
}

void Receipts::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  for (auto& [to, box] : boxes_) {
    if (box.nack_refused && services_.clock.now().steady - box.nacks_since >= hour) {
      box.nack_refused = false;
      ++reopened_;
    }
    for (auto& [id, item] : box.items) {
      if (const UnixTime since = date.clamped(item.since); since != item.since) {
        item.since = since;
        batch.push_back(put_record(row_name(to, id), DueRecord{item.instance, item.kind, since}));
      }
    }
    std::erase_if(box.items, [&, &to = to](const auto& entry) {
      if (entry.second.since + kept >= date.passed() || entry.second.held) {
        return false;
      }
      batch.push_back(erase_record(row_name(to, entry.first)));
      return true;
    });
  }
}

void Receipts::send_live(Friend& to, Box& box, Now now) {
  for (const auto kind : {crypto::MessageKind::receipt, crypto::MessageKind::nack}) {
    std::vector<crypto::MessageId> unsent;
    for (const auto& [id, item] : box.items) {
      if (item.kind == kind && !item.sent && !item.held) {
        unsent.push_back(id);
      }
    }
    for (std::size_t at = 0; at < unsent.size(); at += limits::receipt_ids) {
      const auto first = unsent.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(limits::receipt_ids, unsent.size() - at);
      const protocol::LiveReceipt receipt{to.instance, {first, first + static_cast<std::ptrdiff_t>(count)}};
      if (!friends_.enqueue(to, protocol::make_friend_packet(packet_type(kind), receipt))) {
        return;
      }
      services_.telemetry.count(
          kind == crypto::MessageKind::nack ? Counter::nacks_sent : Counter::receipts_sent, count);
      for (const auto& id : receipt.ids) {
        box.items[id].sent = now.steady;
      }
    }
  }
}

void Receipts::drop_delivered(const FriendKey& to, Box& box, Now now) {
  store::StateBatch batch;
  std::erase_if(box.items, [&](const auto& entry) {
    if (!entry.second.sent || now.steady - *entry.second.sent < delivered_after) {
      return false;
    }
    batch.push_back(erase_record(row_name(to, entry.first)));
    return true;
  });
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

void Receipts::mail(const FriendKey& to, Box& box, Now now) {
  using Group = std::tuple<crypto::Instance, crypto::MessageKind>;
  std::map<Group, std::vector<crypto::MessageId>> groups;
  Friend* const whose = friends_.find(to);
  for (const auto& [id, item] : box.items) {
    if (!item.held) {  // a friend can name any number of installations: all get what is for none that is
                       // known
      const bool known = whose != nullptr && whose->installation(item.instance) != nullptr;
      groups[{known ? item.instance : crypto::Instance{}, item.kind}].push_back(id);
    }
  }
  for (const auto& [group, ids] : groups) {
    const auto [instance, kind] = group;
    for (std::size_t at = 0; at < ids.size(); at += ids_per_message) {
      const auto count = std::min(ids_per_message, ids.size() - at);
      Bytes text;
      store::StateBatch batch;
      for (std::size_t i = at; i < at + count; ++i) {
        text.insert(text.end(), ids[i].begin(), ids[i].end());
        batch.push_back(erase_record(row_name(to, ids[i])));
      }
      if (!mailer_.mail_receipts(to, instance, kind, std::move(text), std::move(batch))) {
        deadlines_.set(to, now.steady + mail_again);
        return;
      }
      services_.telemetry.count(
          kind == crypto::MessageKind::nack ? Counter::nacks_sent : Counter::receipts_sent, count);
      for (std::size_t i = at; i < at + count; ++i) {
        box.items.erase(ids[i]);
      }
    }
  }
}

void Receipts::tick(Now now) {
  while (const auto due = deadlines_.pop_due(now.steady)) {
    const auto found = boxes_.find(*due);
    Friend* const to = friends_.find(*due);
    if (found == boxes_.end() || to == nullptr) {
      continue;
    }
    Box& box = found->second;
    if (!to->online) {
      mail(*due, box, now);
      continue;
    }
    drop_delivered(*due, box, now);
    send_live(*to, box, now);
    SteadyTime next = never;
    for (const auto& [id, item] : box.items) {
      if (!item.held) {
        next = std::min(next, item.sent ? *item.sent + delivered_after : now.steady + try_again);
      }
    }
    if (next != never) {
      deadlines_.set(*due, next);
    }
  }
}

}  // namespace toxasync::manager
