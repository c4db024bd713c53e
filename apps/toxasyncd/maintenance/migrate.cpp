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

/// A line now and then for who waits.
class Progress {
 public:
  void operator()(std::uint64_t rows) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= tell_at_) {
      std::cout << "toxasyncd: " << rows << " records" << std::endl;
      tell_at_ = now + std::chrono::seconds(1);
    }
  }

 private:
  std::chrono::steady_clock::time_point tell_at_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

void move(const std::filesystem::path& database, const std::string& url) {
  Metrics metrics;
  StderrLog log(LogLevel::info);
  const Telemetry telemetry(metrics, log);
  crypto::SystemRandom random;
  if (!std::filesystem::exists(database)) {
    fail(ExitCode::data_directory, database.string() + ": there is no such database: name its --data-dir");
  }
  auto table = store::SqliteStore::open_table(database, {}, store::SqliteStoreOptions(), telemetry, random);
  if (!table) {
    fail(ExitCode::data_directory, database.string() + ": " + std::string(describe(table.error())));
  }
  store::PostgresImport::NodeStats figures;
  store::PostgresImport import(**table, url, random);
  if (const auto why = import.run(SystemClock().now().unix_s(), figures, Progress())) {
    fail(ExitCode::failure, "--to: " + *why + "; start it again to go on");
  }
  std::cout << "toxasyncd: migrated copied=" << figures.copied << " messages=" << figures.live
            << " tombstones=" << figures.tombstones << " expired=" << figures.expired
            << " damaged=" << figures.damaged << " wrong=" << figures.wrong << std::endl;
  if (figures.wrong != 0) {
    fail(ExitCode::failure,
         std::to_string(figures.wrong) +
             " records are not there as they should be: is a node serving from it already?");
  }
}

}  // namespace

void migrate(const Options& options, const std::string& url) {
  if (url.empty()) {
    fail(ExitCode::usage, "name where to: toxasyncd migrate --to postgresql://USER@HOST/DATABASE");
  }
  if (const auto fault = store::fault_of_connection_string(url); !fault.empty()) {
    fail(ExitCode::usage, "--to " + std::string(fault));
  }
  move(options.data_directory / DataDirectory::database_name, url);
}

}  // namespace toxasync::daemon
