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

/// A value as it was written, and where: "command line", or "FILE:LINE".
struct WrittenValue {
  std::string text;
  std::string origin;
};

/// By the setting's name.
using WrittenValues = std::map<std::string_view, std::vector<WrittenValue>>;

/// All settings: what stands on the command line is taken before what stands in the file, and that before the
/// defaults.
class Configuration {
 public:
  static constexpr const char* default_file = "/etc/toxasync/toxasyncd.conf";
  static constexpr const char* command_line = "command line";

  /// `file` is the one that was named; without one it is the default file, which need not exist.
  Configuration(WrittenValues on_command_line, std::optional<std::string> file);

  /// Everything that is wrong, each with its place; the options count only if this is empty.
  [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The settings with where they come from, as a configuration file that gives the same.
  [[nodiscard]] std::string print() const;

  /// With the file as it is now.
  [[nodiscard]] Configuration again() const { return {on_command_line_, file_}; }
  /// The settings that have another value there.
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
  std::vector<std::string> faults_;
};

}  // namespace toxasync::daemon
