// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "config/command_line.hpp"
#include "process/startup_error.hpp"

namespace toxasync::daemon {

/// Executes a command other than `serve`. Throws StartupError.
ExitCode run_maintenance(const CommandLine& command_line);

}  // namespace toxasync::daemon
