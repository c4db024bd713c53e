// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "config/command_line.hpp"

namespace toxasync::daemon {

/// What `toxasyncd --help` prints before and after the list of options.
extern const std::string_view help_introduction;
extern const std::string_view help_conclusion;

/// What `toxasyncd COMMAND --help` prints, for each command but `serve`.
std::string_view help_for(Command command) noexcept;

}  // namespace toxasync::daemon
