// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_import.hpp"

#include <poll.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/postgres/postgres_group.hpp"

namespace toxasync::store {
namespace {

constexpr std::size_t batch_rows = 500;
constexpr int most_attempts = 5;
constexpr milliseconds first_pause =
    500ms;  // Doubled each time: 7.5 s in all, for a server that is restarting.
constexpr std::chrono::milliseconds patience{30000};
constexpr const char* read_error =
    "the old database cannot be read: look for disk errors in the system's log";

GroupSubjects subjects_of(const std::vector<RecordTable::Row>& rows) {
  GroupSubjects subjects;
  for (const auto& row : rows) {
    subjects.put.insert(row.box.mailbox);
    subjects.put_into.insert(row.box);
    subjects.changed.insert(row.box.mailbox);
    subjects.records.insert({row.box.mailbox, row.id});
  }
  return subjects;
}

}  // namespace

std::optional<std::string> PostgresImport::run(
    UnixTime now, NodeStats& stats, const std::function<void(std::uint64_t rows)>& report_progress) {
  stats = {};
  const auto start = progress();
  if (!start) {
    return why_;
  }
  bool good = pass(now, *start, true, stats, report_progress) && pass(now, 0, false, stats, report_progress);
  if (good && stats.wrong > 0 && *start > 0) {
    // The old database was served again after the interruption: what was copied before may have changed.
    good = pass(now, 0, true, stats, report_progress) && pass(now, 0, false, stats, report_progress);
  }
  return good ? std::nullopt : std::optional(why_);
}

/// Copies or compares what has a larger sequence than `at`.
bool PostgresImport::pass(UnixTime now, std::int64_t at, bool copying, NodeStats& stats,
                          const std::function<void(std::uint64_t rows)>& report_progress) {
  const std::uint64_t damaged_before = from_.stats().damaged;
  NodeStats found;
  found.copied = stats.copied;
  Rows rows;
  std::uint64_t seen = 0;
  for (bool more = true; more; report_progress(seen += rows.size())) {
    if (from_.read(at, batch_rows, rows, more) != DbStatus::ok) {
      why_ = read_error;
      return false;
    }
    found.expired += std::erase_if(rows, [now](const auto& row) { return row.expires_at <= now; });
    if (!rows.empty() && !insist([&] { return copying ? copy(rows, at) : compare(rows, found); })) {
      return false;
    }
    found.copied += copying ? rows.size() : 0;
  }
  found.damaged = from_.stats().damaged - damaged_before;
  stats = found;
  return true;
}

bool PostgresImport::connect() {
  if (link_.is_open()) {
    return true;
  }
  if (!link_.connect(url_, std::chrono::milliseconds(5000))) {
    why_ = link_.error();
    return false;
  }
  const auto database = attach(link_, sum_key_, patience, why_);
  if (!database) {
    link_.close();
    return false;
  }
  sum_key_ = database->sum_key;
  return true;
}

std::optional<std::int64_t> PostgresImport::progress() {
  std::vector<PostgresRows> answers;
  if (!connect()) {
    return std::nullopt;
  }
  link_.execute(statement::progress, PostgresParameters().blob(from_.identity()));
  if (link_.round_trip(answers, patience) != LinkStatus::ok) {
    why_ = link_.error();
    return std::nullopt;
  }
  return answers[0].count() == 0 ? 0 : answers[0].integer(0, 0);
}

/// `once` must be idempotent: it is called again after its answer was lost.
bool PostgresImport::insist(const std::function<LinkStatus()>& once) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (attempt > 0) {
      ::poll(nullptr, 0, static_cast<int>(first_pause.count()) << (attempt - 1));
    }
    if (!connect()) {
      continue;
    }
    const LinkStatus status = once();
    if (status == LinkStatus::ok) {
      return true;
    }
    why_ = !link_.error().empty() ? link_.error()
           : status == LinkStatus::conflict
               ? "another process changes the same tables: stop all toxasyncd that use this database"
               : "the wait for the standbys was ended: the commit is on the primary only; check the standbys";
    link_.close();
    if (status == LinkStatus::refused || status == LinkStatus::full) {
      return false;
    }
  }
  return false;
}

// A row that is there already stays as it is.
LinkStatus PostgresImport::copy(const Rows& rows, std::int64_t last) {
  std::vector<PostgresRows> answers;
  queue_load(link_, subjects_of(rows));
  if (const LinkStatus status = link_.round_trip(answers, patience); status != LinkStatus::ok) {
    return status;
  }
  RecordSet set({}, sum_key_);
  read_load(answers, set);
  for (const auto& row : rows) {
    if (!set.import(row.box, row.id, row.kind, row.expires_at, row.given, row.value)) {
      return LinkStatus::conflict;
    }
  }
  queue_write(link_, set);
  link_.execute(statement::note_progress, PostgresParameters().blob(from_.identity()).integer(last));
  link_.query("COMMIT");
  const LinkStatus status = link_.round_trip(answers, patience);
  return status == LinkStatus::ok && (answers.back().tag() != "COMMIT" || link_.warned()) ? LinkStatus::lost
                                                                                          : status;
}

LinkStatus PostgresImport::compare(const Rows& rows, NodeStats& stats) {
  KeyColumns keys;
  for (const auto& row : rows) {
    keys.add(row.box.mailbox, row.id);
  }
  std::vector<PostgresRows> answers;
  for (const char* const name : {statement::find_records, statement::find_given}) {
    link_.execute(name, PostgresParameters().blobs(keys.mailboxes).blobs(keys.keys));
  }
  if (const LinkStatus status = link_.round_trip(answers, patience); status != LinkStatus::ok) {
    return status;
  }
  const auto key_of = [](const PostgresRows& found, int row) {
    return RecordSet::RecordKey(id_of<Mailbox>(found.blob(row, 0)).value_or(Mailbox{}),
                                id_of<RecordId>(found.blob(row, 1)).value_or(RecordId{}));
  };
  std::map<RecordSet::RecordKey, RecordSet::Record> there;
  for (int row = 0; row < answers[0].count(); ++row) {
    if (auto record = record_of(answers[0], row)) {
      there[key_of(answers[0], row)] = std::move(*record);
    }
  }
  std::set<RecordSet::RecordKey> given;
  for (int row = 0; row < answers[1].count(); ++row) {
    given.insert(key_of(answers[1], row));
  }
  for (const auto& row : rows) {
    const RecordSet::RecordKey key(row.box.mailbox, row.id);
    const auto found = there.find(key);
    const bool same =
        found != there.end() && found->second.box == row.box.key &&
        found->second.expires_at >= row.expires_at &&
        (found->second.kind == row.kind || found->second.kind != RecordKind::live) &&
        (found->second.kind != RecordKind::live || std::ranges::equal(found->second.value, row.value)) &&
        found->second.sum == record_checksum(sum_key_, row.box.mailbox, row.box.key, row.id,
                                             found->second.expires_at, found->second.kind,
                                             found->second.value) &&
        (!row.given || given.contains(key));
    stats.wrong += same ? 0 : 1;
    stats.live += same && row.kind == RecordKind::live ? 1 : 0;
    stats.tombstones += same && row.kind != RecordKind::live ? 1 : 0;
  }
  return LinkStatus::ok;
}

}  // namespace toxasync::store
