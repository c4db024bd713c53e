// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/maintenance.hpp"

#include "crypto/curve.hpp"
#include "maintenance/backup.hpp"
#include "maintenance/migrate.hpp"
#include "maintenance/print_stats.hpp"
#include "maintenance/verify.hpp"

namespace toxasync::daemon {

ExitCode run_maintenance(const CommandLine& command_line) {
  if (!crypto::initialise()) {
    throw StartupError(ExitCode::failure, "libsodium cannot be used: the system provides no random numbers");
  }
  const Options& options = command_line.configuration.options();
  switch (command_line.command) {
    case Command::backup:
      backup(options, command_line.operand);
      break;
    case Command::verify:
      return verify(options, command_line.operand);
    case Command::stats:
      print_stats(options);
      break;
    case Command::migrate:
      migrate(options, command_line.operand);
      break;
    case Command::serve:
      break;
  }
  return ExitCode::ok;
}

}  // namespace toxasync::daemon
