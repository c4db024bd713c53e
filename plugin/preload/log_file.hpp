// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

#include "base/log.hpp"

namespace toxasync::preload {

/// Log lines to a file that only its owner may read, never to the terminal, which is the client's. When the
/// file has grown to `largest` bytes it becomes `<name>.1`, in place of an older one. Any thread.
class LogFile final : public Log {
 public:
  static constexpr std::uint64_t largest = 1U << 20;

  /// An empty path: nowhere.
  LogFile(std::filesystem::path path, LogLevel least);
  ~LogFile() override;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= least_; }
  void write(LogLevel level, std::string_view area, std::string_view message) noexcept override;

 private:
  void open() noexcept;

  std::filesystem::path path_;
  LogLevel least_;
  std::mutex mutex_;  // Guards what follows.
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace toxasync::preload
