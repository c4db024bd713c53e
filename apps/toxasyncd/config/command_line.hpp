// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/configuration.hpp"

namespace toxasync::daemon {

enum class Command : std::uint8_t { serve, backup, verify, stats, migrate };

struct CommandLine {
  Command command = Command::serve;
  /// backup: the new directory. verify: a directory or file, may be empty. migrate: the URL of --to.
  std::string operand;
  Configuration configuration;
};

/// Nothing when --help, --version, --check-config or --print-config was given, and answered on stdout. Throws
/// StartupError.
std::optional<CommandLine> parse_command_line(int count, const char* const* arguments);

}  // namespace toxasync::daemon
