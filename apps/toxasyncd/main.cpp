// SPDX-License-Identifier: GPL-3.0-or-later
// toxasyncd: a storage node. `toxasyncd --help` tells what it does and how it is set up.
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
  if (const auto ended = run_maintenance(count, arguments)) {
    return static_cast<int>(*ended);
  }
  auto configuration = parse_command_line(count, arguments);
  if (!configuration) {
    return static_cast<int>(ExitCode::ok);
  }
  std::signal(SIGPIPE, SIG_IGN);  // Nobody may be reading stdout any more.
  StderrLog log(configuration->options().log_level);
  StorageServer server(std::move(*configuration), log);
  server.run();
  return static_cast<int>(ExitCode::ok);
}

int fail(ExitCode code, std::string_view message) noexcept {
  try {
    StderrLog(LogLevel::error).write(LogLevel::error, "toxasyncd", message);
  } catch (const std::exception&) {  // Out of memory: the status must do.
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
    return fail(ExitCode::failure, "not enough memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::failure, error.what());
  } catch (...) {
    return fail(ExitCode::failure, "unknown failure");
  }
}
