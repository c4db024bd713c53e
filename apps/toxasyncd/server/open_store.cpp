// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/open_store.hpp"

#include "process/startup_error.hpp"
#include "store/postgres/postgres_store.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::daemon {

std::unique_ptr<store::Store> open_store(const std::string& url, DataDirectory& directory,
                                         const store::StoreLimits& limits, const Telemetry& telemetry,
                                         Random& random) {
  if (url.empty()) {
    auto opened = store::SqliteStore::open(directory.database(), limits,
                                           store::SqliteStoreOptions::for_daemon(), telemetry, random);
    if (!opened) {
      std::string what = "--data-dir " + directory.path().string() + ": ";
      what += describe(opened.error());
      throw StartupError(ExitCode::data_directory, what);
    }
    return std::move(*opened);
  }
  directory.lock();
  auto opened = store::PostgresStore::open(url, limits, {}, telemetry, random);
  if (!opened) {
    // Not a usage error, so that systemd tries again: the server may be starting up.
    throw StartupError(ExitCode::failure, "--store: " + opened.error());
  }
  return std::move(*opened);
}

}  // namespace toxasync::daemon
