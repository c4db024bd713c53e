// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "config/configuration.hpp"

namespace toxasync::daemon {

/// The configuration to serve with. Nothing when --help, --version, --check-config or --print-config was
/// asked for, and answered on stdout. Throws StartupError.
std::optional<Configuration> parse_command_line(int count, const char* const* arguments);

}  // namespace toxasync::daemon
