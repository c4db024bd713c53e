// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "config/options.hpp"

namespace toxasync::daemon {

/// `toxasyncd stats`: prints the counters of the node, whether it is running or not. Throws StartupError.
void print_stats(const Options& options);

}  // namespace toxasync::daemon
