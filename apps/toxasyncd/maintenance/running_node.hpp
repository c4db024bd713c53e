// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "process/data_directory.hpp"

namespace toxasync::daemon {

/// Sends a command to the node that runs on this data directory, through its ControlSocket. Nothing if none
/// is running. Throws StartupError if the node reports an error.
std::optional<std::string> ask_running_node(const DataDirectory& directory, const std::string& command);

}  // namespace toxasync::daemon
