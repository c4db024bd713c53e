// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace toxasync::daemon {

/// How the program ends. Part of its interface: scripts and service managers look at it.
enum class ExitCode : int {
  ok = 0,
  usage = 1,           ///< An option is wrong or missing.
  data_directory = 2,  ///< It or the store in it: in use, damaged, not writable, full.
  port = 3,            ///< A port or address cannot be had.
  failure = 4,         ///< Anything else: PostgreSQL not reached, out of memory, no random numbers, ...
};

/// Why the program cannot start: one line for the operator that names the setting and says what to do.
class StartupError : public std::runtime_error {
 public:
  StartupError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace toxasync::daemon
