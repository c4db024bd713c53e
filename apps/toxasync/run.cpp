// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "commands.hpp"
#include "module.hpp"

namespace toxasync::tool {

namespace {

std::string nodes_in_words(std::size_t count) {
  switch (count) {
    case 0:
      return "no storage node named (`toxasync add-node`): those of your friends are used";
    case 1:
      return "1 storage node";
    default:
      return std::to_string(count) + " storage nodes";
  }
}

void put_before(const char* variable, const std::string& module) {
  const char* const old = std::getenv(variable);
  const std::string value = old != nullptr && *old != '\0' ? module + ":" + old : module;
  setenv(variable, value.c_str(), 1);
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments) {
  const std::size_t first = !arguments.empty() && arguments[0] == "--" ? 1 : 0;
  if (arguments.size() <= first) {
    std::cerr << "toxasync: run what? For example: toxasync run -- toxic\n";
    return ExitCode::usage;
  }
  const std::string& name = arguments[first];
  const auto settings = load_user_settings(
      user_settings_file(), [](const char* variable) -> const char* { return std::getenv(variable); });
  if (!settings) {
    std::cerr << "toxasync: " << settings.error().text << '\n';
    return ExitCode::settings;
  }
  const std::string module = find_module().string();
  if (module.empty() || module.find_first_of(" :") != std::string::npos) {
    std::cerr << "toxasync: "
              << (module.empty() ? "libtoxasync-preload.so is not found; TOX_ASYNC_MODULE can say where it is"
                                 : module + ": LD_PRELOAD can't take a path with a blank or a colon in it")
              << '\n';
    return ExitCode::module;
  }
  const auto program = find_program(name);
  if (program.empty()) {
    std::cerr << "toxasync: " << name << ": there is no such program\n";
    return ExitCode::program;
  }
  if (!names_libtoxcore(program)) {
    std::cerr << "toxasync: " << name
              << " does not name libtoxcore as a shared library: if it brings one of its own, "
              << "toxasync has no effect on it\n";
  }
  std::cerr
      << "toxasync: offline messages are on for " << name << "; " << nodes_in_words(settings->nodes.size())
      << ". Log: " << (user_state_directory() / "toxasync.log").string() << '\n'
      << "toxasync: friends who have toxasync too are shown as away instead of offline: what you write then "
         "waits for them.\n";
  put_before("LD_PRELOAD", module);
  setenv("TOX_ASYNC", "1", 1);
  std::vector<char*> command;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    command.push_back(const_cast<char*>(arguments[i].c_str()));
  }
  command.push_back(nullptr);
  execv(program.c_str(), command.data());
  std::cerr << "toxasync: " << program.string() << ": " << std::strerror(errno) << '\n';
  return ExitCode::program;
}

}  // namespace toxasync::tool
