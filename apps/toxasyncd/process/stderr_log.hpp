// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <string>

#include "base/log.hpp"

namespace toxasync::daemon {

/// One line per message to stderr: "warning udp: text". Under systemd the level is written as journald
/// expects it: "<4>udp: text". Any thread may write: a line is one system call.
class StderrLog final : public Log {
 public:
  explicit StderrLog(LogLevel least);

  void set_least(LogLevel least) noexcept { least_.store(least, std::memory_order_relaxed); }
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override {
    return level >= least_.load(std::memory_order_relaxed);
  }
  void write(LogLevel level, std::string_view area, std::string_view message) noexcept override;

 private:
  std::atomic<LogLevel> least_;
  bool for_journal_;
};

}  // namespace toxasync::daemon
