// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "store/postgres/postgres_link.hpp"
#include "store/postgres/postgres_schema.hpp"
#include "store/postgres/record_set.hpp"

namespace toxasync::store {

struct PostgresStoreOptions {
  milliseconds patience = 10s;         ///< For one round trip; then the connection is closed.
  milliseconds connect_patience = 3s;  ///< For one server to accept a connection.
  milliseconds longest_back_off = 1s;  ///< Between attempts to connect.
  /// For the answer to a COMMIT that waits for standbys: meanwhile everything fails at once. Not less,
  /// because the server keeps a waiting session and its locks even when the client is gone.
  std::chrono::milliseconds late_patience{60000};
};

using StoreOperation =
    std::variant<PutOperation, ListOperation, RemoveOperation, CancelOperation, ExpireOperation>;

/// The storage node's tables in PostgreSQL. The changes of a group of operations are one transaction of two
/// round trips: read and lock, then write and commit. Its lists come after them: one round trip, and if they
/// found something, a transaction that marks it as given. Used from one thread, but for stats().
class PostgresTable {
 public:
  /// Most rows that one ExpireOperation drops.
  static constexpr std::size_t expire_slice = 512;

  /// `random` is for the key of new tables. `stop_fd` readable: shutting down, do not wait.
  PostgresTable(std::string url, const StoreLimits& limits, const PostgresStoreOptions& options,
                const Telemetry& telemetry, Random& random, int stop_fd);

  /// Connects for the first time. Nothing: done; else the reason, for the operator.
  std::optional<std::string> open();

  /// Gives every operation its result. An ExpireOperation is alone in its group, and nothing in the group
  /// follows a list that could change what the list shows.
  void run(std::span<StoreOperation* const> group);

  /// As of the last commit; from any thread.
  [[nodiscard]] StoreStats stats() const;
  /// Another StoreLimits::capacity_bytes, for the next group on; from any thread.
  void set_capacity(std::uint64_t bytes) noexcept { capacity_bytes_ = bytes; }

 private:
  bool connect();
  LinkStatus attempt(std::span<StoreOperation* const> group, bool& may_be_done);
  LinkStatus change(std::span<StoreOperation* const> group, bool& may_be_done);
  LinkStatus list(std::span<StoreOperation* const> group, bool& may_be_done);
  LinkStatus mark_given(std::span<StoreOperation* const> group, bool& may_be_done);
  LinkStatus expire(ExpireOperation& operation, bool& may_be_done);
  LinkStatus commit(std::vector<PostgresRows>& answers, bool& may_be_done);
  void run_one(std::span<StoreOperation* const> group);
  void send_list(const ListOperation& list, std::uint64_t after);
  LinkStatus read_list(ListOperation& list, const PostgresRows& first);
  std::optional<std::uint64_t> read_rows(const ListOperation& list, const PostgresRows& rows,
                                         ListFiller& filler);
  void publish(const PostgresRows& totals);
  void count_damaged(std::size_t records) noexcept;
  [[nodiscard]] StoreLimits present_limits() const noexcept;
  void pause_after_conflict(int attempts);

  const std::string url_;
  const StoreLimits limits_;
  const PostgresStoreOptions options_;
  Telemetry telemetry_;
  ByteArray<32> sum_key_;
  bool attached_before_ = false;
  std::string why_;      // Why there is no connection.
  std::string failure_;  // Of a group, until it is logged.
  PostgresLink link_;
  int stop_fd_;
  PostgresLink::Clock::time_point connect_at_{};
  PostgresLink::Clock::time_point give_up_at_{};  // What link_ owes.
  std::chrono::milliseconds back_off_{0};

  std::atomic<std::uint64_t> capacity_bytes_;
  std::atomic<std::uint64_t> damaged_{0};
  mutable std::mutex published_mutex_;
  RecordTotals published_;
};

}  // namespace toxasync::store
