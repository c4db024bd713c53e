// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_state.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

constexpr std::int32_t application_id = 0x54784331;  // "TxC1"
constexpr std::int32_t schema_version = 1;
constexpr std::size_t job_overhead_bytes = 256;

// Holds sealed rows only.
class CommitJob final : public SqliteJob {
 public:
  struct Change {
    SealedRow row;
    bool erase;
  };
  CommitJob(StateTable& table, std::vector<Change> changes, StateStore::Done done) noexcept
      : table_(table), changes_(std::move(changes)), done_(std::move(done)) {}

  DbStatus apply() override {
    for (const Change& change : changes_) {
      const DbStatus status = change.erase ? table_.erase(change.row.key) : table_.write(change.row);
      if (status != DbStatus::ok) {
        return status;
      }
    }
    return DbStatus::ok;
  }
  void fail(JobFailure /*why*/) noexcept override { durable_ = false; }
  void deliver() const {
    if (done_) {
      done_(durable_);
    }
  }

 private:
  StateTable& table_;
  std::vector<Change> changes_;
  StateStore::Done done_;
  bool durable_ = true;  // Unless fail() is called; delivered after one or the other.
};

}  // namespace

SqliteState::SqliteState(std::unique_ptr<StateTable> table, std::unique_ptr<SqliteWorker> worker,
                         std::vector<SealedRow> loaded, const Telemetry& telemetry, Random& random) noexcept
    : table_(std::move(table)),
      worker_(std::move(worker)),
      loaded_(std::move(loaded)),
      telemetry_(telemetry),
      random_(random) {}

Result<std::unique_ptr<SqliteState>, OpenError> SqliteState::open(const std::filesystem::path& path,
                                                                  const ByteArray<32>& key,
                                                                  const SqliteStateOptions& options,
                                                                  const Telemetry& telemetry,
                                                                  Random& random) {
  if (!crypto::initialise()) {
    return OpenError::io;
  }
  SqliteSettings settings;
  settings.application_id = application_id;
  settings.schema_version = schema_version;
  settings.cache_kib = options.cache_kib;
  settings.wal_autocheckpoint_pages = options.wal_autocheckpoint_pages;
  settings.secure_delete = true;
  settings.quick_check_bytes = std::numeric_limits<std::uint64_t>::max();
  settings.vfs = options.vfs;
  auto table = std::make_unique<StateTable>(path, std::move(settings), telemetry, key, random);
  if (const auto error = table->open()) {
    return *error;
  }
  // Read now, while a failure can still be reported: an empty load() would look like a new identity.
  std::vector<SealedRow> rows;
  if (const DbStatus status = table->read_all(rows); status != DbStatus::ok) {
    return status == DbStatus::damaged ? OpenError::damaged : OpenError::io;
  }
  WorkerOptions worker_options;
  worker_options.queue_bytes = options.queue_bytes;
  worker_options.on_failure = WorkerOptions::OnFailure::fail_following;
  auto worker = SqliteWorker::start(*table, worker_options);
  if (!worker) {
    return worker.error();
  }
  return std::unique_ptr<SqliteState>(
      new SqliteState(std::move(table), std::move(*worker), std::move(rows), telemetry, random));
}

std::vector<StateEntry> SqliteState::load() {
  std::vector<StateEntry> entries;
  entries.reserve(loaded_.size());
  for (const SealedRow& row : std::exchange(loaded_, {})) {
    if (auto entry = table_->sealer().open(row)) {
      entries.push_back(std::move(*entry));
    } else {
      telemetry_.count(Counter::state_record_damaged);
      telemetry_.log(LogLevel::error, "store",
                     "a record of the client's database is damaged and was skipped");
    }
  }
  return entries;
}

void SqliteState::commit(StateBatch batch, Done done) {
  std::vector<CommitJob::Change> changes;
  changes.reserve(batch.size());
  std::size_t cost = job_overhead_bytes;
  bool sound = true;
  for (StateWrite& write : batch) {
    const std::size_t value_size = write.value ? write.value->size() : 0;
    sound = sound && write.key.size() <= max_state_key_bytes && value_size <= max_state_value_bytes;
    if (sound) {
      changes.push_back(
          write.value ? CommitJob::Change{table_->sealer().seal(write.key, *write.value, random_), false}
                      : CommitJob::Change{{table_->sealer().row_key(write.key), {}}, true});
      cost += job_overhead_bytes + changes.back().row.box.size();
    }
    crypto::wipe(write.key);
    if (write.value) {
      crypto::wipe(*write.value);
    }
  }
  // What exceeds the limits costs more than any queue holds, so it fails in order.
  worker_->push(std::make_unique<CommitJob>(*table_, std::move(changes), std::move(done)),
                sound ? cost : std::numeric_limits<std::size_t>::max());
  worker_->submit();
}

std::size_t SqliteState::poll() {
  const JobList jobs = worker_->collect_finished();
  for (const auto& job : jobs) {
    static_cast<const CommitJob&>(*job).deliver();
  }
  return jobs.size();
}

bool SqliteState::flush(milliseconds timeout) {
  return worker_->wait_idle(timeout);
}

}  // namespace toxasync::store
