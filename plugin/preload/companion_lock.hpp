// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>

namespace toxasync::preload {

/// Holds a Companion's mutex. The tox_* functions that this thread calls meanwhile are calls of our own: the
/// hooks pass them to the host unchanged.
class CompanionLock {
 public:
  explicit CompanionLock(std::mutex& mutex) : lock_(mutex) { held_by_this_thread_ = true; }
  ~CompanionLock() { held_by_this_thread_ = false; }
  CompanionLock(const CompanionLock&) = delete;
  CompanionLock& operator=(const CompanionLock&) = delete;

  [[nodiscard]] static bool held_by_this_thread() noexcept { return held_by_this_thread_; }

 private:
  friend class ScopedUnlock;
  static thread_local bool held_by_this_thread_;

  std::lock_guard<std::mutex> lock_;
};

}  // namespace toxasync::preload
