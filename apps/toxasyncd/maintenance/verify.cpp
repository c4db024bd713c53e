// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/verify.hpp"

#include <filesystem>
#include <iostream>
#include <system_error>

#include "maintenance/offline_store.hpp"

namespace toxasync::daemon {

namespace fs = std::filesystem;

ExitCode verify(const Options& options, const std::string& path) {
  if (path.empty()) {
    require_sqlite(options);
  }
  std::error_code failed;
  const fs::path named = path.empty() ? existing_directory(options).database() : fs::path(path);
  const fs::path database = fs::is_directory(named, failed) ? named / DataDirectory::database_name : named;
  if (!fs::exists(database, failed)) {
    fail_maintenance(database.string() + ": no such file");
  }
  StoreServices services;
  const auto found = store::SqliteStore::check(database, {}, services.telemetry, services.random);
  if (!found) {
    fail_maintenance(database.string() + ": " + std::string(describe(found.error())));
  }
  for (const std::string& page : found->pages) {
    std::cout << "damaged: " << page << '\n';
  }
  std::cout << "verify messages=" << found->messages << " bytes=" << found->bytes
            << " tombstones=" << found->tombstones << " damaged=" << found->damaged
            << " wrong-quotas=" << found->wrong_quotas << " wrong-totals=" << (found->wrong_totals ? 1 : 0)
            << (found->unreadable ? " unreadable" : "") << (found->good() ? " OK" : " FAIL") << std::endl;
  return found->good() ? ExitCode::ok : ExitCode::data_directory;
}

}  // namespace toxasync::daemon
