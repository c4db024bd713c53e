// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "store/sqlite_engine.hpp"

namespace toxasync::store {

enum class JobFailure : std::uint8_t { full, failed, overloaded };

/// A piece of work for the worker's thread. Its owner gets it back from SqliteWorker::take() with its
/// outcome.
class SqliteJob {
 public:
  virtual ~SqliteJob() = default;

  /// Worker's thread, in a transaction. Anything but ok takes the transaction back. May be called again after
  /// that, so it sets its result anew.
  virtual DbStatus apply() = 0;
  /// Nothing of it was written.
  virtual void fail(JobFailure why) noexcept = 0;

 private:
  friend class SqliteWorker;
  std::size_t cost_ = 0;
  std::uint64_t number_ = 0;
  bool settled_ = false;  // It has its outcome without having been applied.
};

using JobList = std::list<std::unique_ptr<SqliteJob>>;

struct WorkerOptions {
  enum class OnFailure : std::uint8_t {
    retry_singly,    ///< After `full` and `damaged` each job of the group gets a transaction of its own.
    fail_following,  ///< What was queued before take() reported the failure fails too.
  };
  std::size_t queue_bytes = 8U << 20;  ///< Cost of the jobs that are queued or not yet taken.
  std::size_t group_jobs = 256;        ///< Jobs in one transaction.
  OnFailure on_failure = OnFailure::retry_singly;
};

/// One thread that runs jobs against an engine, in order, many to a transaction. The owner's calls never wait
/// for the disk, except wait_idle and the destructor.
class SqliteWorker {
 public:
  /// Starts a thread for an engine that is open, and must outlive the worker. OpenError::io: no thread is to
  /// be had.
  static Result<std::unique_ptr<SqliteWorker>, OpenError> start(SqliteEngine& engine,
                                                                const WorkerOptions& options);
  /// Runs everything that is queued, then ends the thread.
  ~SqliteWorker();
  SqliteWorker(const SqliteWorker&) = delete;
  SqliteWorker& operator=(const SqliteWorker&) = delete;

  /// Queues a job that holds about `cost` bytes. Past queue_bytes it fails as overloaded, in its turn. The
  /// thread starts on it after submit(), or when a whole group waits.
  void push(std::unique_ptr<SqliteJob> job, std::size_t cost);
  void submit();

  /// The jobs that have their outcome, in the order of push(). Clears wake_fd.
  JobList take();

  /// Waits until nothing is queued and the engine's housekeeping is done. False: timed out.
  bool wait_idle(std::chrono::milliseconds timeout);

  /// Readable while take() would give something; -1 when the system had no descriptor left.
  [[nodiscard]] int wake_fd() const noexcept { return wake_fd_; }

 private:
  SqliteWorker(SqliteEngine& engine, const WorkerOptions& options);
  void run();
  void process(JobList& group);
  DbStatus transaction(JobList& group);
  DbStatus attempt(JobList& group);
  void process_one_by_one(JobList& group);
  bool fail_followers(JobList& group);
  bool hand_back(JobList& group);

  SqliteEngine& engine_;
  WorkerOptions options_;
  int wake_fd_;
  bool group_failed_ = false;  // Used by the thread only.

  std::mutex mutex_;  // Guards everything below.
  std::condition_variable work_;
  std::condition_variable idle_;
  JobList queue_;
  JobList done_;
  std::size_t submitted_ = 0;  // Jobs at the front of queue_ that may start.
  std::size_t cost_ = 0;
  std::uint64_t pushed_ = 0;
  std::uint64_t fail_before_ = 0;  // Jobs with a smaller number fail: OnFailure::fail_following.
  bool failing_ = false;           // A failure was not reported yet.
  bool busy_ = false;
  bool stop_ = false;

  std::thread thread_;  // Last: starts when the rest is there.
};

}  // namespace toxasync::store
