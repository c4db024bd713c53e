// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/migrate.hpp"

#include <chrono>
#include <iostream>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "crypto/curve.hpp"
#include "process/data_directory.hpp"
#include "process/startup_error.hpp"
#include "process/stderr_log.hpp"
#include "store/postgres/postgres_import.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::daemon {

namespace {

[[noreturn]] void fail(ExitCode code, const std::string& what) {
  throw StartupError(code, "migrate: " + what);
}

/// Prints the number of records once a second.
class Progress {
 public:
  void operator()(std::uint64_t rows) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_print_) {
      std::cout << "toxasyncd: " << rows << " records copied" << std::endl;
      next_print_ = now + std::chrono::seconds(1);
    }
  }

 private:
  std::chrono::steady_clock::time_point next_print_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

void move(const std::filesystem::path& database, const std::string& url) {
  Metrics metrics;
  StderrLog log(LogLevel::info);
  const Telemetry telemetry(metrics, log);
  crypto::SystemRandom random;
  if (!std::filesystem::exists(database)) {
    fail(ExitCode::data_directory, database.string() + ": no such file: set --data-dir");
  }
  auto table = store::SqliteStore::open_table(database, {}, store::SqliteStoreOptions(), telemetry, random);
  if (!table) {
    fail(ExitCode::data_directory, database.string() + ": " + std::string(describe(table.error())));
  }
  store::PostgresImport::NodeStats stats;
  store::PostgresImport import(**table, url, random);
  if (const auto why = import.run(SystemClock().now().unix_time(), stats, Progress())) {
    fail(ExitCode::failure, "--to: " + *why + "; run the command again to continue");
  }
  std::cout << "toxasyncd: migrated copied=" << stats.copied << " messages=" << stats.live
            << " tombstones=" << stats.tombstones << " expired=" << stats.expired
            << " damaged=" << stats.damaged << " wrong=" << stats.wrong << std::endl;
  if (stats.wrong != 0) {
    fail(ExitCode::failure,
         std::to_string(stats.wrong) +
             " records differ in the destination: stop all nodes that use it, and run the command again");
  }
}

}  // namespace

void migrate(const Options& options, const std::string& url) {
  if (const auto error = store::fault_of_connection_string(url); !error.empty()) {
    fail(ExitCode::usage, "--to " + std::string(error));
  }
  move(options.data_directory / DataDirectory::database_name, url);
}

}  // namespace toxasync::daemon
