// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/open_error.hpp"
#include "store/sqlite/sqlite_worker.hpp"
#include "store/sqlite/state_table.hpp"
#include "store/state_store.hpp"

namespace toxasync::store {

struct SqliteStateOptions {
  int cache_kib = 512;
  int wal_autocheckpoint_pages = 250;
  std::size_t queue_bytes = 32U << 20;  ///< Batches that wait for the disk or for poll(); past it they fail.
  std::string vfs;                      ///< SQLite's virtual file system; for tests.
};

/// The client's state in one SQLite file, sealed under a key of the Tox identity: docs/state.md.
/// Written by one worker thread with synchronous=FULL.
///
/// Neither keys nor values are readable in the file; the number and sizes of the rows are. What is removed
/// is overwritten in the file and removed from the WAL soon after the commit, before flush() returns. A value
/// that is replaced stays in the WAL, sealed, until the next checkpoint; remove what must be erased. Blocks
/// that the file system or the disk keeps on their own cannot be erased.
class SqliteState final : public StateStore {
 public:
  /// Opens `path`, or creates it (mode 0600) in an existing directory, and reads it. Blocks. `key` is a
  /// secret of the Tox identity; a copy is kept, and wiped at the end. `random` must outlive the state.
  static Result<std::unique_ptr<SqliteState>, OpenError> open(const std::filesystem::path& path,
                                                              const ByteArray<32>& key,
                                                              const SqliteStateOptions& options,
                                                              const Telemetry& telemetry, Random& random);
  /// Writes what is queued, which may take as long as the disk takes, and closes.
  ~SqliteState() override = default;

  /// What open() read. A second call returns nothing.
  std::vector<StateEntry> load() override;
  void commit(StateBatch batch, Done done) override;
  std::size_t poll() override;
  bool flush(milliseconds timeout) override;
  [[nodiscard]] int wake_fd() const noexcept override { return worker_->wake_fd(); }

 private:
  SqliteState(std::unique_ptr<StateTable> table, std::unique_ptr<SqliteWorker> worker,
              std::vector<SealedRow> loaded, const Telemetry& telemetry, Random& random) noexcept;

  std::unique_ptr<StateTable> table_;
  std::unique_ptr<SqliteWorker> worker_;  // After the table: it is destroyed first.
  std::vector<SealedRow> loaded_;         // Read by open(), for load().
  Telemetry telemetry_;
  Random& random_;
};

}  // namespace toxasync::store
