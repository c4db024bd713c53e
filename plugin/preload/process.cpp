// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/process.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "adapters/settings/user_paths.hpp"
#include "plugin/tox_async.h"

namespace toxasync::preload {

namespace {

constexpr const char* log_name = "toxasync.log";

std::filesystem::path log_path() {
  const std::filesystem::path directory = user_state_directory();
  return directory.empty() ? directory : directory / log_name;
}

}  // namespace

bool Process::enabled() noexcept {
  // A client that uses libtoxasync has its own Tox_Async. This module does not export that function.
  static const bool result = tox_async_enabled(nullptr) && dlsym(RTLD_DEFAULT, "tox_async_new") == nullptr;
  return result;
}

Process& Process::instance() {
  static Process* const process = new Process(load_user_settings(
      user_settings_file(), [](const char* name) -> const char* { return std::getenv(name); }));
  return *process;
}

Process::Process(const Result<UserSettings, SettingsError>& settings)
    : log_(log_path(), settings ? settings->log_level : LogLevel::info) {
  if (settings) {
    settings_ = *settings;
  } else {
    log_.write(LogLevel::error, "settings", settings.error().text + "; toxasync stays off");
  }
}

}  // namespace toxasync::preload
