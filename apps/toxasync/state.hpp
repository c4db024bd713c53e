// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace toxasync::tool {

/// A client that runs with toxasync, by the status file that the module writes.
struct RunningClient {
  pid_t process = 0;
  std::string program;
  std::map<std::string, std::string> values;  ///< By their words.
  std::vector<std::string> nodes;             ///< Address lines.
};

/// Those of the processes that are alive.
std::vector<RunningClient> running_clients(const std::filesystem::path& state_directory);

/// The last lines of the module's log, `count` at most.
std::vector<std::string> last_log_lines(const std::filesystem::path& state_directory, std::size_t count);

/// Why files can't be written in a directory, which is made if need be; empty: they can.
std::string why_not_writable(const std::filesystem::path& directory);

}  // namespace toxasync::tool
