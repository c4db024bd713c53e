// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "arguments.hpp"
#include "commands.hpp"
#include "running_client.hpp"

namespace toxasync::tool {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view help = R"(usage: toxasync status

Shows the settings, the clients that run with toxasync, and the last lines of the log.
)";

constexpr std::size_t log_lines_shown = 5;

std::string_view describe(UserSettings::Receipts receipts) {
  switch (receipts) {
    case UserSettings::Receipts::node:
      return "on a storage node";
    case UserSettings::Receipts::recipient:
      return "on the friend's disk";
    case UserSettings::Receipts::disk:
      break;
  }
  return "on this computer's disk";
}

void show_settings() {
  const auto file = user_settings_file();
  std::error_code failed;
  std::cout << "Settings: " << file.string() << (fs::exists(file, failed) ? "" : " (does not exist yet)")
            << '\n';
  const auto settings =
      load_user_settings(file, [](const char* variable) -> const char* { return std::getenv(variable); });
  if (!settings) {
    std::cout << "  error: " << settings.error().text << '\n';
    return;
  }
  if (settings->nodes.empty()) {
    std::cout << "  No storage node: up to three of those that your friends use are chosen.\n";
  }
  for (const auto& node : settings->nodes) {
    std::cout << "  Storage node " << format_node_address(node) << '\n';
  }
  std::cout << "  A message counts as sent when it is " << describe(settings->receipts) << ".\n";
}

void show_clients() {
  const auto clients = running_clients(user_state_directory());
  std::cout << "Clients:" << (clients.empty() ? " none is running with toxasync" : "") << '\n';
  for (const RunningClient& client : clients) {
    const auto value = [&](const char* name) {
      const auto found = client.values.find(name);
      return found == client.values.end() ? std::string("?") : found->second;
    };
    std::cout << "  " << client.program << " (process " << client.process << "): " << value("nodes")
              << " storage nodes answer, " << value("friends") << " friends can receive offline messages, "
              << value("accepted") << " messages sent, " << value("unconfirmed") << " of them unconfirmed, "
              << "transport " << value("transport") << '\n';
  }
}

void show_log() {
  const fs::path file = user_state_directory() / "toxasync.log";
  std::cout << "Log: " << file.string() << '\n';
  std::deque<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > log_lines_shown) {
      lines.pop_front();
    }
  }
  for (const std::string& line : lines) {
    std::cout << "  " << line << '\n';
  }
}

}  // namespace

ExitCode status(const std::vector<std::string>& arguments) {
  if (parse_arguments(arguments, help)) {
    show_settings();
    show_clients();
    show_log();
  }
  return ExitCode::ok;
}

}  // namespace toxasync::tool
