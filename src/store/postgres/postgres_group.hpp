// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "store/postgres/postgres_link.hpp"
#include "store/postgres/record_set.hpp"

// The two round trips of a transaction that changes mailboxes: read and lock, then write.

namespace toxasync::store {

/// What a transaction is about, sorted: so transactions wait for one another's locks in one order.
struct GroupSubjects {
  std::set<Mailbox> put;  ///< Created where they are missing.
  std::set<Box> put_into;
  std::set<Mailbox> changed;  ///< Those of `put` too.
  std::set<RecordSet::RecordKey> records;
};

/// The mailboxes, and the ids or boxes in them, that are parameters of a statement.
struct KeyColumns {
  std::vector<ByteView> mailboxes;
  std::vector<ByteView> keys;

  void add(const RecordSet::RecordKey& key) { add(key.first, key.second); }
  void add(const Box& box) { add(box.mailbox, box.key); }
  void add(ByteView mailbox, ByteView key) {
    mailboxes.push_back(mailbox);
    keys.push_back(key);
  }
};

template <class AnyId>
std::optional<AnyId> id_of(ByteView bytes) {
  return bytes.size() == AnyId::size() ? std::optional(id_from<AnyId>(bytes)) : std::nullopt;
}

/// Queues BEGIN and the statements whose answers read_load() reads.
void queue_load(PostgresLink& link, const GroupSubjects& subjects);
/// Returns how many records are damaged.
std::size_t read_load(std::span<const PostgresRows> answers, RecordSet& set);
/// Rows of statement::lock_mailboxes and statement::lock_boxes. `fresh`: made by this transaction.
void load_mailboxes(const PostgresRows& locked, const std::set<Mailbox>& fresh, RecordSet& set);
void load_boxes(const PostgresRows& locked, RecordSet& set);
/// A row of statement::find_records. Nothing: it has no box.
std::optional<RecordSet::Record> record_of(const PostgresRows& found, int row);

/// Queues what the set has changed; at least one statement in any case.
void queue_write(PostgresLink& link, const RecordSet& set);

}  // namespace toxasync::store
