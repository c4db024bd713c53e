// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/command_line.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <utility>

#include "process/startup_error.hpp"

namespace po = boost::program_options;

namespace toxasync::daemon {

namespace {

constexpr const char* introduction = R"(usage: toxasyncd [OPTIONS]

A storage node: keeps sealed messages for people who are offline, until they fetch
them or their time is over. It can read neither the messages nor who sent them.

    toxasyncd --data-dir /var/lib/toxasync --address 192.0.2.7

prints the line that people paste into their chat client, and serves until it gets
SIGTERM or SIGINT:

    toxasyncd: node address toxasync:<node id>@192.0.2.7:33445,192.0.2.7:33500

Let UDP to both ports through the firewall. How it fares is told at
http://127.0.0.1:33501/.

)";

constexpr const char* conclusion = R"(
Each setting may also stand in the configuration file, a line each:

    # a comment
    data-dir = /var/lib/toxasync
    address = 192.0.2.7

The command line is stronger than the file: a setting that stands there is not taken
from the file, nor are its repetitions.

The data directory holds node.key (the node's identity: keep a copy, or people must
be given a new line), store.db (the mail, unless `store` names another place) and
tox.profile (its Tox identity).

With the same settings, and also while the node runs:

    toxasyncd backup NEW-DIR    copies all that into a new directory, from which a node can be
                                started again
    toxasyncd stats             prints a line of figures
    toxasyncd verify [DIR]      looks at every record of a backup, or of a node that doesn't run
    toxasyncd migrate --to URL  moves the mail of a node that doesn't run from its data directory
                                into PostgreSQL (URL as for --store), and looks for all of it
                                there; interrupted, it goes on when it is started again.
                                store.db stays as it is: move it away when all is well

SIGHUP reads the configuration file again: what is marked `reloads` counts at once.
SIGUSR1 prints a line of figures to stdout; after `messages`, `bytes` and `tombstones`
(what is kept now) they count from the start. `refused` leaves out first packets, which
are always sent back once to prove their sender's address.

The log goes to stderr. It never names clients above level debug.

Exit status: 0 stopped by a signal, 1 an option is wrong, 2 the data directory can't be
used (locked, damaged, not writable, full), 3 a port or address can't be had, 4 other,
as PostgreSQL that is not reached.
)";

po::options_description description() {
  po::options_description all("Settings", 88, 44);
  for (const Setting& setting : all_settings()) {
    const std::string value_name(setting.value_name);
    std::string help(setting.help);
    if (!setting.otherwise.empty()) {
      help.append(" Default: ").append(setting.otherwise).append(".");
    }
    help += setting.reloads ? " (reloads)" : "";
    const po::value_semantic* semantic = nullptr;
    if (setting.many) {
      semantic = po::value<std::vector<std::string>>()->value_name(value_name)->composing();
    } else {
      semantic = po::value<std::string>()->value_name(value_name);
    }
    all.add_options()(std::string(setting.name).c_str(), semantic, help.c_str());
  }
  po::options_description actions("Options", 88, 44);
  const std::string config_help =
      std::string("the configuration file. Default: ") + Configuration::default_file + ", if there is one.";
  auto add = actions.add_options();
  add("config", po::value<std::string>()->value_name("FILE"), config_help.c_str());
  add("verbose", po::bool_switch(), "the same as --log-level debug.");
  add("check-config", po::bool_switch(), "tell every fault of the settings, or OK, and end.");
  add("print-config", po::bool_switch(), "print the settings, and where they come from, and end.");
  add("help", po::bool_switch(), "this text.");
  add("version", po::bool_switch(), "the version.");
  return std::move(all.add(actions));
}

[[noreturn]] void fail(const std::string& what) {
  throw StartupError(ExitCode::usage, what + "; `toxasyncd --help` tells more");
}

po::variables_map parse(int count, const char* const* arguments, const po::options_description& known) {
  po::variables_map all;
  try {
    constexpr int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(count, arguments)
                  .options(known)
                  .positional(po::positional_options_description())
                  .style(style)
                  .run(),
              all);
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();  // Boost has the value there, too: perhaps a password.
    fail("there is no option `" + name.substr(0, name.find('=')) + "`");
  } catch (const po::error& error) {
    fail(error.what());
  }
  return all;
}

Configuration configuration_of(const po::variables_map& all) {
  WrittenValues values;
  for (const Setting& setting : all_settings()) {
    const po::variable_value& given = all[std::string(setting.name)];
    if (given.empty()) {
      continue;
    }
    auto& to = values[setting.name];
    if (setting.many) {
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

void tell_faults(const Configuration& configuration) {
  for (const std::string& fault : configuration.faults()) {
    std::cout << fault << '\n';
  }
  const std::size_t count = configuration.faults().size();
  if (count != 0) {
    throw StartupError(ExitCode::usage,
                       count == 1 ? "there is a fault" : "there are " + std::to_string(count) + " faults");
  }
  std::cout << "OK" << std::endl;
}

}  // namespace

std::optional<Configuration> parse_command_line(int count, const char* const* arguments) {
  const po::options_description known = description();
  const po::variables_map all = parse(count, arguments, known);
  if (all["help"].as<bool>()) {
    std::cout << introduction << known << conclusion << std::flush;
    return std::nullopt;
  }
  if (all["version"].as<bool>()) {
    std::cout << "toxasyncd " TOXASYNC_VERSION << std::endl;
    return std::nullopt;
  }
  Configuration configuration = configuration_of(all);
  if (all["check-config"].as<bool>()) {
    tell_faults(configuration);
    return std::nullopt;
  }
  if (const auto& faults = configuration.faults(); !faults.empty()) {
    const std::size_t more = faults.size() - 1;
    fail(faults.front() + (more == 0 ? "" : "; `--check-config` tells of " + std::to_string(more) + " more"));
  }
  if (all["print-config"].as<bool>()) {
    std::cout << configuration.print() << std::flush;
    return std::nullopt;
  }
  return configuration;
}

}  // namespace toxasync::daemon
