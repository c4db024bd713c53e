// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "store/job_queue.hpp"
#include "store/sqlite/sqlite_engine.hpp"

namespace toxasync::store {

class SqliteJob : public Job {
 public:
  /// On the worker's thread, in a transaction. Anything but ok rolls it back, and apply() may be called
  /// again, so it must set its result again.
  virtual DbStatus apply() = 0;
};

/// One thread that runs SqliteJobs against an engine, in order, many to a transaction. The owner's calls
/// never wait for the disk, except wait_idle and the destructor.
class SqliteWorker {
 public:
  /// Starts a thread for an engine that is open, and must outlive the worker. OpenError::io: no thread can
  /// be created.
  static Result<std::unique_ptr<SqliteWorker>, OpenError> start(SqliteEngine& engine,
                                                                const WorkerOptions& options);
  /// Runs everything that is queued, then ends the thread.
  ~SqliteWorker() { queue_.stop(); }
  SqliteWorker(const SqliteWorker&) = delete;
  SqliteWorker& operator=(const SqliteWorker&) = delete;

  /// Like those of JobQueue.
  void push(std::unique_ptr<SqliteJob> job, std::size_t cost) { queue_.push(std::move(job), cost); }
  void submit() { queue_.submit(); }
  /// The engine's step_backup(), until it is done.
  void request_backup() { queue_.request_chore(); }
  JobList collect_finished() { return queue_.collect_finished(); }
  bool wait_idle(std::chrono::milliseconds timeout) { return queue_.wait_idle(timeout); }
  [[nodiscard]] int wake_fd() const noexcept { return queue_.wake_fd(); }

 private:
  SqliteWorker(SqliteEngine& engine, const WorkerOptions& options);
  void process(JobList& group);
  DbStatus transaction(JobList& group);
  DbStatus attempt(JobList& group);
  void process_one_by_one(JobList& group);

  SqliteEngine& engine_;
  WorkerOptions options_;
  JobQueue queue_;
};

}  // namespace toxasync::store
