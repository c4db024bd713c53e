// SPDX-License-Identifier: GPL-3.0-or-later
#include "migrate.hpp"

#include <boost/program_options.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "crypto/curve.hpp"
#include "data_directory.hpp"
#include "startup_error.hpp"
#include "stderr_log.hpp"
#include "store/postgres_import.hpp"
#include "store/sqlite_store.hpp"

namespace po = boost::program_options;

namespace toxasync::daemon {

namespace {

constexpr const char* introduction = R"(usage: toxasyncd migrate --to URL [--data-dir DIR]

Moves the mail of a data directory into PostgreSQL, and looks for all of it there:
records with their expiry and order, and what was removed or cancelled. Stop toxasyncd
first; an interrupted move goes on where it was when it is started again. store.db
stays as it is: move it away when all is well, and start toxasyncd with --store URL.

)";

[[noreturn]] void fail(ExitCode code, const std::string& what) {
  throw StartupError(code, "migrate: " + what);
}

po::variables_map parse(int count, const char* const* arguments, const po::options_description& known) {
  po::variables_map all;
  try {
    po::store(po::command_line_parser(count, arguments)
                  .options(known)
                  .positional(po::positional_options_description())
                  .run(),
              all);
  } catch (const po::error& error) {
    fail(ExitCode::usage, std::string(error.what()) + "; `toxasyncd migrate --help` tells more");
  }
  return all;
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
  store::PostgresImport::Figures figures;
  store::PostgresImport import(**table, url, random);
  if (const auto why = import.run(SystemClock().now().unix_s(), figures, Progress())) {
    fail(ExitCode::data_directory, "--to: " + *why + "; start it again to go on");
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

void migrate(int count, const char* const* arguments) {
  po::options_description known("Options", 88, 44);
  auto add = known.add_options();
  add("to", po::value<std::string>()->value_name("URL"),
      "where to: postgresql://USER@HOST/DATABASE, or any other connection string of libpq without a "
      "password.");
  add("data-dir", po::value<std::string>()->value_name("DIR")->default_value("/var/lib/toxasync"),
      "where from.");
  add("help", po::bool_switch(), "this text.");
  const po::variables_map all = parse(count, arguments, known);
  if (all["help"].as<bool>()) {
    std::cout << introduction << known << std::flush;
    return;
  }
  if (all.count("to") == 0) {
    fail(ExitCode::usage, "--to is missing: where to? `toxasyncd migrate --help` tells more");
  }
  const auto url = all["to"].as<std::string>();
  if (const auto fault = store::fault_of_connection_string(url); !fault.empty()) {
    fail(ExitCode::usage, "--to " + std::string(fault));
  }
  const std::filesystem::path directory(all["data-dir"].as<std::string>());
  move(directory / DataDirectory::database_name, url);
}

}  // namespace toxasync::daemon
