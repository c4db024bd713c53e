// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/configuration.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "adapters/settings/settings_text.hpp"

namespace toxasync::daemon {

namespace {

/// What a line of the file could not say, and an empty value.
Fault check_text(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (text.empty()) {
    return "has no value: leave it out for the default";
  }
  if (std::ranges::any_of(text, is_control) || trimmed(text).size() != text.size()) {
    return "must not have blanks at its ends, nor control characters";
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
    faults_.push_back(text.error() + ": name another file by --config");
  }
}

void Configuration::read_lines(std::string_view text, const std::string& origin) {
  for_each_setting_line(text, [&](std::string_view line, std::size_t number) {
    std::string at = origin + ":" + std::to_string(number);
    // The rest is not repeated: it may be a connection string that the `=` is missing before.
    const std::string_view name = line.substr(0, line.find_first_of("= \t:"));
    const std::string_view rest = trimmed(line.substr(name.size()));
    const Setting* const setting = find_setting(name);
    if (setting == nullptr) {
      faults_.push_back(at + ": there is no setting `" + std::string(name) + "`");
    } else if (!rest.starts_with('=')) {
      faults_.push_back(at + ": `" + std::string(name) + "` has no value: write `" + std::string(name) +
                        " = " + std::string(setting->value_name) + "`");
    } else if (auto& values = in_file_[setting->name]; !setting->many && !values.empty()) {
      faults_.push_back(at + ": `" + std::string(name) + "` is set before, in " + values.front().origin);
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
    if (values.empty() && !setting.otherwise.empty()) {
      setting.read(std::string(setting.otherwise), options_);
    }
    for (const WrittenValue& value : values) {
      Fault fault = check_text(value.text);
      if (fault.empty()) {
        fault = setting.read(value.text, options_);
      }
      if (!fault.empty()) {
        faults_.push_back(place(value, setting) + fault);
      }
    }
  }
  if (faults_.empty()) {
    if (Fault fault = check_together(options_); !fault.empty()) {
      faults_.push_back(std::move(fault));
    }
  }
}

std::string Configuration::print() const {
  std::string text = "# toxasyncd " TOXASYNC_VERSION ": the settings that count, and where they come from.\n";
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(" = ").append(value).append("\n");
  };
  for (const Setting& setting : all_settings()) {
    const auto& values = written(setting.name);
    for (const WrittenValue& value : values) {
      text.append("\n# ").append(value.origin).append("\n");
      if (setting.secret && !faults_.empty()) {
        text.append("# not shown\n# ");
      }
      add(setting.name, setting.secret && !faults_.empty() ? setting.value_name : value.text);
    }
    if (values.empty()) {
      text.append(setting.otherwise.empty() ? "\n# not set\n# " : "\n# default\n");
      add(setting.name, setting.otherwise.empty() ? setting.value_name : setting.otherwise);
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
        all.push_back(setting.otherwise);
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
