// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "config/options.hpp"

namespace toxasync::daemon {

/// `toxasyncd backup`: copies the node's data to a new directory, whether the node is running or not. Throws
/// StartupError.
void backup(const Options& options, const std::string& new_directory);

}  // namespace toxasync::daemon
