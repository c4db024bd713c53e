// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/record_set.hpp"

#include <algorithm>

#include "crypto/symmetric.hpp"

namespace toxasync::store {

bool RecordSet::load(const RecordKey& key, Record record) {
  const bool sound = record.sum == sum(key, record);
  if (mailboxes_.contains(key.first)) {
    record.sound = sound;
    record.present = true;
    records_[key] = std::move(record);
  }
  return sound;
}

bool RecordSet::apply(PutOperation& put) {
  const auto found = mailboxes_.find(put.mailbox);
  if (found == mailboxes_.end()) {
    return false;
  }
  Mailbox& mailbox = found->second;
  const RecordKey key(put.mailbox, put.id);
  Record& record = records_[key];
  if (record.present && (!record.sound || record.expires_at <= put.now)) {
    // A damaged record is useless and may be replaced; an expired one counts as dropped already.
    drop(mailbox, record);
  }
  if (record.present && record.kind != RecordKind::live) {
    put.result = {PutStatus::gone, {}};
    return true;
  }
  if (record.present) {
    const UnixTime held_until = record.expires_at;
    if (put.expires_at > record.expires_at) {
      record.expires_at = put.expires_at;
      record.sum = sum(key, record);
      record.changed = true;
    }
    put.result = {PutStatus::duplicate, record.expires_at, held_until};
    return true;
  }
  const auto size = static_cast<std::int64_t>(put.value.size());
  const std::int64_t bytes = std::max<std::int64_t>(totals_.bytes + change_.bytes, 0) + size;
  const std::int64_t rows =
      std::max<std::int64_t>(totals_.messages + totals_.tombstones + change_.messages + change_.tombstones,
                             0) +
      1;
  if (mailbox.messages >= static_cast<std::int64_t>(limits_.mailbox_messages) ||
      static_cast<std::uint64_t>(mailbox.bytes + size) > limits_.mailbox_bytes) {
    put.result = {PutStatus::mailbox_full, {}};
  } else if (static_cast<std::uint64_t>(rows) * StoreLimits::record_overhead_bytes +
                 static_cast<std::uint64_t>(bytes) >
             limits_.capacity_bytes) {
    put.result = {PutStatus::store_full, {}};
  } else {
    insert(mailbox, key, record, RecordKind::live, put.expires_at, put.value);
    put.result = {PutStatus::stored, put.expires_at};
  }
  return true;
}

void RecordSet::insert(Mailbox& mailbox, const RecordKey& key, Record& record, RecordKind kind,
                       UnixTime expires_at, ByteView value) {
  record.sequence = mailbox.next++;
  record.expires_at = expires_at;
  record.kind = kind;
  record.value.assign(value.begin(), value.end());
  record.sum = sum(key, record);
  record.sound = true;
  record.present = true;
  record.changed = true;
  const bool live = kind == RecordKind::live;
  count(mailbox, live ? 1 : 0, static_cast<std::int64_t>(value.size()), live ? 0 : 1);
}

bool RecordSet::import(const RecordKey& key, RecordKind kind, UnixTime expires_at, ByteView value) {
  const auto found = mailboxes_.find(key.first);
  if (found == mailboxes_.end()) {
    return false;
  }
  Mailbox& mailbox = found->second;
  Record& record = records_[key];
  if (record.present && !record.sound) {
    drop(mailbox, record);
  }
  if (!record.present) {
    insert(mailbox, key, record, kind, expires_at, value);
    return true;
  }
  if (record.kind == RecordKind::live && kind != RecordKind::live) {
    bury(mailbox, key, record, kind);
  }
  if (expires_at > record.expires_at) {
    record.expires_at = expires_at;
    record.sum = sum(key, record);
    record.changed = true;
  }
  return true;
}

void RecordSet::count_dropped(const MailboxKey& key, bool live, std::int64_t bytes) noexcept {
  Mailbox nowhere;
  const auto found = mailboxes_.find(key);
  Mailbox& mailbox = found == mailboxes_.end() ? nowhere : found->second;
  count(mailbox, live ? -1 : 0, live ? -bytes : 0, live ? 0 : -1);
}

void RecordSet::drop(Mailbox& mailbox, Record& record) noexcept {
  const bool live = record.kind == RecordKind::live;
  count(mailbox, live ? -1 : 0, live ? -static_cast<std::int64_t>(record.value.size()) : 0, live ? 0 : -1);
  record.present = false;
  record.changed = true;
  mailbox.maybe_empty = true;
}

void RecordSet::bury(Mailbox& mailbox, const RecordKey& key, Record& record, RecordKind by) noexcept {
  count(mailbox, -1, -static_cast<std::int64_t>(record.value.size()), 1);
  record.kind = by;
  record.value = {};
  record.sum = sum(key, record);
  record.sound = true;
  record.changed = true;
}

void RecordSet::count(Mailbox& mailbox, std::int64_t messages, std::int64_t bytes,
                      std::int64_t tombstones) noexcept {
  mailbox.messages = std::max<std::int64_t>(mailbox.messages + messages, 0);
  mailbox.bytes = std::max<std::int64_t>(mailbox.bytes + bytes, 0);
  mailbox.changed = true;
  change_.messages += messages;
  change_.bytes += bytes;
  change_.tombstones += tombstones;
}

void RecordSet::apply(RemoveOperation& remove) {
  remove.result = {OpStatus::ok, 0};
  for (const RecordId& id : remove.ids) {
    const auto found = records_.find({remove.mailbox, id});
    if (found != records_.end() && found->second.present && found->second.kind == RecordKind::live) {
      bury(mailboxes_[remove.mailbox], found->first, found->second, RecordKind::removed);
      ++remove.result.removed;
    }
  }
}

void RecordSet::apply(CancelOperation& cancel) {
  cancel.result = CancelStatus::unknown;
  const auto found = records_.find({cancel.mailbox, cancel.id});
  if (found == records_.end() || !found->second.present || !found->second.sound) {
    return;
  }
  Record& record = found->second;
  Mailbox& mailbox = mailboxes_[cancel.mailbox];
  if (record.kind != RecordKind::live) {
    cancel.result = record.kind == RecordKind::cancelled ? CancelStatus::cancelled : CancelStatus::removed;
    return;
  }
  const ByteView value = record.value;
  if (value.size() < commitment_offset + cancel.commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, cancel.commitment.size()), cancel.commitment)) {
    cancel.result = CancelStatus::wrong_proof;
  } else if (lists_bind_ && record.sequence < mailbox.given) {
    cancel.result = CancelStatus::removed;  // Its owner may have it.
  } else {
    cancel.result = CancelStatus::cancelled;
    bury(mailbox, found->first, record, RecordKind::cancelled);
  }
}

}  // namespace toxasync::store
