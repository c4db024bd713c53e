// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <utility>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

constexpr std::int32_t application_id = 0x54784e31;  // "TxN1"
constexpr std::int32_t schema_version = 2;

class StoreJob : public SqliteJob {
 public:
  /// Returns whether poll() counts it.
  virtual bool deliver(StoreListener& listener) = 0;
};

template <class Operation>
class OperationJob final : public StoreJob {
 public:
  OperationJob(RecordTable& table, Operation&& operation) noexcept
      : table_(table), operation_(std::move(operation)) {}

  DbStatus apply() override { return table_.apply(operation_); }
  void fail(JobFailure why) noexcept override { operation_.fail(why); }
  bool deliver(StoreListener& listener) override { return operation_.deliver(listener); }

 private:
  RecordTable& table_;
  Operation operation_;
};

template <class Operation>
std::unique_ptr<StoreJob> job_for(RecordTable& table, Operation&& operation) {
  return std::make_unique<OperationJob<Operation>>(table, std::forward<Operation>(operation));
}

std::unique_ptr<RecordTable> make_table(const std::filesystem::path& path, const StoreLimits& limits,
                                        const SqliteStoreOptions& options, const Telemetry& telemetry,
                                        Random& random) {
  SqliteSettings settings;
  settings.application_id = application_id;
  settings.schema_version = schema_version;
  settings.cache_kib = options.cache_kib;
  settings.wal_autocheckpoint_pages = options.wal_autocheckpoint_pages;
  settings.quick_check_bytes = options.quick_check_bytes;
  settings.backup_slice_pages = options.backup_slice_pages;
  settings.vfs = options.vfs;
  auto room = std::make_unique<DiskRoom>(path.has_parent_path() ? path.parent_path() : ".", options.disk,
                                         limits.capacity_bytes, options.free_bytes);
  return std::make_unique<RecordTable>(path, std::move(settings), limits, std::move(room), telemetry, random);
}

}  // namespace

Result<RecordCheck, OpenError> SqliteStore::check(const std::filesystem::path& path,
                                                  const SqliteStoreOptions& options,
                                                  const Telemetry& telemetry, Random& random) {
  if (!crypto::initialise()) {
    return OpenError::io;
  }
  SqliteStoreOptions whole = options;
  whole.quick_check_bytes = 0;  // Opening would report less of what is wrong.
  const auto table = make_table(path, {}, whole, telemetry, random);
  if (const auto error = table->open()) {
    return *error;
  }
  return table->check();
}

Result<std::unique_ptr<RecordTable>, OpenError> SqliteStore::open_table(const std::filesystem::path& path,
                                                                        const StoreLimits& limits,
                                                                        const SqliteStoreOptions& options,
                                                                        const Telemetry& telemetry,
                                                                        Random& random) {
  if (!crypto::initialise()) {
    return OpenError::io;
  }
  auto table = make_table(path, limits, options, telemetry, random);
  if (const auto error = table->open()) {
    return *error;
  }
  return table;
}

Result<std::unique_ptr<SqliteStore>, OpenError> SqliteStore::open(const std::filesystem::path& path,
                                                                  const StoreLimits& limits,
                                                                  const SqliteStoreOptions& options,
                                                                  const Telemetry& telemetry,
                                                                  Random& random) {
  auto table = open_table(path, limits, options, telemetry, random);
  if (!table) {
    return table.error();
  }
  WorkerOptions worker_options;
  worker_options.queue_bytes = limits.queue_bytes;
  auto worker = SqliteWorker::start(**table, worker_options);
  if (!worker) {
    return worker.error();
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(*table), std::move(*worker), limits));
}

SqliteStore::SqliteStore(std::unique_ptr<RecordTable> table, std::unique_ptr<SqliteWorker> worker,
                         const StoreLimits& limits) noexcept
    : limits_(limits), table_(std::move(table)), worker_(std::move(worker)) {}

void SqliteStore::put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
                      UnixTime now) {
  PutOperation put{token, box, id, Bytes(value.begin(), value.end()), expires_at, now, {}};
  const std::size_t cost = put.cost();
  worker_->push(job_for(*table_, std::move(put)), cost);
}

void SqliteStore::list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes,
                       std::uint64_t after, const ListLimits& limits, UnixTime now) {
  ListOperation list{token, mailbox, {boxes.begin(), boxes.end()}, after, limits, now, {}};
  const std::size_t cost = list.cost(limits_);
  worker_->push(job_for(*table_, std::move(list)), cost);
}

void SqliteStore::remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) {
  RemoveOperation remove{token, mailbox, {ids.begin(), ids.end()}, {}};
  const std::size_t cost = remove.cost();
  worker_->push(job_for(*table_, std::move(remove)), cost);
}

void SqliteStore::cancel(Token token, const Mailbox& mailbox, const RecordId& id,
                         const Commitment& commitment) {
  worker_->push(job_for(*table_, CancelOperation{token, mailbox, id, commitment, {}}),
                CancelOperation::cost());
}

void SqliteStore::expire(UnixTime now, std::size_t max_rows) {
  // One job a slice: other operations run in between.
  for (std::size_t left = std::min(max_rows, max_expire_rows); left > 0;) {
    const std::size_t slice = std::min(left, RecordTable::expire_slice);
    worker_->push(job_for(*table_, ExpireOperation{now, slice, false}), ExpireOperation::cost());
    left -= slice;
  }
}

std::size_t SqliteStore::poll(StoreListener& listener) {
  std::size_t delivered = 0;
  for (const auto& job : worker_->collect_finished()) {
    delivered += static_cast<StoreJob&>(*job).deliver(listener) ? 1 : 0;
  }
  if (const auto good = table_->collect_backup_outcome(); good && backup_done_) {
    std::exchange(backup_done_, nullptr)(*good);
  }
  return delivered;
}

bool SqliteStore::backup(std::filesystem::path to, std::function<void(bool)> done) {
  if (backup_done_ || !table_->request_backup(std::move(to))) {
    return false;
  }
  backup_done_ = std::move(done);
  worker_->request_backup();
  return true;
}

}  // namespace toxasync::store
