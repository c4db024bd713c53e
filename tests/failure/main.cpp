// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/program_options.hpp>
#include <cerrno>
#include <iostream>
#include <optional>
#include <string>

#include "children.hpp"
#include "memory.hpp"
#include "session.hpp"
#include "sqlite_memory.hpp"
#include "tests/crash/disk.hpp"
#include "tests/crash/sqlite_files.hpp"

// A session in which one thing fails, at each place where it can; see `test_failure --help`.

namespace toxasync::failure {

namespace po = boost::program_options;
using crash::Disk;

namespace {

struct Options {
  std::string what = "memory";
  std::uint64_t every = 1;
  std::uint64_t first = 1;
  std::uint64_t at = 0;
  std::uint64_t failures = 1;
  unsigned jobs = 1;

  [[nodiscard]] bool is_tried(std::uint64_t number) const noexcept {
    return number >= first && (number - first) % every == 0;
  }
  [[nodiscard]] Children children() const {
    return {jobs, std::string(program_invocation_name) + " --what " + what + " --failures " +
                      std::to_string(failures)};
  }
};

bool report(const Options& options, const Children& children, std::uint64_t places) {
  std::cout << "failure: " << options.what << ", " << children.tried() << " of " << places << " places, "
            << options.failures << " failures each: " << children.wrong() << " went wrong\n";
  return children.wrong() == 0 && children.tried() > 0;
}

/// Whether all promises were kept. `heal` ends what fails.
bool play(Session& session, const std::function<void()>& heal) {
  try {
    session.run();
    heal();
    session.check();
    return true;
  } catch (const Broken& promise) {
    heal();
    std::cerr << "broken: " << promise.what() << std::endl;
  } catch (const std::exception& error) {
    heal();
    std::cerr << "an exception got out: " << error.what() << std::endl;
  }
  return false;
}

/// The session runs once, in memory and without threads. At each allocation that is tried the process forks:
/// in the child that one fails, and the child goes on to the end.
bool fail_memory(const Options& options) {
  Children children = options.children();
  std::uint64_t places = 0;
  std::uint64_t failing_from = options.at;
  const auto fails = [&](std::uint64_t number) {
    places = number;
    if (failing_from == 0 && options.is_tried(number) && children.fork(number)) {
      failing_from = number;
    }
    return failing_from != 0 && number >= failing_from && number < failing_from + options.failures;
  };
  Session session(memory_backing());
  Memory::watch(fails);
  const bool kept = play(session, Memory::stop);
  if (failing_from != 0) {
    return kept;
  }
  children.wait_for_all();
  return report(options, children, places) && kept;
}

/// What fails in the stores of SQLite and below.
struct Place {
  std::function<std::uint64_t()> count;
  std::function<void(std::uint64_t first, std::uint64_t failures)> fail;
};

Place place_of(const Options& options, Disk& disk) {
  if (options.what == "sqlite") {
    return {SqliteMemory::allocations, SqliteMemory::fail};
  }
  const auto how = options.what == "disk-full"    ? Disk::Failure::full
                   : options.what == "disk-short" ? Disk::Failure::short_write
                                                  : Disk::Failure::io;
  return {
      [&disk] { return disk.calls(); },
      [&disk, how](std::uint64_t first, std::uint64_t failures) { disk.fail_calls(first, failures, how); }};
}

/// From the beginning of the session on, with what it was that was counted in `places`.
bool play_on_disk(const Options& options, std::uint64_t number, std::uint64_t& places) {
  Disk disk({});
  const Place place = place_of(options, disk);
  Session session(sqlite_backing());
  const std::uint64_t before = place.count();
  if (number != 0) {
    place.fail(before + number, options.failures);
  }
  const bool kept = play(session, [&] { place.fail(0, 0); });
  places = place.count() - before;
  return kept;
}

/// Each place in a process of its own, for there are threads.
bool fail_on_disk(const Options& options) {
  crash::register_sqlite_files();
  std::uint64_t places = 0;
  if (options.at != 0) {
    return play_on_disk(options, options.at, places);
  }
  Children children = options.children();
  const bool kept = play_on_disk(options, 0, places);
  for (std::uint64_t number = 1; number <= places; ++number) {
    if (options.is_tried(number) && children.fork(number)) {
      return play_on_disk(options, number, places);
    }
  }
  children.wait_for_all();
  return report(options, children, places) && kept;
}

/// Nothing: --help was printed. Throws po::error.
std::optional<Options> parse(int argc, char** argv) {
  Options options;
  po::options_description known("usage: test_failure [OPTIONS]\n\nOptions", 100, 60);
  auto add = known.add_options();
  add("what", po::value(&options.what)->value_name("WHAT"),
      "memory: allocations of the managers and nodes; sqlite: of SQLite; disk, disk-full, disk-short: calls "
      "for "
      "files, with EIO, ENOSPC, and ENOSPC when half is written; default: memory");
  add("every", po::value(&options.every)->value_name("N"), "one place in N is tried; default: 1");
  add("first", po::value(&options.first)->value_name("N"), "the first that is tried; default: 1");
  add("failures", po::value(&options.failures)->value_name("N"), "how many fail in a row; default: 1");
  add("at", po::value(&options.at)->value_name("N"), "only this place, in this process");
  add("jobs", po::value(&options.jobs)->value_name("N"), "processes at a time; default: 1");
  add("help", "print this text");
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), given);
  po::notify(given);
  if (given.count("help") != 0) {
    std::cout << known << "\nExit status: 0 if all promises are kept, 1 if not, 2 for a wrong option.\n";
    return std::nullopt;
  }
  options.every = std::max<std::uint64_t>(options.every, 1);
  options.jobs = std::max(options.jobs, 1U);
  return options;
}

}  // namespace

}  // namespace toxasync::failure

int main(int argc, char** argv) {
  using namespace toxasync::failure;
  try {
    const auto options = parse(argc, argv);
    if (!options) {
      return 0;
    }
    SqliteMemory::replace();
    return (options->what == "memory" ? fail_memory(*options) : fail_on_disk(*options)) ? 0 : 1;
  } catch (const boost::program_options::error& error) {
    std::cerr << "test_failure: " << error.what() << "; see `test_failure --help`\n";
    return 2;
  }
}
