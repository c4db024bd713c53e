// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "store/sqlite/sqlite_store.hpp"
#include "store_script.hpp"

namespace toxasync::crash {

namespace {

constexpr std::size_t operations = 1500;

/// What the child tells of itself.
struct Report {
  std::uint32_t begun = 0;
  std::uint32_t acknowledged = 0;
};

store::SqliteStoreOptions options() {
  store::SqliteStoreOptions options;
  options.wal_autocheckpoint_pages = 40;
  return options;
}

/// Never returns.
[[noreturn]] void write_until_killed(const StoreScript& script, const std::filesystem::path& file, int out) {
  store::test::Observed observed;
  auto opened =
      store::SqliteStore::open(file, StoreScript::limits(), options(), observed.telemetry, observed.random);
  Report report;
  std::uint32_t expected = 0;
  for (std::size_t i = 0; opened && i < script.operations().size(); ++i) {
    const Operation& operation = script.operations()[i];
    StoreScript::apply(**opened, i, operation);
    expected += operation.kind == Operation::Kind::expire ? 0 : 1;
    if (!operation.ends_group) {
      continue;
    }
    report.begun = static_cast<std::uint32_t>(i + 1);
    store::test::Results results;
    if (::write(out, &report, sizeof(report)) != sizeof(report)) {
      break;
    }
    (*opened)->submit();
    if (!store::test::wait_for(**opened, results, std::exchange(expected, 0))) {
      break;
    }
    report.acknowledged = static_cast<std::uint32_t>(operation.kind == Operation::Kind::expire ? i : i + 1);
    if (::write(out, &report, sizeof(report)) != sizeof(report)) {
      break;
    }
  }
  ::pause();
  ::_exit(1);
}

/// Starts a process, kills it when it acknowledged so many operations, and gives its last report.
Report kill_one(const StoreScript& script, const std::filesystem::path& file, std::uint64_t after) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) {
    throw std::runtime_error("no pipe");
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    write_until_killed(script, file, ends[1]);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw std::runtime_error("no process");
  }
  Report report;
  while (report.acknowledged < after && ::read(ends[0], &report, sizeof(report)) == sizeof(report)) {
  }
  ::kill(child, SIGKILL);
  while (::read(ends[0], &report, sizeof(report)) == sizeof(report)) {  // What it told before it died.
  }
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  return report;
}

}  // namespace

Verdict kill_processes(std::uint64_t seed, std::size_t times) {
  Verdict sum;
  test::SeededRandom random(seed);
  for (std::size_t i = 0; i < times && sum.wrong.empty(); ++i) {
    const StoreScript script(random.u64(), operations);
    const store::test::TemporaryDirectory directory;
    const Report report = kill_one(script, directory.file(), random.below(operations * 3 / 4));
    store::test::Observed observed;
    const auto opened = store::SqliteStore::open_table(directory.file(), StoreScript::limits(), options(),
                                                       observed.telemetry, observed.random);
    const auto found = opened ? StoreScript::holdings_of(**opened) : std::nullopt;
    const Verdict verdict = script.judge(found.value_or(script.after(0)), report.acknowledged, report.begun);
    sum.acknowledged += verdict.acknowledged;
    sum.lost += verdict.lost;
    sum.wrong = opened ? (found ? verdict.wrong : "the store cannot be read") : describe(opened.error());
  }
  return sum;
}

}  // namespace toxasync::crash
