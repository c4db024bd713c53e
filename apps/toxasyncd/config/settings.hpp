// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/options.hpp"

namespace toxasync::daemon {

/// What is wrong with a value; empty: nothing.
using Fault = std::string;

/// One line of the list that the command line, the configuration file and --help are made of.
struct Setting {
  std::string_view name;        ///< --name on the command line, `name = ` in the file.
  std::string_view value_name;  ///< What --help calls the value.
  std::string_view help;
  std::string_view otherwise;  ///< The default, as one would write it; empty: none.
  bool many = false;           ///< May be given again and again.
  bool reloads = false;        ///< SIGHUP makes a new value count.
  /// Adds the value to the options.
  Fault (*read)(const std::string& text, Options& to) = nullptr;
  bool secret = false;  ///< A value that is refused may have a password in it: it is not repeated.
};

/// Every setting, in the order in which they are shown.
std::span<const Setting> all_settings() noexcept;

/// Null when there is none of that name.
const Setting* find_setting(std::string_view name) noexcept;

/// What cannot be right together though each value is right by itself; empty: nothing.
Fault check_together(const Options& options);

}  // namespace toxasync::daemon
