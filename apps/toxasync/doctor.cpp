// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>

#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "arguments.hpp"
#include "commands.hpp"
#include "module.hpp"
#include "running_client.hpp"

namespace toxasync::tool {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view help = R"(usage: toxasync doctor

Checks settings, module, libraries, clock and directories, and whether storage nodes answer the
clients that run. Each line begins with ok, note or PROBLEM. Exit status 4 if there is a problem.
)";

constexpr std::time_t earliest = 1735689600;  // 2025-01-01: no message is sent with an earlier clock.
constexpr std::time_t latest = 4102444800;    // 2100-01-01

/// Prints one result; no error: an empty text. True: no error.
bool report(const std::string& what, const std::string& error) {
  std::cout << (error.empty() ? "ok      " : "PROBLEM ") << what << (error.empty() ? "" : ": " + error)
            << '\n';
  return error.empty();
}

/// Why files cannot be written to a directory, which is created if it does not exist; empty: they can.
std::string write_error(const fs::path& directory) {
  if (directory.empty()) {
    return "no directory is known: set HOME";
  }
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) {
    return "cannot create: " + failed.message();
  }
  const fs::path probe = directory / (".probe." + std::to_string(getpid()));
  errno = 0;
  std::ofstream out(probe);
  out << "x" << std::flush;
  const bool written = out.good();
  const int error = errno;
  out.close();
  fs::remove(probe, failed);
  return written ? std::string{} : "cannot write: " + std::string(std::strerror(error));
}

bool check_settings() {
  const auto settings = load_user_settings(
      user_settings_file(), [](const char* variable) -> const char* { return std::getenv(variable); });
  const bool good = report("settings", settings ? "" : settings.error().text);
  if (settings && settings->nodes.empty()) {
    std::cout << "note    no storage node in the settings; add one with `toxasync add-node`\n";
  }
  return good;
}

bool check_installation() {
  const fs::path module = find_module();
  bool good = report("toxasync module (libtoxasync-preload.so)",
                     module.empty() ? "not found: reinstall toxasync" : "");
  if (!module.empty()) {
    good &= report("module can be loaded", load_error(module));
  }
  good &= report("SQLite", load_error("libsqlite3.so.0"));  // The module loads it at run time.
  const std::time_t now = std::time(nullptr);
  good &= report("system clock",
                 now >= earliest && now < latest ? "" : "wrong: it shows a year before 2025 or after 2099");
  const auto data = user_data_directory();
  good &= report("messages in " + data.string(), write_error(data));
  const auto state = user_state_directory();
  return report("log in " + state.string(), write_error(state)) && good;
}

bool check_clients() {
  bool good = true;
  for (const RunningClient& client : running_clients(user_state_directory())) {
    const auto nodes = client.values.find("nodes");
    std::string why;
    if (nodes != client.values.end() && nodes->second == "0/0") {
      why = "none in use: add one with `toxasync add-node`";
    } else if (nodes != client.values.end() && nodes->second.starts_with("0/")) {
      why = "none answers: check the network, `toxasync status` and the log";
    }
    good &= report("storage nodes of " + client.program, why);
  }
  return good;
}

}  // namespace

ExitCode doctor(const std::vector<std::string>& arguments) {
  if (!parse_arguments(arguments, help)) {
    return ExitCode::ok;
  }
  bool good = check_settings();
  good &= check_installation();
  good &= check_clients();
  return good ? ExitCode::ok : ExitCode::failure;
}

}  // namespace toxasync::tool
