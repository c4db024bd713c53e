// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "arguments.hpp"
#include "commands.hpp"
#include "module.hpp"

namespace toxasync::tool {

namespace {

constexpr std::string_view help = R"(usage: toxasync run -- PROGRAM [ARGUMENTS]

Starts a Tox client with offline messages. The client needs no support for them: toxasync is
loaded into it (LD_PRELOAD), if it uses libtoxcore as a shared library.

    toxasync run -- qtox
    toxasync run -- toxic --default-locale

Friends who also use toxasync are shown as away instead of offline. You can write to them, and
they receive your messages when they are back.

Environment:
    TOX_ASYNC_MODULE    path of libtoxasync-preload.so, if it is not found by itself
    TOX_ASYNC_CONFIG    path of the settings; each setting also has a variable (docs/clients.md)
)";

std::string describe_nodes(std::size_t count) {
  switch (count) {
    case 0:
      return "no storage node in the settings (`toxasync add-node`), using those of your friends";
    case 1:
      return "1 storage node";
    default:
      return std::to_string(count) + " storage nodes";
  }
}

void prepend(const char* variable, const std::string& module) {
  const char* const old = std::getenv(variable);
  const std::string value = old != nullptr && *old != '\0' ? module + ":" + old : module;
  setenv(variable, value.c_str(), 1);
}

ExitCode fail(ExitCode code, const std::string& what) {
  std::cerr << "toxasync: " << what << '\n';
  return code;
}

/// Does not return if it succeeds.
ExitCode execute(const std::filesystem::path& program, const std::vector<std::string>& words) {
  std::vector<char*> command;
  for (const std::string& word : words) {
    command.push_back(const_cast<char*>(word.c_str()));  // execv() does not change it.
  }
  command.push_back(nullptr);
  execv(program.c_str(), command.data());
  return fail(ExitCode::program, program.string() + ": " + std::strerror(errno));
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments) {
  // Options after PROGRAM are its own.
  const auto end = std::ranges::find_if(
      arguments, [](const std::string& word) { return word == "--" || !word.starts_with('-'); });
  if (!parse_arguments({arguments.begin(), end}, help)) {
    return ExitCode::ok;
  }
  const std::vector<std::string> words(end != arguments.end() && *end == "--" ? end + 1 : end,
                                       arguments.end());
  if (words.empty()) {
    throw UsageError("missing PROGRAM");
  }
  const auto settings = load_user_settings(
      user_settings_file(), [](const char* variable) -> const char* { return std::getenv(variable); });
  if (!settings) {
    return fail(ExitCode::settings, settings.error().text);
  }
  const std::string module = find_module().string();
  if (module.empty()) {
    return fail(ExitCode::module,
                "libtoxasync-preload.so not found: reinstall toxasync, or set TOX_ASYNC_MODULE to its path");
  }
  if (module.find_first_of(" :") != std::string::npos) {
    return fail(ExitCode::module, module + ": the path must not contain a space or a colon (LD_PRELOAD)");
  }
  const std::string& name = words[0];
  const auto program = find_program(name);
  if (program.empty()) {
    return fail(ExitCode::program, name + ": no such program");
  }
  if (!links_libtoxcore(program)) {
    std::cerr << "toxasync: warning: " << name
              << " is not linked to a shared libtoxcore: if it contains its own "
              << "copy, toxasync has no effect\n";
  }
  std::cerr
      << "toxasync: offline messages are on for " << name << "; " << describe_nodes(settings->nodes.size())
      << ". Log: " << (user_state_directory() / "toxasync.log").string() << '\n'
      << "toxasync: friends who also use toxasync are shown as away instead of offline: they receive what "
         "you write when they are back\n";
  prepend("LD_PRELOAD", module);
  setenv("TOX_ASYNC", "1", 1);
  return execute(program, words);
}

}  // namespace toxasync::tool
