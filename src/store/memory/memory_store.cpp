// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/memory/memory_store.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "crypto/symmetric.hpp"
#include "store/store_operations.hpp"

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

void MemoryStore::put(Token token, const MailboxKey& mailbox, const RecordId& id, ByteView value,
                      UnixTime expires_at, UnixTime now) {
  const std::size_t cost = operation_overhead_bytes + value.size();
  const Admission admission = admit(cost);
  PutResult result{admission == Admission::overloaded ? PutStatus::overloaded : PutStatus::failed};
  if (admission == Admission::yes) {
    result = apply_put(mailbox, id, value, expires_at, now);
  }
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_put(token, result); });
}

PutResult MemoryStore::apply_put(const MailboxKey& key, const RecordId& id, ByteView value,
                                 UnixTime expires_at, UnixTime now) {
  if (const auto box = mailboxes_.find(key); box != mailboxes_.end()) {
    const auto found = box->second.entries.find(id);
    if (found != box->second.entries.end() && found->second.expires_at <= now) {
      drop(key, id);  // What has expired counts as dropped already.
    } else if (found != box->second.entries.end()) {
      Entry& entry = found->second;
      if (!entry.live) {
        return {PutStatus::gone};
      }
      const UnixTime held_until = entry.expires_at;
      if (expires_at > entry.expires_at) {
        by_expiry_.erase({entry.expires_at, entry.sequence, key, id});
        entry.expires_at = expires_at;
        by_expiry_.insert({entry.expires_at, entry.sequence, key, id});
      }
      return {PutStatus::duplicate, entry.expires_at, held_until};
    }
  }
  const auto box = mailboxes_.find(key);
  const std::size_t live = box == mailboxes_.end() ? 0 : box->second.live.size();
  const std::uint64_t bytes = box == mailboxes_.end() ? 0 : box->second.bytes;
  if (live >= limits_.mailbox_messages || bytes + value.size() > limits_.mailbox_bytes) {
    return {PutStatus::mailbox_full};
  }
  const std::uint64_t rows = stats_.messages + stats_.tombstones + 1;
  if (disk_full_ ||
      rows * StoreLimits::record_overhead_bytes + stats_.bytes + value.size() > stats_.capacity_bytes) {
    return {PutStatus::store_full};
  }
  Mailbox& mailbox = mailboxes_[key];
  const std::uint64_t sequence = ++last_sequence_;
  mailbox.entries[id] = {sequence, expires_at, true, false, Bytes(value.begin(), value.end())};
  mailbox.live[sequence] = id;
  mailbox.bytes += value.size();
  by_expiry_.insert({expires_at, sequence, key, id});
  ++stats_.messages;
  stats_.bytes += value.size();
  return {PutStatus::stored, expires_at};
}

void MemoryStore::list(Token token, const MailboxKey& key, std::uint64_t after, const ListLimits& limits,
                       UnixTime now) {
  const std::uint64_t reserve = std::min<std::uint64_t>(limits_.mailbox_bytes, limits_.queue_bytes / 2);
  const std::size_t cost =
      operation_overhead_bytes + std::min<std::size_t>(limits.max_bytes, static_cast<std::size_t>(reserve));
  const Admission admission = admit(cost);
  const auto result = std::make_shared<ListResult>();  // std::function must be copyable.
  if (admission != Admission::yes) {
    result->status = admission == Admission::overloaded ? OpStatus::overloaded : OpStatus::failed;
  } else {
    result->status = OpStatus::ok;
    std::size_t bytes = 0;
    const auto box = mailboxes_.find(key);
    auto at = box == mailboxes_.end() ? std::map<std::uint64_t, RecordId>::iterator{}
                                      : box->second.live.upper_bound(after);
    for (; box != mailboxes_.end() && at != box->second.live.end(); ++at) {
      const Entry& entry = box->second.entries.at(at->second);
      if (entry.expires_at <= now) {
        continue;
      }
      if (result->records.size() >= std::max<std::size_t>(limits.max_records, 1) ||
          (!result->records.empty() && bytes + entry.value.size() > limits.max_bytes)) {
        result->more = true;
        break;
      }
      bytes += entry.value.size();
      result->records.push_back({at->first, at->second, entry.expires_at, entry.value});
    }
  }
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_list(token, std::move(*result)); });
}

void MemoryStore::remove(Token token, const MailboxKey& key, std::span<const RecordId> ids) {
  const std::size_t cost = operation_overhead_bytes + ids.size_bytes();
  const Admission admission = admit(cost);
  RemoveResult result{admission == Admission::overloaded ? OpStatus::overloaded : OpStatus::failed, 0};
  if (admission == Admission::yes) {
    result.status = OpStatus::ok;
    const auto box = mailboxes_.find(key);
    for (const RecordId& id : ids) {
      if (box == mailboxes_.end()) {
        break;
      }
      const auto found = box->second.entries.find(id);
      if (found != box->second.entries.end() && found->second.live) {
        bury(box->second, found->second);
        ++result.removed;
      }
    }
  }
  complete(admission == Admission::overloaded ? 0 : cost,
           [token, result](StoreListener& listener) { listener.on_remove(token, result); });
}

void MemoryStore::cancel(Token token, const MailboxKey& key, const RecordId& id,
                         const Commitment& commitment) {
  const Admission admission = admit(operation_overhead_bytes);
  CancelStatus result = admission == Admission::overloaded ? CancelStatus::overloaded : CancelStatus::failed;
  if (admission == Admission::yes) {
    result = CancelStatus::unknown;
    const auto box = mailboxes_.find(key);
    if (box != mailboxes_.end() && box->second.entries.contains(id)) {
      result = apply_cancel(box->second, box->second.entries.at(id), commitment);
    }
  }
  complete(admission == Admission::overloaded ? 0 : operation_overhead_bytes,
           [token, result](StoreListener& listener) { listener.on_cancel(token, result); });
}

CancelStatus MemoryStore::apply_cancel(Mailbox& mailbox, Entry& entry, const Commitment& commitment) {
  if (!entry.live) {
    return entry.cancelled ? CancelStatus::cancelled : CancelStatus::removed;
  }
  const ByteView value = entry.value;
  if (value.size() < commitment_offset + commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, commitment.size()), commitment)) {
    return CancelStatus::wrong_proof;
  }
  bury(mailbox, entry);
  entry.cancelled = true;
  return CancelStatus::cancelled;
}

void MemoryStore::expire(UnixTime now, std::size_t max_rows) {
  for (; max_rows > 0 && !by_expiry_.empty() && std::get<0>(*by_expiry_.begin()) <= now; --max_rows) {
    const auto [expires_at, sequence, key, id] = *by_expiry_.begin();
    drop(key, id);
  }
}

void MemoryStore::bury(Mailbox& mailbox, Entry& entry) {
  mailbox.live.erase(entry.sequence);
  mailbox.bytes -= entry.value.size();
  --stats_.messages;
  stats_.bytes -= entry.value.size();
  ++stats_.tombstones;
  entry.live = false;
  entry.value = {};
}

void MemoryStore::drop(const MailboxKey& key, const RecordId& id) {
  const auto box = mailboxes_.find(key);
  const auto found = box->second.entries.find(id);
  Entry& entry = found->second;
  by_expiry_.erase({entry.expires_at, entry.sequence, key, id});
  if (entry.live) {
    bury(box->second, entry);
  }
  --stats_.tombstones;
  box->second.entries.erase(found);
  if (box->second.entries.empty()) {
    mailboxes_.erase(box);
  }
}

}  // namespace toxasync::store
