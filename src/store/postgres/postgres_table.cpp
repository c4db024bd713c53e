// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_table.hpp"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "store/postgres/postgres_group.hpp"

namespace toxasync::store {
namespace {

constexpr int most_conflicts = 10;
constexpr std::chrono::milliseconds first_back_off{100};

bool lists(const StoreOperation* operation) noexcept {
  return std::holds_alternative<ListOperation>(*operation);
}

// So that it can be added to.
std::int64_t cursor_of(std::uint64_t number) noexcept {
  return static_cast<std::int64_t>(std::min(number, static_cast<std::uint64_t>(INT64_MAX) - 1));
}

GroupSubjects subjects_of(std::span<StoreOperation* const> group) {
  GroupSubjects subjects;
  for (const StoreOperation* operation : group) {
    if (const auto* const put = std::get_if<PutOperation>(operation)) {
      subjects.put.insert(put->box.mailbox);
      subjects.put_into.insert(put->box);
      subjects.changed.insert(put->box.mailbox);
      subjects.records.insert({put->box.mailbox, put->id});
    } else if (const auto* const remove = std::get_if<RemoveOperation>(operation)) {
      subjects.changed.insert(remove->mailbox);
      for (const RecordId& id : remove->ids) {
        subjects.records.insert({remove->mailbox, id});
      }
    } else if (const auto* const cancel = std::get_if<CancelOperation>(operation)) {
      subjects.changed.insert(cancel->mailbox);
      subjects.records.insert({cancel->mailbox, cancel->id});
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
  std::vector<StoreOperation*> sorted(group.begin(), group.end());
  const auto first_list = std::stable_partition(sorted.begin(), sorted.end(), std::not_fn(lists));
  for (const std::span<StoreOperation* const> part :
       {std::span(sorted.begin(), first_list), std::span(first_list, sorted.end())}) {
    if (!part.empty()) {
      run_one(part);
    }
  }
}

void PostgresTable::run_one(std::span<StoreOperation* const> group) {
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
      run_one(group.subspan(i, 1));
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
  } else if (lists(group.front())) {
    status = list(group, may_be_done);
  } else {
    status = change(group, may_be_done);
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
  RecordSet set(present_limits(), sum_key_);
  const GroupSubjects subjects = subjects_of(group);
  std::vector<PostgresRows> answers;
  queue_load(link_, subjects);
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
  link_.execute(statement::totals, {});
  const LinkStatus status = commit(answers, may_be_done);
  if (status == LinkStatus::ok) {
    publish(answers[answers.size() - 2]);
  }
  return status;
}

// Without a transaction: most lists find nothing, and then nothing has to be written.
LinkStatus PostgresTable::list(std::span<StoreOperation* const> group, bool& may_be_done) {
  for (const StoreOperation* operation : group) {
    const auto& list = std::get<ListOperation>(*operation);
    send_list(list, list.after);
  }
  std::vector<PostgresRows> answers;
  if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
    return status;
  }
  bool nothing = true;
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& list = std::get<ListOperation>(*group[i]);
    if (const LinkStatus status = read_list(list, answers[i]); status != LinkStatus::ok) {
      return status;
    }
    nothing = nothing && list.result.records.empty();
  }
  return nothing ? LinkStatus::ok : mark_given(group, may_be_done);
}

// Whoever cancels locks the box too. So when the marks are set, what is still live of what was found cannot
// be cancelled any more, and the rest is not told. It writes even where no mark moves: the mark may be one
// whose wait for the standbys was ended, and this commit waits for it.
LinkStatus PostgresTable::mark_given(std::span<StoreOperation* const> group, bool& may_be_done) {
  std::map<Box, std::int64_t> highest;
  KeyColumns records, boxes;
  std::vector<std::int64_t> sequences, marks;
  for (const StoreOperation* operation : group) {
    const auto& list = std::get<ListOperation>(*operation);
    for (const Record& record : list.result.records) {
      records.add(list.mailbox, record.id);
      sequences.push_back(static_cast<std::int64_t>(record.sequence));
    }
    for (const auto& [key, mark] : list.marks) {
      std::int64_t& most = highest[{list.mailbox, key}];
      most = std::max(most, static_cast<std::int64_t>(mark));
    }
  }
  for (const auto& [box, mark] : highest) {
    boxes.add(box);
    marks.push_back(mark);
  }
  link_.query("BEGIN");
  for (const char* const name : {statement::lock_given, statement::mark_given}) {
    link_.execute(name, PostgresParameters().blobs(boxes.mailboxes).blobs(boxes.keys).integers(marks));
  }
  link_.execute(statement::still_live,
                PostgresParameters().blobs(records.mailboxes).blobs(records.keys).integers(sequences));
  link_.execute(statement::add_totals, PostgresParameters().integer(0).integer(0).integer(0));
  std::vector<PostgresRows> answers;
  if (const LinkStatus status = commit(answers, may_be_done); status != LinkStatus::ok) {
    return status;
  }
  const PostgresRows& live = answers[3];
  std::set<RecordSet::RecordKey> kept;
  for (int row = 0; row < live.count(); ++row) {
    const auto mailbox = id_of<Mailbox>(live.blob(row, 0));
    const auto id = id_of<RecordId>(live.blob(row, 1));
    if (mailbox && id) {
      kept.insert({*mailbox, *id});
    }
  }
  for (StoreOperation* operation : group) {
    auto& list = std::get<ListOperation>(*operation);
    std::erase_if(list.result.records, [&](const Record& record) {
      return !kept.contains({list.mailbox, record.id});
    });
  }
  return LinkStatus::ok;
}

// One row more than fits on the page shows whether there are more.
void PostgresTable::send_list(const ListOperation& list, std::uint64_t after) {
  const auto named = named_tags(list.boxes);
  const std::vector<ByteView> tags(named.begin(), named.end());
  link_.execute(statement::list_records,
                PostgresParameters()
                    .blob(list.mailbox)
                    .blobs(tags)
                    .integer(cursor_of(after))
                    .integer(cursor_of(std::max<std::size_t>(list.limits.max_records, 1)) + 1));
}

LinkStatus PostgresTable::read_list(ListOperation& list, const PostgresRows& first) {
  ListFiller filler(list);
  std::vector<PostgresRows> answers;
  for (auto after = read_rows(list, first, filler); after; after = read_rows(list, answers[0], filler)) {
    // Expired and damaged records left room on the page.
    send_list(list, *after);
    if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
      return status;
    }
  }
  return LinkStatus::ok;
}

// The last sequence that was read, if there may be more rows after it, and room for them.
std::optional<std::uint64_t> PostgresTable::read_rows(const ListOperation& list, const PostgresRows& rows,
                                                      ListFiller& filler) {
  std::uint64_t last = list.after;
  for (int row = 0; row < rows.count(); ++row) {
    const ByteView id = rows.blob(row, 0), box = rows.blob(row, 1), value = rows.blob(row, 5);
    last = static_cast<std::uint64_t>(rows.integer(row, 2));
    const UnixTime expires_at = rows.time(row, 3);
    bool room = false;
    if (expires_at <= list.now) {
      room = filler.skip(last);
    } else if (!std::ranges::equal(rows.blob(row, 6),
                                   record_checksum(sum_key_, list.mailbox, box, id, expires_at,
                                                   static_cast<RecordKind>(rows.integer(row, 4)), value)) ||
               id.size() != RecordId::size() || box.size() != BoxKey::size()) {
      count_damaged(1);
      room = filler.skip(last);
    } else {
      room = filler.add({last, box, id, expires_at, value});
    }
    if (!room) {
      return std::nullopt;
    }
  }
  const bool may_be_more =
      static_cast<std::size_t>(rows.count()) > std::max<std::size_t>(list.limits.max_records, 1);
  return may_be_more ? std::optional(last) : std::nullopt;
}

LinkStatus PostgresTable::expire(ExpireOperation& operation, bool& may_be_done) {
  const std::size_t most = std::min(operation.max_rows, expire_slice);
  std::vector<PostgresRows> answers;
  operation.more = false;
  link_.query("BEGIN");
  link_.execute(statement::due_records,
                PostgresParameters().time(operation.now).integer(static_cast<std::int64_t>(most)));
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
  KeyColumns keys;
  for (int row = 0; row < due.count(); ++row) {
    keys.add(due.blob(row, 0), due.blob(row, 1));
  }
  link_.execute(statement::lock_mailboxes, PostgresParameters().blobs(keys.mailboxes));
  link_.execute(statement::lock_boxes,
                PostgresParameters().blobs({}).blobs({}).blobs(keys.mailboxes).blobs(keys.keys));
  link_.execute(statement::drop_due,
                PostgresParameters().blobs(keys.mailboxes).blobs(keys.keys).time(operation.now));
  if (const LinkStatus status = link_.round_trip(answers, options_.patience); status != LinkStatus::ok) {
    return status;
  }
  const PostgresRows dropped = std::move(answers[2]);
  RecordSet set(present_limits(), sum_key_);
  load_mailboxes(answers[0], {}, set);
  load_boxes(answers[1], set);
  for (int row = 0; row < dropped.count(); ++row) {
    const auto mailbox = id_of<Mailbox>(dropped.blob(row, 0));
    const auto box = id_of<BoxKey>(dropped.blob(row, 1));
    set.count_dropped({mailbox.value_or(Mailbox{}), box.value_or(BoxKey{})},
                      dropped.integer(row, 2) == static_cast<std::int64_t>(RecordKind::live),
                      dropped.integer(row, 3));
  }
  queue_write(link_, set);
  link_.execute(statement::totals, {});
  const LinkStatus status = commit(answers, may_be_done);
  if (status == LinkStatus::ok) {
    telemetry_.count(Counter::node_expired, static_cast<std::uint64_t>(dropped.count()));
    publish(answers[answers.size() - 2]);
    operation.more = static_cast<std::size_t>(due.count()) == most;
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
