// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "commands.hpp"
#include "module.hpp"
#include "state.hpp"

namespace toxasync::tool {

namespace {

constexpr std::time_t earliest = 1735689600;  // 2025-01-01: messages are not sent by an earlier clock.
constexpr std::time_t latest = 4102444800;    // 2100-01-01
constexpr std::size_t log_lines_shown = 5;

Result<UserSettings, SettingsError> settings_now() {
  return load_user_settings(user_settings_file(),
                            [](const char* variable) -> const char* { return std::getenv(variable); });
}

void show_settings() {
  const auto file = user_settings_file();
  std::error_code failed;
  std::cout << "Settings: " << file.string()
            << (std::filesystem::exists(file, failed) ? "" : " (not there yet)") << '\n';
  const auto settings = settings_now();
  if (!settings) {
    std::cout << "  faulty: " << settings.error().text << '\n';
    return;
  }
  if (settings->nodes.empty()) {
    std::cout << "  No storage node is named: up to three of those that your friends use are picked.\n";
  }
  for (const auto& node : settings->nodes) {
    std::cout << "  Storage node " << format_node_address(node) << '\n';
  }
  switch (settings->receipts) {
    case UserSettings::Receipts::disk:
      std::cout << "  A message counts as sent when it is on this computer's disk.\n";
      break;
    case UserSettings::Receipts::node:
      std::cout << "  A message counts as sent when it is on a storage node.\n";
      break;
    case UserSettings::Receipts::recipient:
      std::cout << "  A message counts as sent when your friend has it.\n";
      break;
  }
}

void show_clients() {
  const auto clients = running_clients(user_state_directory());
  std::cout << "Clients: " << (clients.empty() ? "none is running with toxasync" : "") << '\n';
  for (const RunningClient& client : clients) {
    const auto value = [&](const char* name) {
      const auto found = client.values.find(name);
      return found == client.values.end() ? std::string("?") : found->second;
    };
    std::cout << "  " << client.program << " (process " << client.process << "): " << value("nodes")
              << " storage nodes answer, " << value("friends") << " friends can get offline messages, "
              << value("taken") << " messages were sent this way, " << value("unconfirmed")
              << " of them are not confirmed yet; packets go by " << value("transport") << '\n';
  }
}

/// Prints a line of `doctor`. Whether it was good.
bool tell(const std::string& what, const std::string& fault) {
  std::cout << (fault.empty() ? "ok      " : "PROBLEM ") << what << (fault.empty() ? "" : ": " + fault)
            << '\n';
  return fault.empty();
}

}  // namespace

ExitCode status(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    std::cerr << "toxasync: status takes no arguments\n";
    return ExitCode::usage;
  }
  show_settings();
  show_clients();
  std::cout << "Log: " << (user_state_directory() / "toxasync.log").string() << '\n';
  for (const std::string& line : last_log_lines(user_state_directory(), log_lines_shown)) {
    std::cout << "  " << line << '\n';
  }
  return ExitCode::ok;
}

ExitCode doctor(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    std::cerr << "toxasync: doctor takes no arguments\n";
    return ExitCode::usage;
  }
  const auto settings = settings_now();
  bool good = tell("the settings can be read", settings ? "" : settings.error().text);
  if (settings && settings->nodes.empty()) {
    std::cout << "note    no storage node is named; `toxasync add-node` adds one\n";
  }
  const auto module = find_module();
  good &= tell("the module is there", module.empty() ? "libtoxasync-preload.so is not found" : "");
  if (!module.empty()) {
    good &= tell("the module can be loaded", why_not_loadable(module));
  }
  good &= tell("SQLite is there", why_not_loadable("libsqlite3.so.0"));  // Which the module loads by itself.
  const std::time_t now = std::time(nullptr);
  good &= tell("the clock can be right",
               now >= earliest && now < latest ? "" : "it shows a year before 2025 or after 2099");
  const auto data = user_data_directory();
  good &= tell("messages can be written to " + data.string(), why_not_writable(data));
  const auto state = user_state_directory();
  good &= tell("the log can be written to " + state.string(), why_not_writable(state));
  for (const RunningClient& client : running_clients(state)) {
    const auto found = client.values.find("nodes");
    const bool silent = found != client.values.end() && found->second.starts_with("0/");
    good &= tell("storage nodes answer " + client.program, silent ? "none does; the log tells more" : "");
  }
  return good ? ExitCode::ok : ExitCode::failure;
}

}  // namespace toxasync::tool
