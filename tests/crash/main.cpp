// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/program_options.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "crypto/symmetric.hpp"
#include "power_cut.hpp"
#include "sqlite_files.hpp"
#include "trial.hpp"

// Crashes programs at each of their writes to the disk, and checks what is left; see `test_crash --help`.
//
// A round is one run of each program with another seed, crashed at each of its writes in each of the four
// ways of power_cut.hpp; a quarter of them once more while the rest is opened. Then, so that it is known that
// a loss would be found: disks that do not do what a sync asks for must lose something.

namespace toxasync::crash {

namespace po = boost::program_options;

namespace {

struct Totals {
  std::uint64_t points = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t wrong = 0;

  [[nodiscard]] bool clean() const noexcept { return lost == 0 && wrong == 0; }
};

class Harness {
 public:
  Harness(Disk::Fault fault, bool tells) : fault_(fault), tells_(tells) {}

  /// Runs the program, then crashes it everywhere; with `every` above 1 at one change in so many.
  void sweep(Trial& trial, std::uint64_t seed, std::size_t every = 1) {
    const auto log = [&] {
      Disk disk(trial.start(), fault_);
      trial.run();
      return disk.take_log();
    }();
    PowerCut power(trial.start(), log);
    test::SeededRandom random(seed);
    do {
      if (power.position() % every != 0) {
        continue;
      }
      for (std::size_t how = 0; how < cut_names.size(); ++how) {
        const Image left = power.image(static_cast<Cut>(how), random);
        look(trial, left, power.position(), random, describe(trial, seed, power.position(), how));
      }
    } while (power.step());
  }

  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  void count(const Verdict& verdict, const std::string& where) {
    ++totals_.points;
    totals_.acknowledged += verdict.acknowledged;
    totals_.lost += verdict.lost;
    if (verdict.lost == 0 && verdict.wrong.empty()) {
      return;
    }
    totals_.wrong += verdict.wrong.empty() ? 0 : 1;
    constexpr std::uint64_t most_told = 20;
    if (tells_ && told_++ < most_told) {
      std::cout << where << ": lost " << verdict.lost << " of " << verdict.acknowledged
                << (verdict.wrong.empty() ? "" : "; ") << verdict.wrong << '\n';
    }
  }

 private:
  static std::string describe(const Trial& trial, std::uint64_t seed, std::size_t position, std::size_t how) {
    return std::string(trial.name()) + ", seed " + std::to_string(seed) + ", after " +
           std::to_string(position) + " changes, " + std::string(cut_names.at(how));
  }

  void look(Trial& trial, const Image& left, std::size_t position, test::SeededRandom& random,
            const std::string& where) {
    std::vector<Change> log;
    {
      Disk disk(left, fault_);
      count(trial.check(position), where);
      log = disk.take_log();
      if (const Verdict used = trial.use(position); !used.wrong.empty()) {
        count(used, where + ", in use");
      }
    }
    if (log.empty() || !random.chance(250)) {
      return;
    }
    // The power goes again while the rest is opened, looked at and closed.
    PowerCut again(left, log);
    for (auto changes = random.below(log.size() + 1); changes > 0; --changes) {
      again.step();
    }
    const std::size_t how = random.below(cut_names.size());
    const Disk disk(again.image(static_cast<Cut>(how), random), fault_);
    count(trial.check(position), where + ", and again after " + std::to_string(again.position()) + ", " +
                                     std::string(cut_names.at(how)));
  }

  Disk::Fault fault_;
  bool tells_;
  Totals totals_;
  std::uint64_t told_ = 0;
};

struct Options {
  std::uint64_t rounds = 1;
  std::uint64_t first_seed = 1;
  std::uint64_t kills = 8;
};

void round(Harness& harness, std::uint64_t seed, std::size_t every = 1) {
  harness.sweep(*store_trial(seed, 60), seed, every);
  harness.sweep(*backup_trial(seed, 40), seed, every);
  harness.sweep(*state_trial(seed, 40), seed, every);
  harness.sweep(*file_trial(seed, 12), seed, every);
}

/// A disk that does not do what it says must lose something.
bool canary(const char* what, Disk::Fault fault, Trial& trial, std::uint64_t seed) {
  Harness harness(fault, false);
  harness.sweep(trial, seed, 5);
  const Totals& totals = harness.totals();
  std::cout << "crash: canary, " << what << ": " << totals.points << " points, acknowledged lost "
            << totals.lost << (totals.lost > 0 ? "" : ": this harness finds no losses") << '\n';
  return totals.lost > 0;
}

bool canaries(std::uint64_t seed) {
  using Fault = Disk::Fault;
  bool found = canary("store without sync", Fault::syncs_nothing, *store_trial(seed, 60), seed);
  found &= canary("store without sync of the WAL", Fault::syncs_no_wal, *store_trial(seed, 60), seed);
  found &=
      canary("store without sync of the directory", Fault::syncs_no_directory, *store_trial(seed, 60), seed);
  found &= canary("state without sync", Fault::syncs_nothing, *state_trial(seed, 40), seed);
  found &= canary("files without sync", Fault::syncs_nothing, *file_trial(seed, 12), seed);
  found &=
      canary("files without sync of the directory", Fault::syncs_no_directory, *file_trial(seed, 12), seed);
  return found;
}

bool run(const Options& options) {
  register_sqlite_files();
  Harness harness(Disk::Fault::none, true);
  for (std::uint64_t i = 0; i < options.rounds; ++i) {
    round(harness, options.first_seed + i);
  }
  const std::uint64_t simulated = harness.totals().points;
  for (std::uint64_t i = 0; i < options.kills; ++i) {
    harness.count(kill_processes(options.first_seed + i, 1),
                  "kill -9, seed " + std::to_string(options.first_seed + i));
  }
  const bool canaries_died = canaries(options.first_seed);
  const Totals& totals = harness.totals();
  std::cout << "crash: " << simulated << " simulated and " << totals.points - simulated
            << " processes killed; " << totals.acknowledged << " acknowledged records looked for, "
            << totals.wrong << " other faults\n";
  std::cout << "crash: " << totals.points << " points, acknowledged lost " << totals.lost << std::endl;
  return totals.clean() && canaries_died;
}

/// Nothing: --help was printed. Throws po::error.
std::optional<Options> parse(int count, char** arguments) {
  Options options;
  po::options_description known("usage: test_crash [OPTIONS]\n\nOptions", 100, 60);
  auto add = known.add_options();
  add("rounds", po::value(&options.rounds)->value_name("N"), "runs of each program; default: 1");
  add("seed", po::value(&options.first_seed)->value_name("N"), "seed of the first round; default: 1");
  add("kills", po::value(&options.kills)->value_name("N"), "processes killed by SIGKILL; default: 8");
  add("help", "print this text");
  po::variables_map given;
  po::store(po::command_line_parser(count, arguments).options(known).positional({}).run(), given);
  po::notify(given);
  if (given.count("help") != 0) {
    std::cout << known
              << "\nExit status: 0 if nothing acknowledged was lost, 1 otherwise, 2 for a wrong option.\n";
    return std::nullopt;
  }
  return options;
}

}  // namespace

}  // namespace toxasync::crash

int main(int argc, char** argv) {
  try {
    if (!toxasync::crypto::initialise()) {
      return EXIT_FAILURE;
    }
    const auto options = toxasync::crash::parse(argc, argv);
    return !options || toxasync::crash::run(*options) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const boost::program_options::error& error) {
    std::cerr << "test_crash: " << error.what() << "; see `test_crash --help`\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "test_crash: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
