// SPDX-License-Identifier: GPL-3.0-or-later
// toxasyncd: a storage node. See `toxasyncd --help`.
#include <csignal>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "config/command_line.hpp"
#include "maintenance/maintenance.hpp"
#include "process/startup_error.hpp"
#include "process/stderr_log.hpp"
#include "server/storage_server.hpp"

using namespace toxasync;
using namespace toxasync::daemon;

namespace {

int run(int count, const char* const* arguments) {
  auto command_line = parse_command_line(count, arguments);
  if (!command_line) {
    return static_cast<int>(ExitCode::ok);
  }
  if (command_line->command != Command::serve) {
    return static_cast<int>(run_maintenance(*command_line));
  }
  std::signal(SIGPIPE, SIG_IGN);  // The reader of stdout may have gone away.
  StderrLog log(command_line->configuration.options().log_level);
  StorageServer server(std::move(command_line->configuration), log);
  server.run();
  return static_cast<int>(ExitCode::ok);
}

int fail(ExitCode code, std::string_view message) noexcept {
  try {
    StderrLog(LogLevel::error).write(LogLevel::error, "toxasyncd", message);
  } catch (const std::exception&) {  // Out of memory: only the exit status is left.
  }
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const StartupError& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::failure, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::failure, error.what());
  } catch (...) {
    return fail(ExitCode::failure, "unknown error");
  }
}
