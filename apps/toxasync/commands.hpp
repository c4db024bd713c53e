// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace toxasync::tool {

/// How the program ends; part of its interface. `run` ends as the client does.
enum class ExitCode : int {
  ok = 0,
  usage = 1,      ///< The command is none, or its arguments are wrong.
  settings = 2,   ///< The settings are faulty or can't be written.
  module = 3,     ///< The module is not there or can't be loaded.
  failure = 4,    ///< `doctor` found something; anything else.
  program = 127,  ///< The client can't be started, as a shell says it.
};

// Each gets what stands behind its name, and tells the user what is wrong on stderr.
ExitCode run(const std::vector<std::string>& arguments);
ExitCode add_node(const std::vector<std::string>& arguments);
ExitCode status(const std::vector<std::string>& arguments);
ExitCode id(const std::vector<std::string>& arguments);
ExitCode doctor(const std::vector<std::string>& arguments);

}  // namespace toxasync::tool
