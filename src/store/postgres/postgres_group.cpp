// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_group.hpp"

#include <algorithm>
#include <utility>

#include "store/postgres/postgres_schema.hpp"

namespace toxasync::store {
namespace {

std::vector<ByteView> views_of(const std::set<Mailbox>& keys) {
  return {keys.begin(), keys.end()};
}

}  // namespace

void queue_load(PostgresLink& link, const GroupSubjects& subjects) {
  KeyColumns records, boxes;
  for (const auto& key : subjects.records) {
    records.add(key);
  }
  for (const Box& box : subjects.put_into) {
    boxes.add(box);
  }
  link.query("BEGIN");
  link.execute(statement::add_mailboxes, PostgresParameters().blobs(views_of(subjects.put)));
  link.execute(statement::lock_mailboxes, PostgresParameters().blobs(views_of(subjects.changed)));
  link.execute(statement::lock_boxes, PostgresParameters()
                                          .blobs(boxes.mailboxes)
                                          .blobs(boxes.keys)
                                          .blobs(records.mailboxes)
                                          .blobs(records.keys));
  link.execute(statement::find_records, PostgresParameters().blobs(records.mailboxes).blobs(records.keys));
  link.execute(statement::totals, {});
}

std::size_t read_load(std::span<const PostgresRows> answers, RecordSet& set) {
  const PostgresRows &added = answers[1], &found = answers[4], &totals = answers[5];
  std::set<Mailbox> fresh;
  for (int row = 0; row < added.count(); ++row) {
    if (const auto key = id_of<Mailbox>(added.blob(row, 0))) {
      fresh.insert(*key);
    }
  }
  load_mailboxes(answers[2], fresh, set);
  load_boxes(answers[3], set);
  std::size_t damaged = 0;
  for (int row = 0; row < found.count(); ++row) {
    const auto mailbox = id_of<Mailbox>(found.blob(row, 0));
    const auto id = id_of<RecordId>(found.blob(row, 1));
    auto record = record_of(found, row);
    if (mailbox && id && record) {
      damaged += set.load({*mailbox, *id}, std::move(*record)) ? 0 : 1;
    }
  }
  set.load_totals({totals.integer(0, 0), totals.integer(0, 1), totals.integer(0, 2)});
  return damaged;
}

void load_mailboxes(const PostgresRows& locked, const std::set<Mailbox>& fresh, RecordSet& set) {
  for (int row = 0; row < locked.count(); ++row) {
    if (const auto key = id_of<Mailbox>(locked.blob(row, 0))) {
      set.load(*key, {locked.integer(row, 1), false, fresh.contains(*key)});
    }
  }
}

void load_boxes(const PostgresRows& locked, RecordSet& set) {
  for (int row = 0; row < locked.count(); ++row) {
    const auto mailbox = id_of<Mailbox>(locked.blob(row, 0));
    const auto key = id_of<BoxKey>(locked.blob(row, 1));
    if (mailbox && key) {
      set.load(Box{*mailbox, *key}, {locked.integer(row, 2), locked.integer(row, 3), locked.integer(row, 4),
                                     locked.integer(row, 5), false});
    }
  }
}

std::optional<RecordSet::Record> record_of(const PostgresRows& found, int row) {
  const auto box = id_of<BoxKey>(found.blob(row, 2));
  if (!box) {
    return std::nullopt;
  }
  RecordSet::Record record;
  record.box = *box;
  record.sequence = found.integer(row, 3);
  record.expires_at = found.time(row, 4);
  record.kind = static_cast<RecordKind>(found.integer(row, 5));
  const ByteView value = found.blob(row, 6);
  record.value.assign(value.begin(), value.end());
  if (const ByteView sum = found.blob(row, 7); sum.size() == record.sum.size()) {
    std::ranges::copy(sum, record.sum.begin());
  }
  return record;
}

namespace {

void queue_records(PostgresLink& link, const RecordSet& set) {
  KeyColumns dropped, written;
  std::vector<std::int64_t> sequences, expiries, kinds;
  std::vector<ByteView> boxes, values, sums;
  for (const auto& [key, record] : set.records()) {
    if (record.changed && !record.present) {
      dropped.add(key);
    } else if (record.changed) {
      written.add(key);
      boxes.emplace_back(record.box);
      sequences.push_back(record.sequence);
      expiries.push_back(record.expires_at.time_since_epoch().count());
      kinds.push_back(static_cast<std::int64_t>(record.kind));
      static constexpr std::uint8_t nothing = 0;  // An empty value is not NULL.
      const bool live = record.kind == RecordKind::live;
      values.push_back(!live                  ? ByteView()
                       : record.value.empty() ? ByteView(&nothing, 0)
                                              : ByteView(record.value));
      sums.emplace_back(record.sum);
    }
  }
  if (!dropped.keys.empty()) {
    link.execute(statement::drop_records, PostgresParameters().blobs(dropped.mailboxes).blobs(dropped.keys));
  }
  if (!written.keys.empty()) {
    link.execute(statement::write_records, PostgresParameters()
                                               .blobs(written.mailboxes)
                                               .blobs(written.keys)
                                               .blobs(boxes)
                                               .integers(sequences)
                                               .integers(expiries)
                                               .integers(kinds)
                                               .blobs(values)
                                               .blobs(sums));
  }
}

void queue_boxes(PostgresLink& link, const RecordSet& set) {
  KeyColumns dropped, written;
  std::vector<std::int64_t> messages, bytes, tombstones, given;
  for (const auto& [key, box] : set.boxes()) {
    if (box.changed && box.empty()) {
      dropped.add(key);
    } else if (box.changed) {
      written.add(key);
      messages.push_back(box.messages);
      bytes.push_back(box.bytes);
      tombstones.push_back(box.tombstones);
      given.push_back(box.given);
    }
  }
  if (!written.keys.empty()) {
    link.execute(statement::write_boxes, PostgresParameters()
                                             .blobs(written.mailboxes)
                                             .blobs(written.keys)
                                             .integers(messages)
                                             .integers(bytes)
                                             .integers(tombstones)
                                             .integers(given));
  }
  if (!dropped.keys.empty()) {
    link.execute(statement::drop_boxes, PostgresParameters().blobs(dropped.mailboxes).blobs(dropped.keys));
  }
}

}  // namespace

void queue_write(PostgresLink& link, const RecordSet& set) {
  queue_records(link, set);
  queue_boxes(link, set);
  std::vector<ByteView> changed, maybe_empty;
  std::vector<std::int64_t> next;
  for (const auto& [key, mailbox] : set.mailboxes()) {
    if (mailbox.changed) {
      changed.emplace_back(key);
      next.push_back(mailbox.next);
    }
    if (mailbox.maybe_empty) {
      maybe_empty.emplace_back(key);
    }
  }
  if (!changed.empty()) {
    link.execute(statement::write_mailboxes, PostgresParameters().blobs(changed).integers(next));
  }
  if (!maybe_empty.empty()) {
    link.execute(statement::drop_mailboxes, PostgresParameters().blobs(maybe_empty));
  }
  // Written even when nothing changed: a commit that writes waits until the disks and the standbys also
  // have everything before it, and what was read here may not be there yet. (PostgreSQL counts row locks as
  // writes already, but does not promise to.)
  link.execute(statement::add_totals, PostgresParameters()
                                          .integer(set.change().messages)
                                          .integer(set.change().bytes)
                                          .integer(set.change().tombstones));
}

}  // namespace toxasync::store
