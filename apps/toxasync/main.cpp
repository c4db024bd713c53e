// SPDX-License-Identifier: GPL-3.0-or-later
// toxasync: starts Tox clients without support of their own with offline messages, and manages their
// settings.
#include <array>
#include <exception>
#include <iostream>
#include <string_view>

#include "arguments.hpp"
#include "commands.hpp"

using namespace toxasync::tool;

namespace {

constexpr std::string_view usage =
    R"(usage: toxasync run -- PROGRAM [ARGUMENTS]   start a Tox client with offline messages
       toxasync add-node ADDRESS            add a storage node to the settings
       toxasync status                      show settings, running clients and the end of the log
       toxasync id [--qr]                   show your Tox ID and storage nodes, also as QR codes
       toxasync doctor                      check the installation for problems

Examples:
    toxasync run -- qtox
    toxasync add-node toxasync:<64 hexadecimal digits>@192.0.2.7:33445

The address of a storage node is a line that its operator gives you.

Settings: ~/.config/toxasync/toxasync.conf, one per line:
    node = ADDRESS                    a storage node; up to 5 lines
    receipts = disk | node | friend   a message counts as sent when it is on this computer's disk
                                      (default), on a storage node, or on the friend's disk
    keep-days = 1 | 3 | 7 | 14        how long storage nodes keep your messages (default: 14)
    log-level = debug | info | warning | error
    transport, udp-port, poll-interval-ms, push, offline-requests, local-addresses, storage-node: docs/clients.md

Log: ~/.local/state/toxasync/toxasync.log

Exit status: 0 success, 1 wrong usage, 2 error in the settings, 3 module missing, 4 other errors, or
doctor found a problem. `run` exits with the status of the program, or 127 if it does not exist.

`toxasync COMMAND --help` explains a command.
)";

struct Command {
  std::string_view name;
  ExitCode (*execute)(const std::vector<std::string>& arguments);
};

constexpr std::array<Command, 5> commands = {{{.name = "run", .execute = run},
                                              {.name = "add-node", .execute = add_node},
                                              {.name = "status", .execute = status},
                                              {.name = "id", .execute = id},
                                              {.name = "doctor", .execute = doctor}}};

ExitCode usage_error(const std::string& what, std::string_view command = {}) {
  std::cerr << "toxasync: " << what << "; see `toxasync " << command << (command.empty() ? "" : " ")
            << "--help`\n";
  return ExitCode::usage;
}

ExitCode execute(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::cerr << usage;
    return ExitCode::usage;
  }
  const std::string& name = words[0];
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
      try {
        return command.execute({words.begin() + 1, words.end()});
      } catch (const UsageError& error) {
        return usage_error(error.what(), name);
      }
    }
  }
  return usage_error((name.starts_with('-') ? "unknown option `" : "unknown command `") + name + "`");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(execute({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::cerr << "toxasync: " << error.what() << '\n';
    return static_cast<int>(ExitCode::failure);
  }
}
