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
  std::set<MailboxKey> put;      ///< Created where they are missing.
  std::set<MailboxKey> changed;  ///< These too.
  std::set<MailboxKey> listed;
  std::set<RecordSet::RecordKey> records;
};

std::vector<ByteView> views_of(const std::set<MailboxKey>& keys);

template <class AnyId>
std::optional<AnyId> id_of(ByteView bytes) {
  return bytes.size() == AnyId::size() ? std::optional(id_from<AnyId>(bytes)) : std::nullopt;
}

/// Queues BEGIN and the statements whose answers read_load() reads. `lists_bind`: new records that are listed
/// are locked.
void queue_load(PostgresLink& link, const GroupSubjects& subjects, bool lists_bind);
/// Returns how many records are damaged.
std::size_t read_load(std::span<const PostgresRows> answers, RecordSet& set);
/// A row of statement::find_records.
RecordSet::Record record_of(const PostgresRows& found, int row);

/// Queues what the set has changed; at least one statement in any case.
void queue_write(PostgresLink& link, const RecordSet& set);

}  // namespace toxasync::store
