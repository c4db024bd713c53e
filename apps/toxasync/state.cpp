// SPDX-License-Identifier: GPL-3.0-or-later
#include "state.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>

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
    for (std::string word, value; in >> word >> value;) {
      if (word == "node") {
        client.nodes.push_back(value);
      } else {
        client.values[word] = value;
      }
    }
    clients.push_back(std::move(client));
  }
  return clients;
}

std::vector<std::string> last_log_lines(const fs::path& state_directory, std::size_t count) {
  std::deque<std::string> lines;
  std::ifstream in(state_directory / "toxasync.log");
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > count) {
      lines.pop_front();
    }
  }
  return {lines.begin(), lines.end()};
}

std::string why_not_writable(const fs::path& directory) {
  if (directory.empty()) {
    return "neither HOME nor an XDG variable says where it is";
  }
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) {
    return failed.message();
  }
  const fs::path probe = directory / (".probe." + std::to_string(getpid()));
  errno = 0;
  std::ofstream out(probe);
  out << "x" << std::flush;
  const bool written = out.good();
  const int why = errno;
  out.close();
  fs::remove(probe, failed);
  return written ? std::string{} : std::strerror(why);
}

}  // namespace toxasync::tool
