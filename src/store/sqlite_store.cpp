// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite_store.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

constexpr std::int32_t application_id = 0x54784e31;  // "TxN1"
constexpr std::int32_t schema_version = 2;
constexpr std::size_t job_overhead_bytes = 256;  // What a queued operation holds beside its bytes.

class StoreJob : public SqliteJob {
 public:
  StoreJob(RecordTable& table, Token token) noexcept : table_(table), token_(token) {}
  /// False: the operation has no completion.
  virtual bool deliver(StoreListener& listener) = 0;

 protected:
  RecordTable& table_;
  Token token_;
};

OpStatus status_of(JobFailure why) noexcept {
  return why == JobFailure::overloaded ? OpStatus::overloaded : OpStatus::failed;
}

class PutJob final : public StoreJob {
 public:
  PutJob(RecordTable& table, Token token, const MailboxKey& mailbox, const RecordId& id, ByteView value,
         std::int64_t expires_at_s, std::int64_t now_s)
      : StoreJob(table, token),
        mailbox_(mailbox),
        id_(id),
        value_(value.begin(), value.end()),
        expires_at_s_(expires_at_s),
        now_s_(now_s) {}

  DbStatus apply() override { return table_.put(mailbox_, id_, value_, expires_at_s_, now_s_, result_); }
  void fail(JobFailure why) noexcept override {
    result_ = {why == JobFailure::full         ? PutStatus::store_full
               : why == JobFailure::overloaded ? PutStatus::overloaded
                                               : PutStatus::failed,
               0};
  }
  bool deliver(StoreListener& listener) override {
    listener.on_put(token_, result_);
    return true;
  }

 private:
  MailboxKey mailbox_;
  RecordId id_;
  Bytes value_;
  std::int64_t expires_at_s_, now_s_;
  PutResult result_;
};

class ListJob final : public StoreJob {
 public:
  ListJob(RecordTable& table, Token token, const MailboxKey& mailbox, std::uint64_t after,
          const ListLimits& limits, std::int64_t now_s) noexcept
      : StoreJob(table, token), mailbox_(mailbox), after_(after), limits_(limits), now_s_(now_s) {}

  DbStatus apply() override { return table_.list(mailbox_, after_, limits_, now_s_, result_); }
  void fail(JobFailure why) noexcept override {
    result_ = {};
    result_.status = status_of(why);
  }
  bool deliver(StoreListener& listener) override {
    listener.on_list(token_, std::move(result_));
    return true;
  }

 private:
  MailboxKey mailbox_;
  std::uint64_t after_;
  ListLimits limits_;
  std::int64_t now_s_;
  ListResult result_;
};

class RemoveJob final : public StoreJob {
 public:
  RemoveJob(RecordTable& table, Token token, const MailboxKey& mailbox, std::span<const RecordId> ids)
      : StoreJob(table, token), mailbox_(mailbox), ids_(ids.begin(), ids.end()) {}

  DbStatus apply() override {
    result_.status = OpStatus::ok;
    return table_.remove(mailbox_, ids_, result_.removed);
  }
  void fail(JobFailure why) noexcept override { result_ = {status_of(why), 0}; }
  bool deliver(StoreListener& listener) override {
    listener.on_remove(token_, result_);
    return true;
  }

 private:
  MailboxKey mailbox_;
  std::vector<RecordId> ids_;
  RemoveResult result_;
};

class CancelJob final : public StoreJob {
 public:
  CancelJob(RecordTable& table, Token token, const MailboxKey& mailbox, const RecordId& id,
            const Commitment& commitment) noexcept
      : StoreJob(table, token), mailbox_(mailbox), id_(id), commitment_(commitment) {}

  DbStatus apply() override { return table_.cancel(mailbox_, id_, commitment_, result_); }
  void fail(JobFailure why) noexcept override {
    result_ = why == JobFailure::overloaded ? CancelStatus::overloaded : CancelStatus::failed;
  }
  bool deliver(StoreListener& listener) override {
    listener.on_cancel(token_, result_);
    return true;
  }

 private:
  MailboxKey mailbox_;
  RecordId id_;
  Commitment commitment_;
  CancelStatus result_ = CancelStatus::failed;
};

class ExpireJob final : public StoreJob {
 public:
  ExpireJob(RecordTable& table, std::int64_t now_s, std::size_t max_rows) noexcept
      : StoreJob(table, 0), now_s_(now_s), max_rows_(max_rows) {}

  DbStatus apply() override { return table_.expire(now_s_, max_rows_); }
  void fail(JobFailure /*why*/) noexcept override {}
  bool deliver(StoreListener& /*listener*/) override { return false; }

 private:
  std::int64_t now_s_;
  std::size_t max_rows_;
};

// Three times what the accounting allows, for half-filled pages and the indexes, and 4 MiB for the small
// tables.
std::int64_t backstop_pages(const StoreLimits& limits) noexcept {
  constexpr std::uint64_t page = 4096;
  constexpr std::uint64_t most = 0xfffffffe;  // SQLite's own limit.
  return static_cast<std::int64_t>(std::min(most, limits.capacity_bytes / page * 3 + 1024));
}

}  // namespace

Result<std::unique_ptr<SqliteStore>, OpenError> SqliteStore::open(const std::filesystem::path& path,
                                                                  const StoreLimits& limits,
                                                                  const SqliteStoreOptions& options,
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
  settings.max_pages = backstop_pages(limits);
  settings.quick_check_bytes = options.quick_check_bytes;
  settings.vfs = options.vfs;
  auto table = std::make_unique<RecordTable>(path, std::move(settings), limits, telemetry, random);
  if (const auto error = table->open()) {
    return *error;
  }
  WorkerOptions worker_options;
  worker_options.queue_bytes = limits.queue_bytes;
  auto worker = SqliteWorker::start(*table, worker_options);
  if (!worker) {
    return worker.error();
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(table), std::move(*worker), limits));
}

SqliteStore::SqliteStore(std::unique_ptr<RecordTable> table, std::unique_ptr<SqliteWorker> worker,
                         const StoreLimits& limits) noexcept
    : list_reserve_bytes_(
          static_cast<std::size_t>(std::min<std::uint64_t>(limits.mailbox_bytes, limits.queue_bytes / 2))),
      table_(std::move(table)),
      worker_(std::move(worker)) {}

void SqliteStore::put(Token token, const MailboxKey& mailbox, const RecordId& id, ByteView value,
                      std::int64_t expires_at_s, std::int64_t now_s) {
  worker_->push(std::make_unique<PutJob>(*table_, token, mailbox, id, value, expires_at_s, now_s),
                job_overhead_bytes + value.size());
}

void SqliteStore::list(Token token, const MailboxKey& mailbox, std::uint64_t after, const ListLimits& limits,
                       std::int64_t now_s) {
  // The answer is paid for in advance: it waits in memory until poll().
  worker_->push(std::make_unique<ListJob>(*table_, token, mailbox, after, limits, now_s),
                job_overhead_bytes + std::min<std::size_t>(limits.max_bytes, list_reserve_bytes_));
}

void SqliteStore::remove(Token token, const MailboxKey& mailbox, std::span<const RecordId> ids) {
  worker_->push(std::make_unique<RemoveJob>(*table_, token, mailbox, ids),
                job_overhead_bytes + ids.size_bytes());
}

void SqliteStore::cancel(Token token, const MailboxKey& mailbox, const RecordId& id,
                         const Commitment& commitment) {
  worker_->push(std::make_unique<CancelJob>(*table_, token, mailbox, id, commitment), job_overhead_bytes);
}

void SqliteStore::expire(std::int64_t now_s, std::size_t max_rows) {
  // One job a slice: other operations get their turn in between.
  for (std::size_t left = std::min(max_rows, max_expire_rows); left > 0;) {
    const std::size_t slice = std::min(left, RecordTable::expire_slice);
    worker_->push(std::make_unique<ExpireJob>(*table_, now_s, slice), job_overhead_bytes);
    left -= slice;
  }
}

std::size_t SqliteStore::poll(StoreListener& listener) {
  std::size_t delivered = 0;
  for (const auto& job : worker_->take()) {
    delivered += static_cast<StoreJob&>(*job).deliver(listener) ? 1 : 0;
  }
  return delivered;
}

}  // namespace toxasync::store
