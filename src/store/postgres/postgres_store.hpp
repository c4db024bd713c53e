// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/job_queue.hpp"
#include "store/postgres/postgres_table.hpp"
#include "store/store.hpp"

namespace toxasync::store {

/// The engine of nodes that share a store: any number of them use one PostgreSQL server, which may be a
/// primary with standbys. One connection on one worker thread; group commit. How to set it up, and what was
/// measured: docs/postgres.md.
///
/// Nothing is promised before the server has answered COMMIT without a warning, and so not before the
/// standbys that it is configured to wait for have it. When the connection is lost, what is under way fails,
/// and a new one is made at the next call after the back-off. A damaged record is counted and not served, as
/// in SqliteStore. `telemetry` is also used from the worker's thread.
class PostgresStore final : public Store {
 public:
  /// Most rows that one call of expire() drops.
  static constexpr std::size_t max_expire_rows = 16 * PostgresTable::expire_slice;

  /// `url` is a connection string of libpq ("postgresql://..."). Creates the tables unless they exist.
  /// Blocks. The error is a sentence for the operator, without a password. `random` is used during the call
  /// only.
  static Result<std::unique_ptr<PostgresStore>, std::string> open(const std::string& url,
                                                                  const StoreLimits& limits,
                                                                  const PostgresStoreOptions& options,
                                                                  const Telemetry& telemetry, Random& random);
  /// Runs what is queued, for PostgresLink::stop_grace at the most; what is left fails.
  ~PostgresStore() override;

  /// A value larger than StoreLimits::queue_bytes is always overloaded.
  void put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
           UnixTime now) override;
  void list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes, std::uint64_t after,
            const ListLimits& limits, UnixTime now) override;
  void remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) override;
  void cancel(Token token, const Mailbox& mailbox, const RecordId& id, const Commitment& commitment) override;
  void expire(UnixTime now, std::size_t max_rows) override;
  [[nodiscard]] StoreStats stats() const override { return table_.stats(); }
  void set_capacity(std::uint64_t bytes) override { table_.set_capacity(bytes); }
  void submit() override { queue_.submit(); }
  std::size_t poll(StoreListener& listener) override;
  [[nodiscard]] int wake_fd() const noexcept override { return queue_.wake_fd(); }

 private:
  PostgresStore(const std::string& url, const StoreLimits& limits, const PostgresStoreOptions& options,
                const Telemetry& telemetry, Random& random, int stop_fd);
  void push(StoreOperation&& operation, std::size_t cost);
  void process(JobList& group);

  const StoreLimits limits_;
  int stop_fd_;  // Readable: the store is shutting down.
  PostgresTable table_;
  JobQueue queue_;  // After the table: it is destroyed first.
};

}  // namespace toxasync::store
