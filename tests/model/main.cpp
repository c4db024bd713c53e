// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "operations.hpp"

// Random sequences of operations against a plain model; see `test_model --help`.
//
// Sequence i of a suite has the seed FIRST + i; a failure prints the seed and the shortest sequence of the
// same operations that still fails. --sweep takes N short sequences of each suite, and repeats each with a
// crash of each user at every single event.

namespace toxasync::model {

namespace po = boost::program_options;

namespace {

struct Step {
  std::size_t operation = 0;
  std::uint64_t seed = 0;
};

struct Sequence {
  std::uint64_t seed = 0;
  Rig::Setup setup;
  std::vector<Step> steps;
};

struct Crash {
  std::size_t who = 0;
  unsigned event = 0;
};

Sequence generate(Suite suite, std::uint64_t seed, std::size_t length) {
  SeededRandom random(seed * 1000003 + static_cast<std::uint64_t>(suite));
  Sequence made{seed, {}, {}};
  made.setup.users = random.chance(200) ? 3 : 2;
  made.setup.nodes = 1 + random.below(4);
  made.setup.poll_interval = random.chance(300) ? 2min : 30min;
  made.setup.push = seed % 3 != 0;
  std::uint64_t total = 0;
  const auto weight = [&](const Operation& operation) {
    return operation.weights[static_cast<std::size_t>(suite)];
  };
  for (const auto& operation : operations()) {
    total += weight(operation);
  }
  for (std::size_t i = 0; i < length; ++i) {
    auto left = random.below(total);
    std::size_t at = 0;
    while (left >= weight(operations()[at])) {
      left -= weight(operations()[at++]);
    }
    made.steps.push_back({at, random.u64()});
  }
  return made;
}

void print_counters(std::ostream& out, const std::string& whose, const Metrics& metrics) {
  out << "  " << whose << ":";
  for (std::size_t i = 0; i < counter_count; ++i) {
    if (const auto value = metrics.value(static_cast<Counter>(i)); value > 0) {
      out << " " << name(static_cast<Counter>(i)) << "=" << value;
    }
  }
  out << "\n";
}

void print_counters(std::ostream& out, const Rig& rig) {
  for (const auto& person : rig.people) {
    std::set<Id> ids;
    for (const auto& status : person.user->states) {
      if (ids.insert(status.id).second) {
        out << "  " << to_hex(ByteView(status.id).first(4)) << ": " << person.user->told(status.id) << "\n";
      }
    }
    print_counters(
        out, to_hex(ByteView(person.user->key).first(3)) + (person.user->running() ? "" : " (not running)"),
        person.user->metrics);
  }
  for (const auto& node : rig.world.nodes) {
    print_counters(out, "a node with " + std::to_string(node->store.stats().messages) + " records",
                   node->metrics);
  }
}

struct Outcome {
  std::optional<std::string> wrong;  ///< What went wrong; nothing if nothing did.
  std::uint64_t events = 0;          ///< At which a crash could have come.
};

Outcome run(const Sequence& sequence, Totals& totals, std::ostream* trace,
            std::optional<Crash> crash = std::nullopt) {
  Rig rig(sequence.seed, sequence.setup, totals);
  Outcome outcome;
  const auto events_before = totals.events;
  try {
    for (auto& a : rig.people) {  // they know each other, most of the time
      for (auto& b : rig.people) {
        if (&a < &b && sequence.seed % 8 != 0) {
          rig.connect(a, b);
          rig.run(5s);
          rig.model.met(a.user->key, b.user->key);
          rig.disconnect_all();
        }
      }
    }
    if (crash) {
      rig.people[crash->who].crash_in_events = crash->event;
    }
    for (const Step& step : sequence.steps) {
      SeededRandom random(step.seed);
      rig.note.clear();
      ++totals.operations;
      operations()[step.operation].run(rig, random);
      rig.observe();
      if (trace != nullptr) {
        *trace << "  " << since_1970_s(rig.world.clock.unix_time()) << " "
               << operations()[step.operation].name << rig.note << "\n";
      }
    }
    outcome.events = totals.events - events_before;
    SeededRandom random(sequence.seed + 77);
    rig.finish(random);
  } catch (const std::exception& broken) {
    if (trace != nullptr) {
      print_counters(*trace, rig);
    }
    outcome.wrong = broken.what();
  }
  return outcome;
}

/// What went wrong, without the numbers: shrinking must not lead from one failure to another.
std::string kind_of(const std::string& wrong) {
  const auto message = wrong.rfind("): ");
  std::string kind = message == std::string::npos ? wrong : wrong.substr(message);
  std::erase_if(kind, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return kind;
}

/// Leaves out what is not needed for a failure.
Sequence shrink(Sequence sequence, const std::string& wrong, std::optional<Crash> crash) {
  Totals ignored;
  const auto fails_alike = [&](const Sequence& shorter) {
    const auto now = run(shorter, ignored, nullptr, crash).wrong;
    return now && kind_of(*now) == kind_of(wrong);
  };
  for (std::size_t size = std::max<std::size_t>(sequence.steps.size() / 2, 1);; size /= 2) {
    for (std::size_t at = 0; at < sequence.steps.size();) {
      Sequence shorter = sequence;
      const auto begin = shorter.steps.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.steps.erase(begin,
                          begin + static_cast<std::ptrdiff_t>(std::min(size, shorter.steps.size() - at)));
      if (fails_alike(shorter)) {
        sequence = std::move(shorter);
      } else {
        at += size;
      }
    }
    if (size <= 1) {
      return sequence;
    }
  }
}

struct Options {
  std::vector<Suite> suites{Suite::outbox, Suite::inbox, Suite::pre_keys};
  std::uint64_t sequences = 30;
  std::uint64_t first_seed = 1;
  std::uint64_t sweeps = 0;
  unsigned jobs = 1;
  bool trace = false;
  bool shrinks = true;
};

class Runner {
 public:
  explicit Runner(Options options) : options_(std::move(options)) {}

  bool run_all() {
    for (const Suite suite : options_.suites) {
      for (std::uint64_t i = 0; i < options_.sequences; ++i) {
        tasks_.push_back({suite, options_.first_seed + i, false});
      }
      for (std::uint64_t i = 0; i < options_.sweeps; ++i) {
        tasks_.push_back({suite, options_.first_seed + i, true});
      }
    }
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < options_.jobs; ++i) {
      threads.emplace_back([this] { work(); });
    }
    work();
    std::ranges::for_each(threads, &std::thread::join);
    std::cout << "model: " << totals_.sequences << " sequences, " << totals_.crash_points << " crash points, "
              << totals_.operations << " operations, " << totals_.events << " events, " << totals_.restores
              << " old copies; " << totals_.messages << " messages in " << totals_.envelopes
              << " envelopes: " << totals_.shown << " shown (" << totals_.repeated
              << " repetitions after a crash or an old copy), " << totals_.expired << " expired, "
              << totals_.cancelled << " cancelled, " << totals_.failed << " failed; " << failures_
              << " sequences went wrong\n";
    return failures_ == 0;
  }

 private:
  struct Task {
    Suite suite{};
    std::uint64_t seed = 0;
    bool sweep = false;
  };

  void work() {
    Totals totals;
    for (std::size_t i = next_++; i < tasks_.size(); i = next_++) {
      const Task& task = tasks_[i];
      if (task.sweep) {
        sweep(task, totals);
      } else {
        SeededRandom random(task.seed);
        check(task, generate(task.suite, task.seed, 10 + random.below(50)), std::nullopt, totals);
      }
    }
    const std::lock_guard lock(mutex_);
    totals_ += totals;
  }

  void check(const Task& task, const Sequence& sequence, std::optional<Crash> crash, Totals& totals) {
    ++totals.sequences;
    std::ostringstream report;
    const auto wrong = run(sequence, totals, options_.trace ? &report : nullptr, crash).wrong;
    if (wrong) {
      const auto suite = suite_names[static_cast<std::size_t>(task.suite)];
      report << suite << ", seed " << task.seed << ": " << *wrong << "\n";
      if (crash) {
        report << "with a crash of user " << crash->who << " at event " << crash->event << "\n";
      }
      if (options_.shrinks) {
        const auto shortest = shrink(sequence, *wrong, crash);
        Totals ignored;
        report << "the shortest that goes wrong:\n";
        const auto how = run(shortest, ignored, &report, crash).wrong;
        report << "  " << how.value_or("?") << "\n";
      }
      report << "again: test_model --suite " << suite << " --seed " << task.seed
             << (crash ? " --sequences 0 --sweep 1\n" : " --sequences 1 --trace\n");
    }
    const std::lock_guard lock(mutex_);
    failures_ += wrong ? 1 : 0;
    std::cerr << report.str();
  }

  /// A crash of everybody at every event of a short sequence.
  void sweep(const Task& task, Totals& totals) {
    constexpr std::uint64_t other_seeds = 900'000;
    const auto sequence = generate(task.suite, task.seed + other_seeds, 8);
    Totals ignored;
    const auto events = std::min<std::uint64_t>(run(sequence, ignored, nullptr).events, longest_sweep);
    for (std::size_t who = 0; who < sequence.setup.users; ++who) {
      for (unsigned event = 1; event <= events; ++event) {
        check(task, sequence, Crash{who, event}, totals);
      }
    }
  }

  static constexpr std::uint64_t longest_sweep = 2000;  ///< Events.

  Options options_;
  std::vector<Task> tasks_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;  ///< Of what follows, and of standard error.
  Totals totals_;
  std::uint64_t failures_ = 0;
};

/// Nothing: --help was printed. Throws po::error.
std::optional<Options> parse(int argc, char** argv) {
  Options options;
  std::string suite;
  bool no_shrink = false;
  po::options_description known("usage: test_model [OPTIONS]\n\nOptions", 100, 60);
  auto add = known.add_options();
  add("suite", po::value(&suite)->value_name("NAME"), "outbox, inbox or pre-keys; default: all three");
  add("sequences", po::value(&options.sequences)->value_name("N"), "random sequences per suite; default: 30");
  add("seed", po::value(&options.first_seed)->value_name("N"), "seed of the first sequence; default: 1");
  add("sweep", po::value(&options.sweeps)->value_name("N"),
      "short sequences per suite, repeated with a crash of each user at every event; default: 0");
  add("jobs", po::value(&options.jobs)->value_name("N"), "threads; default: 1");
  add("trace", po::bool_switch(&options.trace), "print the operations of a sequence that fails");
  add("no-shrink", po::bool_switch(&no_shrink), "do not look for a shorter sequence that fails");
  add("help", "print this text");
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), given);
  po::notify(given);
  if (given.count("help") != 0) {
    std::cout << known << "\nExit status: 0 if all sequences pass, 1 if one fails, 2 for a wrong option.\n";
    return std::nullopt;
  }
  options.shrinks = !no_shrink;
  options.jobs = std::max(1U, options.jobs);
  if (!suite.empty()) {
    const auto found = std::ranges::find(suite_names, std::string_view(suite));
    if (found == suite_names.end()) {
      throw po::error("--suite must be outbox, inbox or pre-keys");
    }
    options.suites = {static_cast<Suite>(found - suite_names.begin())};
  }
  return options;
}

}  // namespace

}  // namespace toxasync::model

int main(int argc, char** argv) {
  try {
    const auto options = toxasync::model::parse(argc, argv);
    return !options || toxasync::model::Runner(*options).run_all() ? 0 : 1;
  } catch (const boost::program_options::error& error) {
    std::cerr << "test_model: " << error.what() << "; see `test_model --help`\n";
    return 2;
  }
}
