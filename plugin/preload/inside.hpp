// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>

namespace toxasync::preload {

/// This thread works for a Companion: it holds its mutex, and the tox_* functions that it calls are the
/// host's.
class Inside {
 public:
  explicit Inside(std::mutex& mutex) : lock_(mutex) { here_ = true; }
  ~Inside() { here_ = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  [[nodiscard]] static bool here() noexcept { return here_; }

 private:
  friend class Outside;
  static thread_local bool here_;

  std::lock_guard<std::mutex> lock_;
};

/// Within Inside, around calls of the client, which may call any function of Tox, and wait for its other
/// threads.
class Outside {
 public:
  explicit Outside(std::mutex& mutex) : mutex_(mutex) {
    Inside::here_ = false;
    mutex_.unlock();
  }
  ~Outside() {
    mutex_.lock();
    Inside::here_ = true;
  }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

 private:
  std::mutex& mutex_;
};

}  // namespace toxasync::preload
