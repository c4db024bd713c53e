// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/program_options.hpp>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <set>

#include "scenario.hpp"

// Live libtoxcore and libtoxasync in virtual time; see `test_live --help`.

namespace toxasync::live {

namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct Options {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 3;
  bool once = false;
  bool story = false;
  bool packets = false;
};

/// A folder that is gone at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "toxasync-live-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make a temporary directory");
    }
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

struct Outcome {
  std::string trace;
  Totals totals;
  std::string wrong;  ///< Empty: nothing.
};

Outcome play(std::uint64_t seed, std::ostream* story, std::ostream* packets) {
  const Folder folder;
  Scenario scenario(seed, folder.path(), story, packets);
  Outcome outcome;
  try {
    scenario.play();
  } catch (const Broken& broken) {
    outcome.wrong = broken.what();
  }
  outcome.trace = scenario.trace();
  outcome.totals = scenario.totals();
  return outcome;
}

/// Whether all went well.
bool run(const Options& options) {
  Totals totals;
  std::set<std::string> traces;
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = options.first_seed; seed < options.first_seed + options.seeds; ++seed) {
    Outcome outcome =
        play(seed, options.story ? &std::cout : nullptr, options.packets ? &std::cout : nullptr);
    if (outcome.wrong.empty() && !options.once && play(seed, nullptr, nullptr).trace != outcome.trace) {
      outcome.wrong = "the same seed gave another trace";
    }
    if (!traces.insert(outcome.trace).second) {
      outcome.wrong = "another seed gave the same trace";
    }
    if (!outcome.wrong.empty()) {
      ++wrong;
      std::cerr << "seed " << seed << ": " << outcome.wrong << "\nagain: " << program_invocation_name
                << " --seed " << seed << " --seeds 1 --story\n";
    }
    std::cout << "seed " << seed << ": trace " << outcome.trace << std::endl;
    totals += outcome.totals;
  }
  std::cout << "live: " << options.seeds << " seeds, " << totals.messages << " messages (" << totals.late
            << " late), " << totals.live << " envelopes live, " << totals.stored << " stored by nodes, "
            << totals.deleted << " fetched there; " << totals.kills << " kills, " << totals.moves
            << " moves, " << totals.cuts << " cuts, " << totals.packets << " packets, "
            << totals.virtual_time.count() << " s of virtual time; " << wrong << " seeds went wrong\n";
  if (wrong == 0 && (totals.live == 0 || totals.deleted == 0 || totals.kills == 0)) {
    std::cerr << "a way that messages take was never taken: more seeds are needed\n";
    return false;
  }
  return wrong == 0;
}

/// Nothing: --help was printed. Throws po::error.
std::optional<Options> parse(int argc, char** argv) {
  Options options;
  po::options_description known("usage: test_live [OPTIONS]\n\nOptions", 100, 60);
  auto add = known.add_options();
  add("seed", po::value(&options.first_seed)->value_name("N"), "the first seed; default: 1");
  add("seeds", po::value(&options.seeds)->value_name("N"), "how many seeds; default: 3");
  add("once", po::bool_switch(&options.once), "run each seed once: do not compare the traces of two runs");
  add("story", po::bool_switch(&options.story), "print what happens");
  add("packets", po::bool_switch(&options.packets), "print every packet that is sent");
  add("help", "print this text");
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), given);
  po::notify(given);
  if (given.count("help") != 0) {
    std::cout << known << "\nExit status: 0 if all seeds pass, 1 if one fails, 2 for a wrong option.\n";
    return std::nullopt;
  }
  return options;
}

}  // namespace

}  // namespace toxasync::live

int main(int argc, char** argv) {
  toxasync::live::Machine::replace_random_generator();
  try {
    const auto options = toxasync::live::parse(argc, argv);
    return !options || toxasync::live::run(*options) ? 0 : 1;
  } catch (const boost::program_options::error& error) {
    std::cerr << "test_live: " << error.what() << "; see `test_live --help`\n";
    return 2;
  }
}
