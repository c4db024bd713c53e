// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace toxasync::tool {

/// A client that runs with toxasync, from the status file that the module writes.
struct RunningClient {
  pid_t process = 0;
  std::string program;
  std::map<std::string, std::string> values;  ///< By name.
  std::vector<std::string> nodes;             ///< Address lines of those that the user named.
};

/// Those whose processes are running.
std::vector<RunningClient> running_clients(const std::filesystem::path& state_directory);

}  // namespace toxasync::tool
