// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/settings/user_paths.hpp"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX's.

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace toxasync {

namespace fs = std::filesystem;

namespace {

/// A relative path in an XDG variable is to be ignored, says the specification.
fs::path base_directory(const char* variable, const fs::path& below_home) {
  const char* const named = std::getenv(variable);
  if (named != nullptr && fs::path(named).is_absolute()) {
    return fs::path(named) / "toxasync";
  }
  const char* const home = std::getenv("HOME");
  if (home != nullptr && fs::path(home).is_absolute()) {
    return fs::path(home) / below_home / "toxasync";
  }
  return {};
}

}  // namespace

fs::path user_settings_file() {
  const char* const named = std::getenv("TOX_ASYNC_CONFIG");
  if (named != nullptr && *named != '\0') {
    return named;
  }
  const fs::path directory = base_directory("XDG_CONFIG_HOME", ".config");
  return directory.empty() ? directory : directory / "toxasync.conf";
}

fs::path user_state_directory() {
  return base_directory("XDG_STATE_HOME", fs::path(".local") / "state");
}

std::optional<pid_t> status_file_process(const std::string& name) {
  constexpr std::string_view prefix = "status.";
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  pid_t process = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, failed] = std::from_chars(name.data() + prefix.size(), end, process);
  if (failed != std::errc() || rest == end || *rest != '.' || name.ends_with('~') || process <= 0) {
    return std::nullopt;
  }
  return kill(process, 0) == 0 || errno == EPERM ? process : 0;
}

fs::path user_data_directory() {
  return base_directory("XDG_DATA_HOME", fs::path(".local") / "share");
}

}  // namespace toxasync
