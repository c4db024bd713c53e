// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/log_sink.hpp"

#include <exception>

namespace toxasync {

static_assert(static_cast<int>(LogLevel::debug) == TOX_ASYNC_LOG_LEVEL_DEBUG &&
              static_cast<int>(LogLevel::error) == TOX_ASYNC_LOG_LEVEL_ERROR);

thread_local int LogSink::depth_ = 0;

void LogSink::write(LogLevel level, std::string_view area, std::string_view message) noexcept {
  if (!enabled(level)) {
    return;
  }
  try {
    Line line{level, std::string(area), std::string(message)};
    if (depth_ > 0) {
      callback_(static_cast<Tox_Async_Log_Level>(level), line.area.c_str(), line.message.c_str(), user_data_);
      return;
    }
    const std::lock_guard lock(mutex_);
    if (queue_.size() < queue_limit) {
      queue_.push_back(std::move(line));
    }
  } catch (const std::exception&) {  // Out of memory: the line is lost.
  }
}

void LogSink::flush() noexcept {
  std::deque<Line> lines;
  try {
    const std::lock_guard lock(mutex_);
    lines.swap(queue_);
  } catch (const std::exception&) {
    return;
  }
  for (const Line& line : lines) {
    callback_(static_cast<Tox_Async_Log_Level>(line.level), line.area.c_str(), line.message.c_str(),
              user_data_);
  }
}

}  // namespace toxasync
