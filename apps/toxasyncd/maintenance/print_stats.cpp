// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/print_stats.hpp"

#include <iostream>

#include "maintenance/offline_store.hpp"
#include "maintenance/running_node.hpp"

namespace toxasync::daemon {

void print_stats(const Options& options) {
  const DataDirectory directory = existing_directory(options);
  if (const auto answer = ask_running_node(directory, "stats")) {
    std::cout << *answer << std::endl;
    return;
  }
  require_sqlite(options);
  StoreServices services;
  const store::StoreStats stored = open_offline_store(directory, services)->stats();
  std::cout << "stats messages=" << stored.messages << " bytes=" << stored.bytes
            << " tombstones=" << stored.tombstones << " (the node is not running)" << std::endl;
}

}  // namespace toxasync::daemon
