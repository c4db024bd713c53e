// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "process/startup_error.hpp"

namespace toxasync::daemon {

/// `toxasyncd backup`, `verify`, `stats` and `migrate`: what an operator does with a node's data, whether it
/// runs or not. How it ended; nothing when the first argument is none of these. Throws StartupError.
std::optional<ExitCode> run_maintenance(int count, const char* const* arguments);

}  // namespace toxasync::daemon
