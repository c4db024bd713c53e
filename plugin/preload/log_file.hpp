// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

#include "base/log.hpp"

namespace toxasync::preload {

/// Writes log lines to a file that only its owner can read, never to the terminal of the client. At
/// `max_bytes` the file is renamed to `<name>.1`, replacing an older one. Any thread.
class LogFile final : public Log {
 public:
  static constexpr std::uint64_t max_bytes = 1U << 20;

  /// With an empty path nothing is written.
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
