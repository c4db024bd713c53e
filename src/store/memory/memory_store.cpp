// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/memory/memory_store.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "crypto/symmetric.hpp"

namespace toxasync::store {

MemoryStore::Admission MemoryStore::admit(std::size_t cost) {
  if (cost > limits_.queue_bytes - std::min(queued_bytes_, limits_.queue_bytes)) {
    return Admission::overloaded;
  }
  if (failures_ > 0) {
    --failures_;
    return Admission::fails;
  }
  return Admission::yes;
}

void MemoryStore::complete(std::size_t cost, Completion completion) {
  queued_bytes_ += cost;
  completions_.push_back({cost, std::move(completion)});
}

std::size_t MemoryStore::poll(StoreListener& listener) {
  if (holding_) {
    return 0;
  }
  const auto end = completions_.begin() + static_cast<std::ptrdiff_t>(submitted_);
  for (const bool more : std::exchange(expired_, {})) {
    listener.on_expired(more);
  }
  std::vector<Waiting> ready(std::make_move_iterator(completions_.begin()), std::make_move_iterator(end));
  completions_.erase(completions_.begin(), end);
  submitted_ = 0;
  for (const Waiting& waiting : ready) {
    queued_bytes_ -= waiting.cost;
  }
  for (const Waiting& waiting : ready) {
    waiting.completion(listener);
  }
  return ready.size();
}

std::size_t MemoryStore::live_in(const Mailbox& mailbox) const {
  const auto found = mailboxes_.find(mailbox);
  std::size_t live = 0;
  if (found != mailboxes_.end()) {
    for (const auto& [key, box] : found->second.boxes) {
      live += box.live.size();
    }
  }
  return live;
}

std::vector<Bytes> MemoryStore::look_into(const Mailbox& mailbox, UnixTime now) const {
  std::vector<Bytes> values;
  if (const auto found = mailboxes_.find(mailbox); found != mailboxes_.end()) {
    for (const auto& [id, entry] : found->second.entries) {
      if (entry.live && entry.expires_at > now) {
        values.push_back(entry.value);
      }
    }
  }
  return values;
}

MemoryStore::Entry* MemoryStore::find(const Mailbox& mailbox, const RecordId& id) {
  const auto contents = mailboxes_.find(mailbox);
  if (contents == mailboxes_.end()) {
    return nullptr;
  }
  const auto found = contents->second.entries.find(id);
  return found == contents->second.entries.end() ? nullptr : &found->second;
}

void MemoryStore::put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
                      UnixTime now) {
  const std::size_t cost = operation_overhead_bytes + value.size();
  const Admission admission = admit(cost);
  PutResult result{admission == Admission::overloaded ? PutStatus::overloaded : PutStatus::failed};
  if (admission == Admission::yes) {
    result = apply_put(box, id, value, expires_at, now);
  }
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_put(token, result); });
}

PutResult MemoryStore::apply_put(const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
                                 UnixTime now) {
  Entry* const entry = find(box.mailbox, id);
  if (entry != nullptr && entry->expires_at <= now) {
    drop(box.mailbox, id);  // What has expired counts as dropped already.
  } else if (entry != nullptr && !entry->live) {
    return {PutStatus::gone};
  } else if (entry != nullptr) {
    const UnixTime held_until = entry->expires_at;
    if (expires_at > entry->expires_at) {
      by_expiry_.erase({entry->expires_at, entry->sequence, box.mailbox, id});
      entry->expires_at = expires_at;
      by_expiry_.insert({entry->expires_at, entry->sequence, box.mailbox, id});
    }
    return {PutStatus::duplicate, entry->expires_at, held_until};
  }
  static const BoxContents nothing;
  const auto contents = mailboxes_.find(box.mailbox);
  const bool known = contents != mailboxes_.end() && contents->second.boxes.contains(box.key);
  const BoxContents& kept = known ? contents->second.boxes.at(box.key) : nothing;
  if (kept.live.size() >= limits_.box_messages || kept.bytes + value.size() > limits_.box_bytes ||
      kept.live.size() + kept.tombstones >= limits_.box_records) {
    return {PutStatus::mailbox_full};
  }
  const std::uint64_t rows = stats_.messages + stats_.tombstones + 1;
  if (disk_full_ ||
      rows * StoreLimits::record_overhead_bytes + stats_.bytes + value.size() > stats_.capacity_bytes) {
    return {PutStatus::store_full};
  }
  Contents& mailbox = mailboxes_[box.mailbox];
  BoxContents& into = mailbox.boxes[box.key];
  const std::uint64_t sequence = ++last_sequence_;
  mailbox.entries[id] = {sequence, box.key, expires_at, true, false, Bytes(value.begin(), value.end())};
  into.live[sequence] = id;
  into.bytes += value.size();
  by_expiry_.insert({expires_at, sequence, box.mailbox, id});
  ++stats_.messages;
  stats_.bytes += value.size();
  return {PutStatus::stored, expires_at};
}

void MemoryStore::list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes,
                       std::uint64_t after, const ListLimits& limits, UnixTime now) {
  ListOperation list{token, mailbox, {boxes.begin(), boxes.end()}, after, limits, now, {}};
  const std::size_t cost = list.cost(limits_);
  const Admission admission = admit(cost);
  if (admission == Admission::yes) {
    apply_list(list);
  } else {
    list.result.status = admission == Admission::overloaded ? OpStatus::overloaded : OpStatus::failed;
  }
  const auto result =
      std::make_shared<ListResult>(std::move(list.result));  // std::function must be copyable.
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_list(token, std::move(*result)); });
}

void MemoryStore::apply_list(ListOperation& list) {
  struct Head {
    std::map<std::uint64_t, RecordId>::const_iterator at, end;
  };
  ListFiller filler(list);
  const auto contents = mailboxes_.find(list.mailbox);
  if (contents == mailboxes_.end()) {
    return;
  }
  auto& [entries, boxes] = contents->second;
  std::map<std::uint64_t, Head> heads;  // By sequence.
  const auto push = [&heads](const Head& head) {
    if (head.at != head.end) {
      heads.emplace(head.at->first, head);
    }
  };
  for (const BoxTag& tag : named_tags(list.boxes)) {
    BoxKey first{};
    std::ranges::copy(tag, first.begin());
    for (auto box = boxes.lower_bound(first); box != boxes.end() && has_tag(box->first, tag); ++box) {
      const auto& live = box->second.live;
      push({live.upper_bound(list.after), live.end()});
    }
  }
  for (bool room = true; room && !heads.empty();) {
    Head head = heads.begin()->second;
    heads.erase(heads.begin());
    const auto& [sequence, id] = *head.at;
    const Entry& entry = entries.at(id);
    room = entry.expires_at <= list.now
               ? filler.skip(sequence)
               : filler.add({sequence, entry.box, id, entry.expires_at, entry.value});
    ++head.at;
    push(head);
  }
  for (const auto& [key, mark] : list.marks) {
    BoxContents& box = boxes.at(key);
    box.given = std::max(box.given, mark);
  }
}

void MemoryStore::remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) {
  const std::size_t cost = operation_overhead_bytes + ids.size_bytes();
  const Admission admission = admit(cost);
  RemoveResult result{admission == Admission::overloaded ? OpStatus::overloaded : OpStatus::failed, 0};
  if (admission == Admission::yes) {
    result.status = OpStatus::ok;
    for (const RecordId& id : ids) {
      Entry* const entry = find(mailbox, id);
      if (entry != nullptr && entry->live) {
        bury(mailboxes_.at(mailbox), *entry);
        ++result.removed;
      }
    }
  }
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_remove(token, result); });
}

void MemoryStore::cancel(Token token, const Mailbox& mailbox, const RecordId& id,
                         const Commitment& commitment) {
  const Admission admission = admit(operation_overhead_bytes);
  CancelStatus result = admission == Admission::overloaded ? CancelStatus::overloaded : CancelStatus::failed;
  if (admission == Admission::yes) {
    Entry* const entry = find(mailbox, id);
    result =
        entry == nullptr ? CancelStatus::unknown : apply_cancel(mailboxes_.at(mailbox), *entry, commitment);
  }
  complete(admission == Admission::overloaded ? 0 : operation_overhead_bytes,
           [token, result](StoreListener& listener) { listener.on_cancel(token, result); });
}

CancelStatus MemoryStore::apply_cancel(Contents& contents, Entry& entry, const Commitment& commitment) {
  if (!entry.live) {
    return entry.cancelled ? CancelStatus::cancelled : CancelStatus::removed;
  }
  const ByteView value = entry.value;
  if (value.size() < commitment_offset + commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, commitment.size()), commitment)) {
    return CancelStatus::wrong_proof;
  }
  if (entry.sequence <= contents.boxes.at(entry.box).given) {
    return CancelStatus::removed;
  }
  bury(contents, entry);
  entry.cancelled = true;
  return CancelStatus::cancelled;
}

void MemoryStore::expire(UnixTime now, std::size_t max_rows) {
  for (; max_rows > 0 && !by_expiry_.empty() && std::get<0>(*by_expiry_.begin()) <= now; --max_rows) {
    const auto [expires_at, sequence, key, id] = *by_expiry_.begin();
    drop(key, id);
  }
  expired_.push_back(max_rows == 0);
}

void MemoryStore::bury(Contents& contents, Entry& entry) {
  BoxContents& box = contents.boxes.at(entry.box);
  box.live.erase(entry.sequence);
  box.bytes -= entry.value.size();
  ++box.tombstones;
  --stats_.messages;
  stats_.bytes -= entry.value.size();
  ++stats_.tombstones;
  entry.live = false;
  entry.value = {};
}

void MemoryStore::drop(const Mailbox& mailbox, const RecordId& id) {
  const auto contents = mailboxes_.find(mailbox);
  auto& [entries, boxes] = contents->second;
  const auto found = entries.find(id);
  Entry& entry = found->second;
  by_expiry_.erase({entry.expires_at, entry.sequence, mailbox, id});
  if (entry.live) {
    bury(contents->second, entry);
  }
  --stats_.tombstones;
  const auto box = boxes.find(entry.box);
  if (--box->second.tombstones == 0 && box->second.live.empty()) {
    boxes.erase(box);
  }
  entries.erase(found);
  if (entries.empty()) {
    mailboxes_.erase(contents);
  }
}

}  // namespace toxasync::store
