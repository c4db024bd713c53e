// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "config/options.hpp"
#include "crypto/curve.hpp"
#include "process/data_directory.hpp"
#include "process/stderr_log.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::daemon {

/// What opening a store requires.
struct StoreServices {
  Metrics metrics;
  StderrLog log{LogLevel::warning};
  Telemetry telemetry{metrics, log};
  crypto::SystemRandom random;
};

/// With exit code ExitCode::data_directory.
[[noreturn]] void fail_maintenance(const std::string& what);

/// The node's data directory, which must exist.
DataDirectory existing_directory(const Options& options);

/// Fails if the mail is in PostgreSQL.
void require_sqlite(const Options& options);

/// The database of a node that is not running.
std::unique_ptr<store::SqliteStore> open_offline_store(const DataDirectory& directory,
                                                       StoreServices& services);

}  // namespace toxasync::daemon
