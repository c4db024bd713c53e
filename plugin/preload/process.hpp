// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "adapters/settings/user_settings.hpp"
#include "plugin/preload/log_file.hpp"

namespace toxasync::preload {

/// Settings and log of all Tox instances of a program.
class Process {
 public:
  /// TOX_ASYNC=1 is in the environment, and the program does not use libtoxasync itself.
  [[nodiscard]] static bool enabled() noexcept;
  /// Requires enabled(). Lives until the program has ended: threads of the client may outlive main().
  [[nodiscard]] static Process& instance();

  /// Nothing if they have errors, which are logged: then the module does nothing.
  [[nodiscard]] const std::optional<UserSettings>& settings() const noexcept { return settings_; }
  [[nodiscard]] LogFile& log() noexcept { return log_; }

 private:
  explicit Process(const Result<UserSettings, SettingsError>& settings);

  std::optional<UserSettings> settings_;
  LogFile log_;
};

}  // namespace toxasync::preload
