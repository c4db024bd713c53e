// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/options.hpp"

namespace toxasync::daemon {

/// What is wrong with a value; empty: nothing.
using SettingError = std::string;

/// One entry of the table that defines the command line, the configuration file and --help.
struct Setting {
  std::string_view name;        ///< --name on the command line, `name = ` in the file.
  std::string_view value_name;  ///< What --help calls the value.
  std::string_view help;
  std::string_view default_value = {};  ///< As a user would write it; empty: none.
  bool repeatable = false;              ///< May be given more than once.
  bool reloads = false;                 ///< A new value takes effect with SIGHUP; else after a restart.
  /// Adds the value to the options.
  SettingError (*read)(const std::string& text, Options& to) = nullptr;
  bool secret = false;  ///< The value may contain a password: error messages do not repeat it.
};

/// Every setting, in the order in which they are shown.
std::span<const Setting> all_settings() noexcept;

/// Null when there is none of that name.
const Setting* find_setting(std::string_view name) noexcept;

/// Values that are valid by themselves but not together; empty: none.
SettingError check_together(const Options& options);

}  // namespace toxasync::daemon
