// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "config/options.hpp"

namespace toxasync::daemon {

/// `toxasyncd migrate`: copies the mail of the data directory to the PostgreSQL database that `url` names.
/// Throws StartupError.
void migrate(const Options& options, const std::string& url);

}  // namespace toxasync::daemon
