// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "config/options.hpp"
#include "process/startup_error.hpp"

namespace toxasync::daemon {

/// `toxasyncd verify`: checks every record of the database in `path`, a data directory or a file; empty: that
/// of the options. Throws StartupError.
ExitCode verify(const Options& options, const std::string& path);

}  // namespace toxasync::daemon
