// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/configuration.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "adapters/settings/settings_text.hpp"

namespace toxasync::daemon {

namespace {

/// Values that a line of the file cannot express, and empty ones.
SettingError check_text(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (text.empty()) {
    return "empty value: remove the setting to use its default";
  }
  if (std::ranges::any_of(text, is_control) || trimmed(text).size() != text.size()) {
    return "must not begin or end with a space or contain control characters";
  }
  return {};
}

std::string place(const WrittenValue& value, const Setting& setting) {
  const std::string name(setting.name);
  if (value.origin == Configuration::command_line) {
    return "--" + name + (setting.secret ? "" : " " + value.text) + ": ";
  }
  return value.origin + ": " + name + (setting.secret ? "" : " = " + value.text) + ": ";
}

}  // namespace

Configuration::Configuration(WrittenValues on_command_line, std::optional<std::string> file)
    : on_command_line_(std::move(on_command_line)), file_(std::move(file)) {
  read_file();
  convert();
}

void Configuration::read_file() {
  const std::string path = file_.value_or(default_file);
  std::error_code failed;
  if (!file_ && !std::filesystem::exists(path, failed) && !failed) {
    return;
  }
  const auto text = read_settings_text(path);
  if (text) {
    read_lines(*text, path);
  } else {
    errors_.push_back(text.error() + "; use --config FILE for another file");
  }
}

void Configuration::read_lines(std::string_view text, const std::string& origin) {
  for_each_setting_line(text, [&](std::string_view line, std::size_t number) {
    std::string at = origin + ":" + std::to_string(number);
    // The rest of the line is not repeated: it may be a connection string with a password.
    const std::string_view name = line.substr(0, line.find_first_of("= \t:"));
    const std::string_view rest = trimmed(line.substr(name.size()));
    const Setting* const setting = find_setting(name);
    if (setting == nullptr) {
      errors_.push_back(at + ": unknown setting `" + std::string(name) + "`");
    } else if (!rest.starts_with('=')) {
      errors_.push_back(at + ": `" + std::string(name) + "` has no value: write `" + std::string(name) +
                        " = " + std::string(setting->value_name) + "`");
    } else if (auto& values = in_file_[setting->name]; !setting->repeatable && !values.empty()) {
      errors_.push_back(at + ": `" + std::string(name) + "` is already set in " + values.front().origin);
    } else {
      values.push_back({std::string(trimmed(rest.substr(1))), std::move(at)});
    }
    return true;
  });
}

const std::vector<WrittenValue>& Configuration::written(std::string_view name) const {
  static const std::vector<WrittenValue> none;
  for (const WrittenValues* all : {&on_command_line_, &in_file_}) {
    if (const auto found = all->find(name); found != all->end()) {
      return found->second;
    }
  }
  return none;
}

void Configuration::convert() {
  for (const Setting& setting : all_settings()) {
    const auto& values = written(setting.name);
    if (values.empty() && !setting.default_value.empty()) {
      setting.read(std::string(setting.default_value), options_);
    }
    for (const WrittenValue& value : values) {
      SettingError error = check_text(value.text);
      if (error.empty()) {
        error = setting.read(value.text, options_);
      }
      if (!error.empty()) {
        errors_.push_back(place(value, setting) + error);
      }
    }
  }
  if (errors_.empty()) {
    if (SettingError error = check_together(options_); !error.empty()) {
      errors_.push_back(std::move(error));
    }
  }
}

std::string Configuration::print() const {
  std::string text = "# toxasyncd " TOXASYNC_VERSION ": settings in effect, and where each was set.\n";
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  for (const Setting& setting : all_settings()) {
    const auto& values = written(setting.name);
    for (const WrittenValue& value : values) {
      text.append("\n# ").append(value.origin).append("\n");
      if (setting.secret && !errors_.empty()) {
        text.append("# not shown\n# ");
      }
      add(setting.name, setting.secret && !errors_.empty() ? setting.value_name : value.text);
    }
    if (values.empty()) {
      text.append(setting.default_value.empty() ? "\n# not set\n# " : "\n# default\n");
      add(setting.name, setting.default_value.empty() ? setting.value_name : setting.default_value);
    }
  }
  return text;
}

std::vector<const Setting*> Configuration::differences(const Configuration& other) const {
  std::vector<const Setting*> found;
  for (const Setting& setting : all_settings()) {
    const auto texts = [&setting](const Configuration& of) {
      std::vector<std::string_view> all;
      for (const WrittenValue& value : of.written(setting.name)) {
        all.push_back(value.text);
      }
      if (all.empty()) {
        all.push_back(setting.default_value);
      }
      return all;
    };
    if (texts(*this) != texts(other)) {
      found.push_back(&setting);
    }
  }
  return found;
}

}  // namespace toxasync::daemon
