// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/metrics.hpp"

namespace toxasync::test {

/// Keeps every line, as "area: message".
class TestLog final : public Log {
 public:
  struct Line {
    LogLevel level;
    std::string text;
  };

  [[nodiscard]] bool enabled(LogLevel /*level*/) const noexcept override { return true; }
  void write(LogLevel level, std::string_view area, std::string_view message) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({level, std::string(area).append(": ").append(message)});
  }

  [[nodiscard]] std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// Whether a line of at least `level` contains `text`.
  [[nodiscard]] bool has(std::string_view text, LogLevel level = LogLevel::debug) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(lines_, [&](const Line& line) {
      return line.level >= level && line.text.find(text) != std::string::npos;
    });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

/// Counters and log of one instance under test.
struct TestTelemetry {
  Metrics metrics;
  TestLog log;

  [[nodiscard]] Telemetry get() noexcept { return {metrics, log}; }
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return metrics.value(counter); }
};

}  // namespace toxasync::test
