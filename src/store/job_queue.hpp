// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

namespace toxasync::store {

enum class JobFailure : std::uint8_t { full, failed, overloaded };

/// A piece of work for a worker's thread. Its owner gets it back from JobQueue::collect_finished() with its
/// outcome.
class Job {
 public:
  virtual ~Job() = default;

  /// Nothing of it was written.
  virtual void fail(JobFailure why) noexcept = 0;

  /// It gets its outcome without having been applied.
  [[nodiscard]] bool is_settled() const noexcept { return settled_; }

 private:
  friend class JobQueue;
  std::size_t cost_ = 0;
  std::uint64_t number_ = 0;
  bool settled_ = false;
};

using JobList = std::list<std::unique_ptr<Job>>;

struct WorkerOptions {
  enum class OnFailure : std::uint8_t {
    retry_singly,    ///< After `full` and `damaged` each job of the group gets a transaction of its own.
    fail_following,  ///< What was queued before collect_finished() reported the failure fails as well.
  };
  std::size_t queue_bytes = 8U << 20;  ///< Cost of the jobs that are queued or not yet collected.
  std::size_t group_jobs = 256;        ///< Jobs in one transaction.
  OnFailure on_failure = OnFailure::retry_singly;
};

/// Runs jobs on one thread, in order and in groups, and returns them with their outcome. The owner's calls
/// never wait, except wait_idle and stop.
class JobQueue {
 public:
  /// Runs on the thread. `process` gives each job of the group its outcome; `after_group` gets whether
  /// nothing else waits. `chore` does a piece of other work and returns whether there is more of it.
  struct Handlers {
    std::function<void(JobList&)> process;
    std::function<void(bool idle)> after_group;
    std::function<bool()> chore = nullptr;
  };

  explicit JobQueue(const WorkerOptions& options);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  /// Throws std::system_error when no thread can be created.
  void start(Handlers handlers);
  /// Runs everything that is queued, then ends the thread. The handlers' owner calls it before its own
  /// members are destroyed.
  void stop();

  /// Queues a job that holds about `cost` bytes. Past queue_bytes it fails as overloaded, in the order of
  /// push(). The thread starts on it after submit(), or when a whole group waits.
  void push(std::unique_ptr<Job> job, std::size_t cost);
  void submit();

  /// Has the thread run the chore, after each group and while nothing waits, until it is done; then wake_fd
  /// is readable. stop() does not wait for it.
  void request_chore();

  /// The jobs that have their outcome, in the order of push(). Clears wake_fd.
  JobList collect_finished();

  /// Waits until nothing is queued and after_group has returned. False: timed out.
  bool wait_idle(std::chrono::milliseconds timeout);

  /// Readable while collect_finished() has something to return; -1 when the system has no descriptor left.
  [[nodiscard]] int wake_fd() const noexcept { return wake_fd_; }

  /// For the thread, with fail_following: fails the jobs that were queued before an earlier failure was
  /// reported, or behind one that push() refused. False: nothing is left to do.
  bool fail_followers(JobList& group);
  /// For the thread, with fail_following: a group has failed.
  void note_failure() noexcept { group_failed_ = true; }

 private:
  void run();
  void run_chore(std::unique_lock<std::mutex>& lock);
  bool hand_back(JobList& group);
  void wake() const noexcept;

  WorkerOptions options_;
  int wake_fd_;
  Handlers handlers_;
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
  bool chore_ = false;  // There is more of it.
  bool stop_ = false;

  std::thread thread_;  // Last: starts when the other members are constructed.
};

}  // namespace toxasync::store
