// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace toxasync::daemon {

/// The exit status, on which scripts and service managers rely.
enum class ExitCode : int {
  ok = 0,
  usage = 1,           ///< An option is wrong or missing.
  data_directory = 2,  ///< It or the store in it: in use, damaged, not writable, full.
  port = 3,            ///< A port or address cannot be used.
  failure = 4,         ///< Anything else: PostgreSQL not reachable, out of memory, no random numbers, ...
};

/// Why the program cannot start: one line for the operator, with the setting or file and what to do.
class StartupError : public std::runtime_error {
 public:
  StartupError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace toxasync::daemon
