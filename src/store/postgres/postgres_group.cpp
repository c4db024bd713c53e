// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_group.hpp"

#include <algorithm>
#include <utility>

#include "store/postgres/postgres_schema.hpp"

namespace toxasync::store {
namespace {

/// The mailboxes and ids that are parameters of a statement.
struct Keys {
  std::vector<ByteView> mailboxes;
  std::vector<ByteView> ids;

  void add(const RecordSet::RecordKey& key) {
    mailboxes.emplace_back(key.first);
    ids.emplace_back(key.second);
  }
};

}  // namespace

std::vector<ByteView> views_of(const std::set<MailboxKey>& keys) {
  return {keys.begin(), keys.end()};
}

void queue_load(PostgresLink& link, const GroupSubjects& subjects, bool lists_bind) {
  Keys keys;
  for (const auto& key : subjects.records) {
    keys.add(key);
  }
  link.query("BEGIN");
  link.execute(statement::add_mailboxes, PostgresParameters().blobs(views_of(subjects.put)));
  link.execute(statement::lock_mailboxes,
               PostgresParameters()
                   .blobs(views_of(subjects.changed))
                   .blobs(lists_bind ? views_of(subjects.listed) : std::vector<ByteView>()));
  link.execute(statement::find_records, PostgresParameters().blobs(keys.mailboxes).blobs(keys.ids));
  link.execute(statement::totals, {});
}

std::size_t read_load(std::span<const PostgresRows> answers, RecordSet& set) {
  const PostgresRows &added = answers[1], &locked = answers[2], &found = answers[3], &totals = answers[4];
  std::set<MailboxKey> fresh;
  for (int row = 0; row < added.count(); ++row) {
    if (const auto key = id_of<MailboxKey>(added.blob(row, 0))) {
      fresh.insert(*key);
    }
  }
  for (int row = 0; row < locked.count(); ++row) {
    if (const auto key = id_of<MailboxKey>(locked.blob(row, 0))) {
      set.load(*key, {locked.integer(row, 1), locked.integer(row, 2), locked.integer(row, 3),
                      locked.integer(row, 4), false, fresh.contains(*key)});
    }
  }
  std::size_t damaged = 0;
  for (int row = 0; row < found.count(); ++row) {
    const auto mailbox = id_of<MailboxKey>(found.blob(row, 0));
    const auto id = id_of<RecordId>(found.blob(row, 1));
    if (mailbox && id) {
      damaged += set.load({*mailbox, *id}, record_of(found, row)) ? 0 : 1;
    }
  }
  set.load_totals({totals.integer(0, 0), totals.integer(0, 1), totals.integer(0, 2)});
  return damaged;
}

RecordSet::Record record_of(const PostgresRows& found, int row) {
  RecordSet::Record record;
  record.sequence = found.integer(row, 2);
  record.expires_at = found.time(row, 3);
  record.kind = static_cast<RecordKind>(found.integer(row, 4));
  const ByteView value = found.blob(row, 5);
  record.value.assign(value.begin(), value.end());
  if (const ByteView sum = found.blob(row, 6); sum.size() == record.sum.size()) {
    std::ranges::copy(sum, record.sum.begin());
  }
  return record;
}

void queue_write(PostgresLink& link, const RecordSet& set) {
  Keys dropped, written;
  std::vector<std::int64_t> sequences, expiries, kinds;
  std::vector<ByteView> values, sums;
  for (const auto& [key, record] : set.records()) {
    if (record.changed && !record.present) {
      dropped.add(key);
    } else if (record.changed) {
      written.add(key);
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
  if (!dropped.ids.empty()) {
    link.execute(statement::drop_records, PostgresParameters().blobs(dropped.mailboxes).blobs(dropped.ids));
  }
  if (!written.ids.empty()) {
    link.execute(statement::write_records, PostgresParameters()
                                               .blobs(written.mailboxes)
                                               .blobs(written.ids)
                                               .integers(sequences)
                                               .integers(expiries)
                                               .integers(kinds)
                                               .blobs(values)
                                               .blobs(sums));
  }
  std::vector<ByteView> changed, maybe_empty;
  std::vector<std::int64_t> next, messages, bytes;
  for (const auto& [key, mailbox] : set.mailboxes()) {
    if (mailbox.changed) {
      changed.emplace_back(key);
      next.push_back(mailbox.next);
      messages.push_back(mailbox.messages);
      bytes.push_back(mailbox.bytes);
    }
    if (mailbox.maybe_empty && mailbox.messages == 0) {
      maybe_empty.emplace_back(key);
    }
  }
  if (!changed.empty()) {
    link.execute(statement::write_mailboxes,
                 PostgresParameters().blobs(changed).integers(next).integers(messages).integers(bytes));
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
