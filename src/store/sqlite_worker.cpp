// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite_worker.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace toxasync::store {

SqliteWorker::SqliteWorker(SqliteEngine& engine, const WorkerOptions& options)
    : engine_(engine), options_(options), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    if (wake_fd_ >= 0) {
      ::close(wake_fd_);
    }
    throw;
  }
}

SqliteWorker::~SqliteWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    submitted_ = queue_.size();
  }
  work_.notify_one();
  thread_.join();
  if (wake_fd_ >= 0) {
    ::close(wake_fd_);
  }
}

void SqliteWorker::push(std::unique_ptr<SqliteJob> job, std::size_t cost) {
  JobList one;
  one.push_back(std::move(job));
  SqliteJob& queued = *one.front();
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    queued.number_ = pushed_++;
    if (cost > options_.queue_bytes - std::min(cost_, options_.queue_bytes)) {
      queued.refused_ = true;
      queued.fail(JobFailure::overloaded);
    } else {
      queued.cost_ = cost;
      cost_ += cost;
    }
    queue_.splice(queue_.end(), one);
    if (queue_.size() - submitted_ >= options_.group_jobs) {
      submitted_ = queue_.size();
      start = true;
    }
  }
  if (start) {
    work_.notify_one();
  }
}

void SqliteWorker::submit() {
  {
    const std::lock_guard lock(mutex_);
    submitted_ = queue_.size();
  }
  work_.notify_one();
}

JobList SqliteWorker::take() {
  JobList taken;
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  if (wake_fd_ >= 0 && ::read(wake_fd_, &count, sizeof(count)) < 0) {
    // Nothing had been signalled.
  }
  taken.splice(taken.end(), done_);
  for (const auto& job : taken) {
    cost_ -= job->cost_;
  }
  if (failing_ && !taken.empty()) {
    failing_ = false;
    fail_before_ = pushed_;
  }
  return taken;
}

bool SqliteWorker::wait_idle(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  submitted_ = queue_.size();
  work_.notify_one();
  return idle_.wait_for(lock, timeout, [this] { return queue_.empty() && !busy_; });
}

void SqliteWorker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return submitted_ > 0 || stop_; });
    if (submitted_ == 0) {
      return;
    }
    JobList group;
    const std::size_t size = std::min(submitted_, options_.group_jobs);
    const auto end = std::next(queue_.begin(), static_cast<std::ptrdiff_t>(size));
    group.splice(group.end(), queue_, queue_.begin(), end);
    submitted_ -= size;
    busy_ = true;
    lock.unlock();

    process(group);
    bool idle = false;
    hand_back(group, idle);
    engine_.after_group(idle);

    lock.lock();
    busy_ = false;
    if (queue_.empty()) {
      idle_.notify_all();
    }
  }
}

void SqliteWorker::hand_back(JobList& group, bool& idle) {
  const std::lock_guard lock(mutex_);
  done_.splice(done_.end(), group);
  idle = queue_.empty();
  const std::uint64_t one = 1;
  if (wake_fd_ >= 0 && ::write(wake_fd_, &one, sizeof(one)) < 0) {
    // The counter is full, so the descriptor is readable already.
  }
}

bool SqliteWorker::must_fail(const SqliteJob& job) {
  const std::lock_guard lock(mutex_);
  return failing_ || job.number_ < fail_before_;
}

// The jobs of a group that were refused by push() have their outcome; the others get theirs here.
void SqliteWorker::process(JobList& group) {
  const bool follow = options_.on_failure == WorkerOptions::OnFailure::fail_following;
  const DbStatus status =
      follow && must_fail(*group.back()) && must_fail(*group.front()) ? DbStatus::failed : attempt(group);
  if (status == DbStatus::ok) {
    return;
  }
  if (!follow && status != DbStatus::failed && group.size() > 1) {
    JobList rest;
    rest.swap(group);
    while (!rest.empty()) {
      JobList single;
      single.splice(single.end(), rest, rest.begin());
      process(single);
      group.splice(group.end(), single);
    }
    return;
  }
  if (follow) {
    const std::lock_guard lock(mutex_);
    failing_ = true;
  }
  for (const auto& job : group) {
    if (!job->refused_) {
      job->fail(status == DbStatus::full ? JobFailure::full : JobFailure::failed);
    }
  }
}

DbStatus SqliteWorker::attempt(JobList& group) {
  DbStatus status = DbStatus::failed;
  try {
    status = transaction(group);
  } catch (const std::exception&) {
    status = DbStatus::failed;  // Out of memory.
  }
  if (status != DbStatus::ok) {
    engine_.rollback(status);
  }
  return status;
}

DbStatus SqliteWorker::transaction(JobList& group) {
  DbStatus status = engine_.begin();
  for (auto job = group.begin(); status == DbStatus::ok && job != group.end(); ++job) {
    if (!(*job)->refused_) {
      status = (*job)->apply();
    }
  }
  return status == DbStatus::ok ? engine_.commit() : status;
}

}  // namespace toxasync::store
