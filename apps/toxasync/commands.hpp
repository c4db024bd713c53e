// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace toxasync::tool {

/// The exit status, on which scripts rely. `run` exits with that of the client.
enum class ExitCode : int {
  ok = 0,
  usage = 1,      ///< Wrong command or arguments.
  settings = 2,   ///< The settings have errors or cannot be written.
  module = 3,     ///< The module is missing or cannot be loaded.
  failure = 4,    ///< `doctor` found a problem, or any other error.
  program = 127,  ///< The client cannot be started; as in a shell.
};

// Each gets the arguments after its name, and reports errors on stderr. Throws UsageError.
ExitCode run(const std::vector<std::string>& arguments);
ExitCode add_node(const std::vector<std::string>& arguments);
ExitCode status(const std::vector<std::string>& arguments);
ExitCode id(const std::vector<std::string>& arguments);
ExitCode doctor(const std::vector<std::string>& arguments);

}  // namespace toxasync::tool
