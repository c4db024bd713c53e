// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>

#include "plugin/preload/companion_lock.hpp"

namespace toxasync::preload {

/// Releases a CompanionLock around a callback of the client, which may call any function of Tox and may wait
/// for the client's other threads.
class ScopedUnlock {
 public:
  explicit ScopedUnlock(std::mutex& mutex) : mutex_(mutex) {
    CompanionLock::held_by_this_thread_ = false;
    mutex_.unlock();
  }
  ~ScopedUnlock() {
    mutex_.lock();
    CompanionLock::held_by_this_thread_ = true;
  }
  ScopedUnlock(const ScopedUnlock&) = delete;
  ScopedUnlock& operator=(const ScopedUnlock&) = delete;

 private:
  std::mutex& mutex_;
};

}  // namespace toxasync::preload
