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
  const auto found = mailboxes_.find(put.box.mailbox);
  if (found == mailboxes_.end()) {
    return false;
  }
  const RecordKey key(put.box.mailbox, put.id);
  Record& record = records_[key];
  if (record.present && (!record.sound || record.expires_at <= put.now)) {
    // A damaged record is useless and may be replaced; an expired one counts as dropped already.
    drop(key.first, record);
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
  const BoxRow& box = boxes_[put.box];
  if (box.messages >= static_cast<std::int64_t>(limits_.box_messages) ||
      static_cast<std::uint64_t>(box.bytes + size) > limits_.box_bytes ||
      box.messages + box.tombstones >= static_cast<std::int64_t>(limits_.box_records)) {
    put.result = {PutStatus::mailbox_full, {}};
  } else if (static_cast<std::uint64_t>(rows) * StoreLimits::record_overhead_bytes +
                 static_cast<std::uint64_t>(bytes) >
             limits_.capacity_bytes) {
    put.result = {PutStatus::store_full, {}};
  } else {
    insert(found->second, put.box, put.id, record, RecordKind::live, put.expires_at, put.value);
    put.result = {PutStatus::stored, put.expires_at};
  }
  return true;
}

void RecordSet::insert(MailboxRow& mailbox, const Box& box, const RecordId& id, Record& record,
                       RecordKind kind, UnixTime expires_at, ByteView value) {
  record.sequence = mailbox.next++;
  mailbox.changed = true;
  record.box = box.key;
  record.expires_at = expires_at;
  record.kind = kind;
  record.value.assign(value.begin(), value.end());
  record.sum = sum({box.mailbox, id}, record);
  record.sound = true;
  record.present = true;
  record.changed = true;
  const bool live = kind == RecordKind::live;
  count(box, live ? 1 : 0, static_cast<std::int64_t>(value.size()), live ? 0 : 1);
}

bool RecordSet::import(const Box& box, const RecordId& id, RecordKind kind, UnixTime expires_at, bool given,
                       ByteView value) {
  const auto found = mailboxes_.find(box.mailbox);
  if (found == mailboxes_.end()) {
    return false;
  }
  const RecordKey key(box.mailbox, id);
  Record& record = records_[key];
  if (record.present && !record.sound) {
    drop(box.mailbox, record);
  }
  if (!record.present) {
    insert(found->second, box, id, record, kind, expires_at, value);
  } else if (record.kind == RecordKind::live && kind != RecordKind::live) {
    bury(key, record, kind);
  }
  if (expires_at > record.expires_at) {
    record.expires_at = expires_at;
    record.sum = sum(key, record);
    record.changed = true;
  }
  BoxRow& row = boxes_[{box.mailbox, record.box}];
  if (given && record.sequence > row.given) {
    row.given = record.sequence;
    row.changed = true;
  }
  return true;
}

void RecordSet::count_dropped(const Box& box, bool live, std::int64_t bytes) {
  count(box, live ? -1 : 0, live ? -bytes : 0, live ? 0 : -1);
}

void RecordSet::drop(const Mailbox& mailbox, Record& record) {
  const bool live = record.kind == RecordKind::live;
  count({mailbox, record.box}, live ? -1 : 0, live ? -static_cast<std::int64_t>(record.value.size()) : 0,
        live ? 0 : -1);
  record.present = false;
  record.changed = true;
}

void RecordSet::bury(const RecordKey& key, Record& record, RecordKind by) {
  count({key.first, record.box}, -1, -static_cast<std::int64_t>(record.value.size()), 1);
  record.kind = by;
  record.value = {};
  record.sum = sum(key, record);
  record.sound = true;
  record.changed = true;
}

void RecordSet::count(const Box& key, std::int64_t messages, std::int64_t bytes, std::int64_t tombstones) {
  BoxRow& box = boxes_[key];
  box.messages = std::max<std::int64_t>(box.messages + messages, 0);
  box.bytes = std::max<std::int64_t>(box.bytes + bytes, 0);
  box.tombstones = std::max<std::int64_t>(box.tombstones + tombstones, 0);
  box.changed = true;
  if (const auto mailbox = mailboxes_.find(key.mailbox); box.empty() && mailbox != mailboxes_.end()) {
    mailbox->second.maybe_empty = true;
  }
  change_.messages += messages;
  change_.bytes += bytes;
  change_.tombstones += tombstones;
}

void RecordSet::apply(RemoveOperation& remove) {
  remove.result = {OpStatus::ok, 0};
  for (const RecordId& id : remove.ids) {
    const auto found = records_.find({remove.mailbox, id});
    if (found != records_.end() && found->second.present && found->second.kind == RecordKind::live) {
      bury(found->first, found->second, RecordKind::removed);
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
  if (record.kind != RecordKind::live) {
    cancel.result = record.kind == RecordKind::cancelled ? CancelStatus::cancelled : CancelStatus::removed;
    return;
  }
  const ByteView value = record.value;
  if (value.size() < commitment_offset + cancel.commitment.size() ||
      !crypto::equal(value.subspan(commitment_offset, cancel.commitment.size()), cancel.commitment)) {
    cancel.result = CancelStatus::wrong_proof;
  } else if (record.sequence <= boxes_[{cancel.mailbox, record.box}].given) {
    cancel.result = CancelStatus::removed;  // Its owner may have it.
  } else {
    cancel.result = CancelStatus::cancelled;
    bury(found->first, record, RecordKind::cancelled);
  }
}

}  // namespace toxasync::store
