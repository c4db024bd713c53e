// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"
#include "config/settings.hpp"

namespace toxasync::daemon {

/// A value as written, and where: "command line", or "FILE:LINE".
struct WrittenValue {
  std::string text;
  std::string origin;
};

/// By the setting's name.
using WrittenValues = std::map<std::string_view, std::vector<WrittenValue>>;

/// All settings: the command line takes precedence over the file, and the file over the defaults.
class Configuration {
 public:
  static constexpr const char* default_file = "/etc/toxasync/toxasyncd.conf";
  static constexpr const char* command_line = "command line";

  /// `file` as given by --config; without one the default file, which need not exist.
  Configuration(WrittenValues on_command_line, std::optional<std::string> file);

  /// All errors, each with its place. The options are valid only if there are none.
  [[nodiscard]] const std::vector<std::string>& errors() const noexcept { return errors_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The settings in effect and where each was set, in the format of the configuration file.
  [[nodiscard]] std::string print() const;

  /// With the file as it is now.
  [[nodiscard]] Configuration reread() const { return {on_command_line_, file_}; }
  /// The settings whose values differ.
  [[nodiscard]] std::vector<const Setting*> differences(const Configuration& other) const;

 private:
  void read_file();
  void read_lines(std::string_view text, const std::string& origin);
  void convert();
  [[nodiscard]] const std::vector<WrittenValue>& written(std::string_view name) const;

  WrittenValues on_command_line_;
  std::optional<std::string> file_;
  WrittenValues in_file_;
  Options options_;
  std::vector<std::string> errors_;
};

}  // namespace toxasync::daemon
