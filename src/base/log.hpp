// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace toxasync {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Where log lines go. Message text, secrets, addresses and identities are never written to it below `debug`,
/// and message text and secrets never at all.
class Log {
 public:
  virtual ~Log() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const noexcept = 0;
  /// `area` is the part of the program, `message` one line without an end of line. May be called from the
  /// store's worker thread.
  virtual void write(LogLevel level, std::string_view area, std::string_view message) noexcept = 0;
};

}  // namespace toxasync
