// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "store/postgres/postgres_link.hpp"
#include "store/postgres/postgres_schema.hpp"
#include "store/sqlite/record_table.hpp"

namespace toxasync::store {

/// Moves what a SQLite database holds into PostgreSQL: records with their expiry, in the order of each
/// mailbox, tombstones, and what was listed. The progress is recorded there, in the same transactions, so
/// that it resumes after an interruption. Blocks; neither database may be in use meanwhile.
class PostgresImport {
 public:
  struct NodeStats {
    std::uint64_t copied = 0;   ///< In this run.
    std::uint64_t expired = 0;  ///< Left out.
    std::uint64_t live = 0;     ///< Found there in the final check, with value and expiry.
    std::uint64_t tombstones = 0;
    std::uint64_t wrong = 0;    ///< Not found there, or not the same.
    std::uint64_t damaged = 0;  ///< In the old database, and left out.
  };

  PostgresImport(RecordTable& from, std::string url, Random& random)
      : from_(from), url_(std::move(url)), sum_key_(random.array<32>()) {}

  /// Copies what is left to be copied, then checks all of it. `report_progress` is called now and then with
  /// the number of rows that were copied, or checked. Nothing: done; else the reason, for the operator.
  std::optional<std::string> run(UnixTime now, NodeStats& stats,
                                 const std::function<void(std::uint64_t rows)>& report_progress);

 private:
  using Rows = std::vector<RecordTable::Row>;
  bool connect();
  bool pass(UnixTime now, std::int64_t at, bool copying, NodeStats& stats,
            const std::function<void(std::uint64_t rows)>& report_progress);
  bool insist(const std::function<LinkStatus()>& once);
  LinkStatus copy(const Rows& rows, std::int64_t last);
  LinkStatus compare(const Rows& rows, NodeStats& stats);
  std::optional<std::int64_t> progress();

  RecordTable& from_;
  const std::string url_;
  ByteArray<32> sum_key_;
  PostgresLink link_{-1};
  std::string why_;
};

}  // namespace toxasync::store
