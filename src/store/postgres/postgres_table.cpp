// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_table.hpp"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "store/postgres/postgres_group.hpp"

namespace toxasync::store {
namespace {

constexpr int most_conflicts = 10;
constexpr std::chrono::milliseconds first_back_off{100};

bool changes(const StoreOperation& operation) noexcept {
  return !std::holds_alternative<ListOperation>(operation);
}

// So that it can be added to.
std::int64_t cursor_of(std::uint64_t number) noexcept {
  return static_cast<std::int64_t>(std::min(number, static_cast<std::uint64_t>(INT64_MAX) - 1));
}

GroupSubjects subjects_of(std::span<StoreOperation* const> group) {
  GroupSubjects subjects;
  for (const StoreOperation* operation : group) {
    if (const auto* const put = std::get_if<PutOperation>(operation)) {
      subjects.put.insert(put->mailbox);
      subjects.changed.insert(put->mailbox);
      subjects.records.insert({put->mailbox, put->id});
    } else if (const auto* const remove = std::get_if<RemoveOperation>(operation)) {
      subjects.changed.insert(remove->mailbox);
      for (const RecordId& id : remove->ids) {
        subjects.records.insert({remove->mailbox, id});
      }
    } else if (const auto* const cancel = std::get_if<CancelOperation>(operation)) {
      subjects.changed.insert(cancel->mailbox);
      subjects.records.insert({cancel->mailbox, cancel->id});
    } else if (const auto* const list = std::get_if<ListOperation>(operation)) {
      subjects.listed.insert(list->mailbox);
    }
  }
  return subjects;
}

void fail_all(std::span<StoreOperation* const> group, JobFailure why) {
  for (StoreOperation* operation : group) {
    std::visit([why](auto& what) { what.fail(why); }, *operation);
  }
}

}  // namespace

PostgresTable::PostgresTable(std::string url, const StoreLimits& limits, const PostgresStoreOptions& options,
                             const Telemetry& telemetry, Random& random, int stop_fd)
    : url_(std::move(url)),
      limits_(limits),
      options_(options),
      telemetry_(telemetry),
      sum_key_(random.array<32>()),
      link_(stop_fd),
      stop_fd_(stop_fd),
      capacity_bytes_(limits.capacity_bytes) {}

std::optional<std::string> PostgresTable::open() {
  if (!connect()) {
    return why_;
  }
  std::vector<PostgresRows> answers;
  link_.execute(statement::totals, {});
  if (link_.round_trip(answers, options_.patience) != LinkStatus::ok) {
    return link_.error();
  }
  publish(answers[0]);
  return std::nullopt;
}

bool PostgresTable::connect() {
  if (link_.owes()) {
    if (PostgresLink::Clock::now() < give_up_at_) {
      return false;
    }
    link_.close();
  }
  if (link_.is_open()) {
    return true;
  }
  if (PostgresLink::Clock::now() < connect_at_) {
    return false;
  }
  why_.clear();
  std::optional<PostgresDatabase> database;
  if (link_.connect(url_, options_.connect_patience)) {
    database = attach(link_, sum_key_, options_.patience, why_);
  } else {
    why_ = link_.error();
  }
  if (database && attached_before_ && database->sum_key != sum_key_) {
    why_ =
        "the connection leads to another database than at the start: correct the connection string or the "
        "server, or restart toxasyncd to use this database";
    database.reset();
  }
  if (!database) {
    link_.close();
    back_off_ = std::clamp(back_off_ * 2, first_back_off, options_.longest_back_off);
    connect_at_ = PostgresLink::Clock::now() + back_off_;
    telemetry_.log(LogLevel::error, "store", "no connection to PostgreSQL: " + why_);
    return false;
  }
  sum_key_ = database->sum_key;
  if (!database->syncs) {
    telemetry_.log(
        LogLevel::warning, "store",
        "PostgreSQL runs with fsync=off: a power failure can lose acknowledged messages; set fsync=on");
  }
  if (attached_before_) {
    telemetry_.log(LogLevel::info, "store", "connected to PostgreSQL again");
  }
  attached_before_ = true;
  back_off_ = std::chrono::milliseconds(0);
  return true;
}

void PostgresTable::run(std::span<StoreOperation* const> group) {
  const auto deadline = PostgresLink::Clock::now() + options_.patience;
  LinkStatus status = LinkStatus::lost;
  failure_.clear();  // Of a group that succeeded in the end.
  for (int conflicts = 0, losses = 0; true;) {
    bool may_be_done = false;
    status = LinkStatus::lost;
    try {
      if (connect()) {
        status = attempt(group, may_be_done);
      }
    } catch (const std::exception&) {
      link_.close();  // Out of memory; the server rolls back the transaction.
      may_be_done = true;
    }
    const bool in_time = PostgresLink::Clock::now() < deadline;
    if (status == LinkStatus::conflict && ++conflicts < most_conflicts && in_time) {
      pause_after_conflict(conflicts);
      continue;
    }
    // A connection that broke before COMMIT was sent has changed nothing.
    if (status == LinkStatus::lost && !may_be_done && losses++ == 0 && in_time &&
        PostgresLink::Clock::now() >= connect_at_) {
      continue;
    }
    break;
  }
  if (status == LinkStatus::ok) {
    return;
  }
  if ((status == LinkStatus::refused || status == LinkStatus::full) && group.size() > 1) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      run(group.subspan(i, 1));
    }
    return;
  }
  telemetry_.count(Counter::store_failed);
  if (!failure_.empty()) {
    telemetry_.log(LogLevel::error, "store", "PostgreSQL: " + std::exchange(failure_, {}));
  }
  fail_all(group, status == LinkStatus::full ? JobFailure::full : JobFailure::failed);
}

void PostgresTable::pause_after_conflict(int attempts) {
  pollfd stop{stop_fd_, POLLIN, 0};
  ::poll(&stop, 1, attempts * 5);  // Milliseconds; different daemons' rounds differ by themselves.
}

LinkStatus PostgresTable::attempt(std::span<StoreOperation* const> group, bool& may_be_done) {
  LinkStatus status = LinkStatus::ok;
  failure_.clear();
  if (auto* const expire_operation = std::get_if<ExpireOperation>(group.front())) {
    status = expire(*expire_operation, may_be_done);
  } else if (std::ranges::any_of(group, [](const auto* operation) { return changes(*operation); })) {
    status = change(group, may_be_done);
  } else {
    status = read_only(group, may_be_done);
  }
  if (status != LinkStatus::ok && failure_.empty()) {
    failure_ = link_.error();
  }
  if (status != LinkStatus::ok && status != LinkStatus::late && link_.is_open()) {
    link_.query("ROLLBACK");
    if (link_.round_trip(options_.patience) != LinkStatus::ok) {
      link_.close();
    }
  }
  return status;
}

LinkStatus PostgresTable::commit(std::vector<PostgresRows>& answers, bool& may_be_done) {
  link_.query("COMMIT");
  may_be_done = true;
  const LinkStatus status = link_.round_trip(answers, options_.patience, PostgresLink::IfLate::keep);
  if (status == LinkStatus::late) {
    give_up_at_ = PostgresLink::Clock::now() + options_.late_patience;
    failure_ =
        "no confirmation of a commit in time: check that enough standbys are connected; nothing is stored "
        "until it comes";
  }
  if (status != LinkStatus::ok) {
    return status;
  }
  // The tag of a transaction that was rolled back is ROLLBACK. A warning: the wait for the standbys was
  // cancelled, so it is on one disk only.
  if (answers.back().tag() != "COMMIT" || link_.warned()) {
    link_.close();
    failure_ =
        "the wait for the standbys was ended: the commit is on the primary only and is not acknowledged; "
        "check the standbys";
    return LinkStatus::lost;
  }
  return LinkStatus::ok;
}

LinkStatus PostgresTable::change(std::span<StoreOperation* const> group, bool& may_be_done) {
  RecordSet set(present_limits(), sum_key_, options_.lists_bind);
  const GroupSubjects subjects = subjects_of(group);
  std::vector<PostgresRows> answers;
  queue_load(link_, subjects, options_.lists_bind);
  if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
    return status;
  }
  count_damaged(read_load(answers, set));
  for (StoreOperation* operation : group) {
    if (auto* const put = std::get_if<PutOperation>(operation)) {
      if (!set.apply(*put)) {
        return LinkStatus::conflict;  // Its mailbox was empty and dropped by another transaction just now.
      }
    } else if (auto* const remove = std::get_if<RemoveOperation>(operation)) {
      set.apply(*remove);
    } else if (auto* const cancel = std::get_if<CancelOperation>(operation)) {
      set.apply(*cancel);
    }
  }
  queue_write(link_, set);
  if (options_.lists_bind) {
    link_.execute(statement::mark_given, PostgresParameters().blobs(views_of(subjects.listed)));
  }
  std::size_t lists = 0;
  for (const StoreOperation* operation : group) {
    if (const auto* const list = std::get_if<ListOperation>(operation)) {
      send_list(*list, list->after);
      ++lists;
    }
  }
  link_.execute(statement::totals, {});
  if (const LinkStatus status = commit(answers, may_be_done); status != LinkStatus::ok) {
    return status;
  }
  publish(answers[answers.size() - 2]);
  read_lists(group, std::span<const PostgresRows>(answers).last(lists + 2).first(lists));
  return LinkStatus::ok;
}

LinkStatus PostgresTable::read_only(std::span<StoreOperation* const> group, bool& may_be_done) {
  const GroupSubjects subjects = subjects_of(group);
  link_.query("BEGIN");
  if (options_.lists_bind) {
    link_.execute(statement::mark_given, PostgresParameters().blobs(views_of(subjects.listed)));
  }
  for (const StoreOperation* operation : group) {
    const auto& list = std::get<ListOperation>(*operation);
    send_list(list, list.after);
  }
  if (options_.lists_bind) {
    send_wait_for_marks(group);
  }
  std::vector<PostgresRows> answers;
  if (const LinkStatus status = commit(answers, may_be_done); status != LinkStatus::ok) {
    return status;
  }
  read_lists(group,
             std::span<const PostgresRows>(answers).subspan(options_.lists_bind ? 2 : 1, group.size()));
  return LinkStatus::ok;
}

// A mark whose wait for the standbys was cancelled may be on this disk only: so a list of anything marked
// writes, and its commit waits. This comes after the lists: what they have seen as marked is marked now.
void PostgresTable::send_wait_for_marks(std::span<StoreOperation* const> group) {
  std::vector<ByteView> mailboxes;
  std::vector<std::int64_t> cursors;
  for (const StoreOperation* operation : group) {
    const auto& list = std::get<ListOperation>(*operation);
    mailboxes.emplace_back(list.mailbox);
    cursors.push_back(cursor_of(list.after));
  }
  link_.execute(statement::wait_for_marks, PostgresParameters().blobs(mailboxes).integers(cursors));
}

// One row more than fits on the page shows whether there are more.
void PostgresTable::send_list(const ListOperation& list, std::uint64_t after) {
  const auto limit = cursor_of(list.max_records()) + 1;
  link_.execute(statement::list_records, PostgresParameters()
                                             .blob(list.mailbox)
                                             .integer(cursor_of(after))
                                             .time(list.now)
                                             .integer(limit)
                                             .integer(options_.lists_bind ? 1 : 0));
}

void PostgresTable::read_lists(std::span<StoreOperation* const> group,
                               std::span<const PostgresRows> answers) {
  for (StoreOperation* operation : group) {
    if (auto* const list = std::get_if<ListOperation>(operation)) {
      read_list(*list, answers.front());
      answers = answers.subspan(1);
    }
  }
}

void PostgresTable::read_list(ListOperation& list, const PostgresRows& first) {
  list.result = {OpStatus::ok, {}, false};
  std::uint64_t after = list.after;
  std::vector<PostgresRows> answers;
  for (bool more = read_rows(list, first, after); more; more = read_rows(list, answers[0], after)) {
    // Damaged records left room on the page.
    send_list(list, after);
    if (link_.round_trip(answers, options_.patience) != LinkStatus::ok) {
      return list.fail(JobFailure::failed);  // Only this one: the rest of the group is committed.
    }
  }
}

// True: there may be more rows after these, and room for them. `after`: the last one that was read.
bool PostgresTable::read_rows(ListOperation& list, const PostgresRows& rows, std::uint64_t& after) {
  std::size_t bytes = 0;
  for (const Record& record : list.result.records) {
    bytes += record.value.size();
  }
  for (int row = 0; row < rows.count(); ++row) {
    const ByteView id = rows.blob(row, 0), value = rows.blob(row, 4);
    after = static_cast<std::uint64_t>(rows.integer(row, 1));
    const UnixTime expires_at = rows.time(row, 2);
    if (!std::ranges::equal(rows.blob(row, 5),
                            record_checksum(sum_key_, list.mailbox, id, expires_at,
                                            static_cast<RecordKind>(rows.integer(row, 3)), value)) ||
        id.size() != sizeof(RecordId)) {
      count_damaged(1);
      continue;
    }
    if (list.result.records.size() >= list.max_records() ||
        (!list.result.records.empty() && bytes + value.size() > list.limits.max_bytes)) {
      list.result.more = true;
      return false;
    }
    bytes += value.size();
    list.result.records.push_back(
        {after, id_from<RecordId>(id), expires_at, Bytes(value.begin(), value.end())});
  }
  return static_cast<std::size_t>(rows.count()) > list.max_records();
}

LinkStatus PostgresTable::expire(ExpireOperation& operation, bool& may_be_done) {
  std::vector<PostgresRows> answers;
  link_.query("BEGIN");
  link_.execute(statement::due_records,
                PostgresParameters()
                    .time(operation.now)
                    .integer(static_cast<std::int64_t>(std::min(operation.max_rows, expire_slice))));
  if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
    return status;
  }
  const PostgresRows due = std::move(answers[1]);
  if (due.count() == 0) {
    link_.execute(statement::totals, {});
    const LinkStatus status = commit(answers, may_be_done);
    if (status == LinkStatus::ok) {
      publish(answers[0]);
    }
    return status;
  }
  std::vector<ByteView> mailboxes, ids;
  for (int row = 0; row < due.count(); ++row) {
    mailboxes.push_back(due.blob(row, 0));
    ids.push_back(due.blob(row, 1));
  }
  link_.execute(statement::lock_mailboxes, PostgresParameters().blobs(mailboxes).blobs({}));
  link_.execute(statement::drop_due, PostgresParameters().blobs(mailboxes).blobs(ids).time(operation.now));
  if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
    return status;
  }
  const PostgresRows locked = std::move(answers[0]), dropped = std::move(answers[1]);
  RecordSet set(present_limits(), sum_key_, options_.lists_bind);
  for (int row = 0; row < locked.count(); ++row) {
    if (const auto key = id_of<MailboxKey>(locked.blob(row, 0))) {
      set.load(*key, {locked.integer(row, 1), locked.integer(row, 2), locked.integer(row, 3),
                      locked.integer(row, 4), false, true});
    }
  }
  for (int row = 0; row < dropped.count(); ++row) {
    set.count_dropped(id_of<MailboxKey>(dropped.blob(row, 0)).value_or(MailboxKey{}),
                      dropped.integer(row, 1) == static_cast<std::int64_t>(RecordKind::live),
                      dropped.integer(row, 2));
  }
  queue_write(link_, set);
  link_.execute(statement::totals, {});
  const LinkStatus status = commit(answers, may_be_done);
  if (status == LinkStatus::ok) {
    telemetry_.count(Counter::node_expired, static_cast<std::uint64_t>(dropped.count()));
    publish(answers[answers.size() - 2]);
  }
  return status;
}

void PostgresTable::publish(const PostgresRows& totals) {
  const std::lock_guard lock(published_mutex_);
  published_ = {totals.integer(0, 0), totals.integer(0, 1), totals.integer(0, 2)};
}

StoreStats PostgresTable::stats() const {
  const std::lock_guard lock(published_mutex_);
  return {static_cast<std::uint64_t>(published_.messages), static_cast<std::uint64_t>(published_.bytes),
          static_cast<std::uint64_t>(published_.tombstones), damaged_.load(std::memory_order_relaxed),
          capacity_bytes_};
}

StoreLimits PostgresTable::present_limits() const noexcept {
  StoreLimits limits = limits_;
  limits.capacity_bytes = capacity_bytes_;
  return limits;
}

void PostgresTable::count_damaged(std::size_t records) noexcept {
  damaged_.fetch_add(records, std::memory_order_relaxed);
  telemetry_.count(Counter::store_record_damaged, records);
}

}  // namespace toxasync::store
