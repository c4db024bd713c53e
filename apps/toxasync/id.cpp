// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cctype>
#include <iostream>

#include "adapters/settings/user_paths.hpp"
#include "commands.hpp"
#include "qr_code.hpp"
#include "state.hpp"

namespace toxasync::tool {

namespace {

/// Prints what can be handed on, and as a QR code what a telephone would read. False: that can't be drawn.
bool show(const std::string& line, const std::string& scanned, bool draw) {
  std::cout << "  " << line << '\n';
  if (!draw) {
    return true;
  }
  const auto code = qr_code(scanned);
  if (!code) {
    std::cerr << "toxasync: a QR code can't be drawn: " << describe(code.error()) << '\n';
    return false;
  }
  std::cout << *code;
  return true;
}

bool show(const RunningClient& client, bool draw) {
  std::cout << client.program << " (process " << client.process << ")\n";
  const auto address = client.values.find("tox-id");
  bool drawn = true;
  if (address != client.values.end()) {
    std::cout << "Your Tox ID, for who wants to add you:\n";
    std::string tox_id = address->second;
    std::ranges::transform(tox_id, tox_id.begin(), [](unsigned char c) { return std::toupper(c); });
    drawn = show(tox_id, "tox:" + tox_id, draw);
  }
  if (client.nodes.empty()) {
    std::cout << "No storage node is in use yet; `toxasync add-node` adds one.\n";
    return drawn;
  }
  std::cout << "Your storage nodes: who has one of them too (`toxasync add-node`) can add you while you are "
               "offline.\n";
  for (const std::string& node : client.nodes) {
    drawn &= show(node, node, draw);
  }
  return drawn;
}

}  // namespace

ExitCode id(const std::vector<std::string>& arguments) {
  const bool draw = arguments.size() == 1 && arguments[0] == "--qr";
  if (!arguments.empty() && !draw) {
    std::cerr << "toxasync: usage: toxasync id [--qr]\n";
    return ExitCode::usage;
  }
  const auto clients = running_clients(user_state_directory());
  if (clients.empty()) {
    std::cerr
        << "toxasync: no client is running with toxasync, and only a running one tells its Tox ID: start "
           "yours, for example by `toxasync run -- qtox`\n";
    return ExitCode::failure;
  }
  bool drawn = true;
  for (const RunningClient& client : clients) {
    drawn &= show(client, draw);
  }
  return drawn ? ExitCode::ok : ExitCode::failure;
}

}  // namespace toxasync::tool
