// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/configuration.hpp"
#include "memory_file.hpp"
#include "target.hpp"

// The configuration file of toxasyncd. Where it is good, what --print-config prints says the same.

TOXASYNC_FUZZ_TARGET(daemon_settings) {
  using namespace toxasync;
  const fuzz::MemoryFile file(in);
  const daemon::Configuration read({}, file.path());
  for (const auto& error : read.errors()) {
    fuzz::check(!error.empty(), "an error has a text");
  }
  const std::string text = read.print();
  if (!read.errors().empty()) {
    return;
  }
  const fuzz::MemoryFile printed(as_bytes(text));
  const daemon::Configuration again({}, printed.path());
  fuzz::check(again.errors().empty() && read.differences(again).empty(), "settings are printed as they read");
  const auto& options = read.options();
  fuzz::check(options.tox_port != 0 || options.udp_port != 0, "a node can be reached");
  fuzz::check(options.peers.size() <= daemon::max_peers, "peers are limited");
}
