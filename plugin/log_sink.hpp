// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "base/log.hpp"
#include "plugin/tox_async.h"

namespace toxasync {

/// Passes log lines to the client's callback, in the client's thread only: lines of other threads, and lines
/// written inside tox_iterate, are queued until flush().
class LogSink final : public Log {
 public:
  /// Queued lines; more are dropped.
  static constexpr std::size_t queue_limit = 256;

  /// On the stack of each function of the C API: lines of this thread are passed on at once meanwhile.
  class CallScope {
   public:
    CallScope() noexcept { ++depth_; }
    ~CallScope() { --depth_; }
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;
  };

  LogSink(tox_async_log_cb* callback, Tox_Async_Log_Level level, void* user_data) noexcept
      : callback_(callback), level_(static_cast<LogLevel>(level)), user_data_(user_data) {}

  [[nodiscard]] bool enabled(LogLevel level) const noexcept override {
    return callback_ != nullptr && level >= level_;
  }
  void write(LogLevel level, std::string_view area, std::string_view message) noexcept override;
  void flush() noexcept;

 private:
  struct Line {
    LogLevel level{};
    std::string area;
    std::string message;
  };

  static thread_local int depth_;

  tox_async_log_cb* callback_;
  LogLevel level_;
  void* user_data_;
  std::mutex mutex_;  // Guards what follows.
  std::deque<Line> queue_;
};

}  // namespace toxasync
