// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/command_line.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <iostream>
#include <utility>

#include "config/help_text.hpp"
#include "process/startup_error.hpp"

namespace po = boost::program_options;

namespace toxasync::daemon {

namespace {

constexpr std::array<std::pair<std::string_view, Command>, 4> commands = {{{"backup", Command::backup},
                                                                           {"verify", Command::verify},
                                                                           {"stats", Command::stats},
                                                                           {"migrate", Command::migrate}}};

[[noreturn]] void fail(const std::string& what, std::string_view command = {}) {
  const std::string program = "toxasyncd" + (command.empty() ? "" : " " + std::string(command));
  throw StartupError(ExitCode::usage, what + "; see `" + program + " --help`");
}

po::options_description visible_options() {
  po::options_description all("Settings", 88, 44);
  for (const Setting& setting : all_settings()) {
    const std::string value_name(setting.value_name);
    std::string help(setting.help);
    if (!setting.default_value.empty()) {
      help.append(" Default: ").append(setting.default_value).append(".");
    }
    help += setting.reloads ? " (reloads)" : "";
    const po::value_semantic* semantic = nullptr;
    if (setting.repeatable) {
      semantic = po::value<std::vector<std::string>>()->value_name(value_name)->composing();
    } else {
      semantic = po::value<std::string>()->value_name(value_name);
    }
    all.add_options()(std::string(setting.name).c_str(), semantic, help.c_str());
  }
  po::options_description actions("Other options", 88, 44);
  const std::string config_help = std::string("read settings from this file. Default: ") +
                                  Configuration::default_file + ", if it exists.";
  auto add = actions.add_options();
  add("config", po::value<std::string>()->value_name("FILE"), config_help.c_str());
  add("verbose", po::bool_switch(), "same as --log-level debug.");
  add("check-config", po::bool_switch(), "print all errors in the settings, or OK, and exit.");
  add("print-config", po::bool_switch(), "print the settings and where each was set, and exit.");
  add("help", po::bool_switch(), "print this text and exit.");
  add("version", po::bool_switch(), "print the version and exit.");
  return std::move(all.add(actions));
}

struct Parsed {
  po::variables_map options;
  std::vector<std::string> positional;
};

Parsed parse(int count, const char* const* arguments, const po::options_description& visible) {
  po::options_description all;
  all.add(visible);
  all.add_options()("to", po::value<std::string>());  // Of `migrate`, whose help describes it.
  Parsed parsed;
  try {
    constexpr int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    const auto result = po::command_line_parser(count, arguments).options(all).style(style).run();
    parsed.positional = po::collect_unrecognized(result.options, po::include_positional);
    po::store(result, parsed.options);
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();  // With its value, which may be a password.
    fail("unknown option `" + name.substr(0, name.find('=')) + "`");
  } catch (const po::error& error) {
    fail(error.what());
  }
  return parsed;
}

std::pair<Command, std::string> command_of(const Parsed& parsed) {
  const auto& words = parsed.positional;
  const auto* const found =
      words.empty() ? commands.end()
                    : std::ranges::find(commands, words[0], &decltype(commands)::value_type::first);
  if (found == commands.end()) {
    if (!words.empty()) {
      fail("unknown command `" + words[0] + "`");
    }
    if (parsed.options.count("to") != 0) {
      fail("--to is an option of the command `migrate`");
    }
    return {Command::serve, {}};
  }
  const auto [name, command] = *found;
  const bool takes_path = command == Command::backup || command == Command::verify;
  if (const std::size_t most = takes_path ? 2 : 1; words.size() > most) {
    fail("unexpected argument `" + words[most] + "`", name);
  }
  if (command == Command::migrate) {
    return {command, parsed.options.count("to") != 0 ? parsed.options["to"].as<std::string>() : ""};
  }
  if (parsed.options.count("to") != 0) {
    fail("--to is an option of the command `migrate`", name);
  }
  return {command, words.size() > 1 ? words[1] : ""};
}

void check_operand(Command command, const std::string& operand) {
  if (command == Command::backup && operand.empty()) {
    fail("missing NEW-DIR: toxasyncd backup NEW-DIR --data-dir DIR", "backup");
  }
  if (command == Command::migrate && operand.empty()) {
    fail("missing --to URL: toxasyncd migrate --to postgresql://USER@HOST/DATABASE", "migrate");
  }
}

Configuration configuration_of(const po::variables_map& all) {
  WrittenValues values;
  for (const Setting& setting : all_settings()) {
    const po::variable_value& given = all[std::string(setting.name)];
    if (given.empty()) {
      continue;
    }
    auto& to = values[setting.name];
    if (setting.repeatable) {
      for (const auto& text : given.as<std::vector<std::string>>()) {
        to.push_back({text, Configuration::command_line});
      }
    } else {
      to.push_back({given.as<std::string>(), Configuration::command_line});
    }
  }
  if (all["verbose"].as<bool>()) {
    values["log-level"] = {{"debug", Configuration::command_line}};
  }
  return {std::move(values),
          all.count("config") == 0 ? std::nullopt : std::optional(all["config"].as<std::string>())};
}

void print_errors(const Configuration& configuration) {
  for (const std::string& error : configuration.errors()) {
    std::cout << error << '\n';
  }
  const std::size_t count = configuration.errors().size();
  if (count != 0) {
    throw StartupError(ExitCode::usage,
                       std::to_string(count) + (count == 1 ? " error" : " errors") + " in the settings");
  }
  std::cout << "OK" << std::endl;
}

}  // namespace

std::optional<CommandLine> parse_command_line(int count, const char* const* arguments) {
  const po::options_description visible = visible_options();
  const Parsed parsed = parse(count, arguments, visible);
  auto [command, operand] = command_of(parsed);
  if (parsed.options["help"].as<bool>()) {
    if (command == Command::serve) {
      std::cout << help_introduction << visible << help_conclusion << std::flush;
    } else {
      std::cout << help_for(command) << std::flush;
    }
    return std::nullopt;
  }
  if (parsed.options["version"].as<bool>()) {
    std::cout << "toxasyncd " TOXASYNC_VERSION << std::endl;
    return std::nullopt;
  }
  check_operand(command, operand);
  Configuration configuration = configuration_of(parsed.options);
  if (parsed.options["check-config"].as<bool>()) {
    print_errors(configuration);
    return std::nullopt;
  }
  if (const auto& errors = configuration.errors(); !errors.empty()) {
    const std::size_t more = errors.size() - 1;
    fail(errors.front() + (more == 0 ? "" : "; --check-config prints " + std::to_string(more) + " more"));
  }
  if (parsed.options["print-config"].as<bool>()) {
    std::cout << configuration.print() << std::flush;
    return std::nullopt;
  }
  return CommandLine{command, std::move(operand), std::move(configuration)};
}

}  // namespace toxasync::daemon
