// SPDX-License-Identifier: GPL-3.0-or-later
#include "running_client.hpp"

#include <fstream>
#include <utility>

#include "adapters/settings/user_paths.hpp"

namespace toxasync::tool {

namespace fs = std::filesystem;

std::vector<RunningClient> running_clients(const fs::path& state_directory) {
  std::vector<RunningClient> clients;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(state_directory, failed)) {
    const auto process = status_file_process(entry.path().filename().string());
    if (!process || *process == 0) {
      continue;
    }
    RunningClient client;
    client.process = *process;
    std::getline(std::ifstream("/proc/" + std::to_string(*process) + "/comm"), client.program);
    std::ifstream in(entry.path());
    for (std::string name, value; in >> name >> value;) {
      if (name == "node") {
        client.nodes.push_back(value);
      } else if (name != "picked-node") {
        client.values[name] = value;
      }
    }
    clients.push_back(std::move(client));
  }
  return clients;
}

}  // namespace toxasync::tool
