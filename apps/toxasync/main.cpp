// SPDX-License-Identifier: GPL-3.0-or-later
// toxasync: starts Tox clients that know nothing of us with offline messages, and keeps their settings.
#include <array>
#include <exception>
#include <iostream>
#include <string_view>

#include "commands.hpp"

using namespace toxasync::tool;

namespace {

constexpr const char* usage =
    R"(usage: toxasync run -- PROGRAM [ARGUMENTS]   starts a Tox client with offline messages
       toxasync add-node ADDRESS           adds a storage node to the settings
       toxasync status                     settings, running clients, the last lines of the log
       toxasync id [--qr]                  what friends need: your Tox ID, your storage nodes; with QR codes
       toxasync doctor                     looks whether everything is there that is needed

For example: toxasync run -- toxic

A storage node's address is the line that its operator gives you:
    toxasync:<64 hexadecimal digits>@192.0.2.7:33445

Settings are in ~/.config/toxasync/toxasync.conf: lines like `node = ADDRESS`, and
    receipts = disk | node | friend   when a message counts as sent: on this computer's disk
                                      (default), on a storage node, on the friend's disk
    keep-days = 1 | 3 | 7 | 14        how long storage nodes keep what you send
    log-level = debug | info | warning | error
    transport, udp-port, poll-interval-ms, local-addresses, storage-node: see docs/clients.md

Exit status: 0 done, 1 wrong usage, 2 settings, 3 module, 4 doctor found a problem, or other;
run ends as the program does, 127 if there is none.
)";

struct Command {
  std::string_view name;
  ExitCode (*act)(const std::vector<std::string>& arguments);
};

constexpr std::array<Command, 5> commands = {
    {{"run", run}, {"add-node", add_node}, {"status", status}, {"id", id}, {"doctor", doctor}}};

ExitCode act(const std::vector<std::string>& words) {
  const std::string_view name = words.empty() ? std::string_view{} : words[0];
  if (name == "--help" || name == "-h" || name == "help") {
    std::cout << usage;
    return ExitCode::ok;
  }
  if (name == "--version") {
    std::cout << "toxasync " << TOXASYNC_VERSION << '\n';
    return ExitCode::ok;
  }
  for (const Command& command : commands) {
    if (command.name == name) {
      return command.act({words.begin() + 1, words.end()});
    }
  }
  std::cerr << usage;
  return ExitCode::usage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(act({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::cerr << "toxasync: " << error.what() << '\n';
    return static_cast<int>(ExitCode::failure);
  }
}
