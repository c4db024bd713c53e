// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/job_queue.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace toxasync::store {

JobQueue::JobQueue(const WorkerOptions& options)
    : options_(options), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

JobQueue::~JobQueue() {
  stop();
  if (wake_fd_ >= 0) {
    ::close(wake_fd_);
  }
}

void JobQueue::start(Handlers handlers) {
  handlers_ = std::move(handlers);
  thread_ = std::thread([this] { run(); });
}

void JobQueue::stop() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    submitted_ = queue_.size();
  }
  work_.notify_one();
  thread_.join();
}

void JobQueue::push(std::unique_ptr<Job> job, std::size_t cost) {
  JobList one;
  one.push_back(std::move(job));
  Job& queued = *one.front();
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    queued.number_ = pushed_++;
    if (cost > options_.queue_bytes - std::min(cost_, options_.queue_bytes)) {
      queued.settled_ = true;
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

void JobQueue::submit() {
  {
    const std::lock_guard lock(mutex_);
    submitted_ = queue_.size();
  }
  work_.notify_one();
}

void JobQueue::request_chore() {
  {
    const std::lock_guard lock(mutex_);
    chore_ = true;
  }
  work_.notify_one();
}

JobList JobQueue::collect_finished() {
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

bool JobQueue::wait_idle(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (submitted_ != queue_.size()) {
    submitted_ = queue_.size();
    work_.notify_one();
  }
  return idle_.wait_for(lock, timeout, [this] { return queue_.empty() && !busy_; });
}

void JobQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return submitted_ > 0 || stop_ || chore_; });
    if (submitted_ == 0) {
      if (stop_) {
        return;
      }
      run_chore(lock);
      continue;
    }
    JobList group;
    const std::size_t size = std::min(submitted_, options_.group_jobs);
    const auto end = std::next(queue_.begin(), static_cast<std::ptrdiff_t>(size));
    group.splice(group.end(), queue_, queue_.begin(), end);
    submitted_ -= size;
    busy_ = true;
    lock.unlock();

    handlers_.process(group);
    handlers_.after_group(hand_back(group));

    lock.lock();
    busy_ = false;
    if (queue_.empty()) {
      idle_.notify_all();
    }
    if (chore_) {
      run_chore(lock);
    }
  }
}

void JobQueue::run_chore(std::unique_lock<std::mutex>& lock) {
  chore_ = false;
  lock.unlock();
  const bool more = handlers_.chore();
  lock.lock();
  chore_ = chore_ || more;
  if (!more) {
    wake();
  }
}

// Returns whether nothing else waits.
bool JobQueue::hand_back(JobList& group) {
  const std::lock_guard lock(mutex_);
  failing_ = failing_ || group_failed_;
  group_failed_ = false;
  done_.splice(done_.end(), group);
  wake();
  return queue_.empty();
}

void JobQueue::wake() const noexcept {
  const std::uint64_t one = 1;
  if (wake_fd_ >= 0 && ::write(wake_fd_, &one, sizeof(one)) < 0) {
    // The counter is full, so the descriptor is readable already.
  }
}

bool JobQueue::fail_followers(JobList& group) {
  const bool follow = options_.on_failure == WorkerOptions::OnFailure::fail_following;
  std::uint64_t before = 0;
  if (follow) {
    const std::lock_guard lock(mutex_);
    before = failing_ ? std::numeric_limits<std::uint64_t>::max() : fail_before_;
  }
  bool left = false;
  for (const auto& job : group) {
    group_failed_ = group_failed_ || (follow && job->settled_);
    if (!job->settled_ && (group_failed_ || job->number_ < before)) {
      job->settled_ = true;
      job->fail(JobFailure::failed);
    }
    left = left || !job->settled_;
  }
  return left;
}

}  // namespace toxasync::store
