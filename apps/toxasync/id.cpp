// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cctype>
#include <iostream>

#include "adapters/settings/user_paths.hpp"
#include "arguments.hpp"
#include "commands.hpp"
#include "qr_code.hpp"
#include "running_client.hpp"

namespace po = boost::program_options;

namespace toxasync::tool {

namespace {

constexpr std::string_view help = R"(usage: toxasync id [--qr]

Shows the Tox ID of each client that runs with toxasync and the storage nodes that you named: hand on
both, and people can add you, also while you are offline.

    --qr    draw them as QR codes, too
)";

/// False: the QR code cannot be drawn.
bool show(const std::string& line, const std::string& qr_text, bool with_qr_code) {
  std::cout << "  " << line << '\n';
  if (!with_qr_code) {
    return true;
  }
  const auto code = qr_code(qr_text);
  if (!code) {
    std::cerr << "toxasync: cannot draw a QR code: " << describe(code.error()) << '\n';
    return false;
  }
  std::cout << *code;
  return true;
}

bool show(const RunningClient& client, bool with_qr_codes) {
  std::cout << client.program << " (process " << client.process << ")\n";
  const auto address = client.values.find("tox-id");
  bool good = true;
  if (address != client.values.end()) {
    std::cout << "Your Tox ID, for people who want to add you:\n";
    std::string tox_id = address->second;
    std::ranges::transform(tox_id, tox_id.begin(), [](unsigned char c) { return std::toupper(c); });
    good = show(tox_id, "tox:" + tox_id, with_qr_codes);
  }
  if (client.nodes.empty()) {
    std::cout << "You have named no storage node, so nobody can add you while you are offline; name one with "
                 "`toxasync add-node`.\n";
    return good;
  }
  std::cout << "Your storage nodes, to be handed on with it. People who name one of them, too (`toxasync "
               "add-node`), can add you while you are offline:\n";
  for (const std::string& node : client.nodes) {
    good &= show(node, node, with_qr_codes);
  }
  return good;
}

}  // namespace

ExitCode id(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("qr", po::bool_switch());
  const auto parsed = parse_arguments(arguments, help, options);
  if (!parsed) {
    return ExitCode::ok;
  }
  const auto clients = running_clients(user_state_directory());
  if (clients.empty()) {
    std::cerr << "toxasync: no client is running with toxasync, and only a running client knows its Tox ID: "
                 "start yours, for example with `toxasync run -- qtox`\n";
    return ExitCode::failure;
  }
  bool good = true;
  for (const RunningClient& client : clients) {
    good &= show(client, parsed->options["qr"].as<bool>());
  }
  return good ? ExitCode::ok : ExitCode::failure;
}

}  // namespace toxasync::tool
