// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/offline_store.hpp"

#include <system_error>
#include <utility>

#include "process/startup_error.hpp"

namespace toxasync::daemon {

namespace fs = std::filesystem;

void fail_maintenance(const std::string& what) {
  throw StartupError(ExitCode::data_directory, what);
}

DataDirectory existing_directory(const Options& options) {
  std::error_code failed;
  if (!fs::is_directory(options.data_directory, failed)) {
    fail_maintenance("--data-dir " + options.data_directory.string() + ": no such directory");
  }
  return DataDirectory(options.data_directory);
}

void require_sqlite(const Options& options) {
  if (!options.store.empty()) {
    fail_maintenance(
        "the messages are in PostgreSQL (--store): use PostgreSQL's own tools, such as pg_dump, and back up "
        "node.key");
  }
}

std::unique_ptr<store::SqliteStore> open_offline_store(const DataDirectory& directory,
                                                       StoreServices& services) {
  std::error_code failed;
  if (!fs::exists(directory.database(), failed)) {
    fail_maintenance(directory.database().string() + ": no such file");
  }
  auto opened = store::SqliteStore::open(directory.database(), {}, {}, services.telemetry, services.random);
  if (!opened) {
    fail_maintenance(directory.database().string() + ": " + std::string(describe(opened.error())));
  }
  return std::move(*opened);
}

}  // namespace toxasync::daemon
