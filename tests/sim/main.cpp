// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <charconv>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "operations.hpp"

// Hostile worlds against a plain model of the promises; see `test_sim --help`.
//
// World i has the seed FIRST + i; a failure prints the seed, and the shortest sequence of operations in the
// smallest world that still fails.

namespace toxasync::sim {

namespace po = boost::program_options;

namespace {

struct Step {
  std::size_t place = 0;  ///< In the whole sequence.
  std::size_t operation = 0;
  std::uint64_t seed = 0;
};

struct Sequence {
  std::uint64_t seed = 0;
  Weather weather;
  std::vector<Step> steps;
  Rig::Options options;
};

Sequence generate(std::uint64_t seed, bool crashing) {
  SeededRandom random(seed * 1000003);
  Sequence made{seed, Weather::draw(random), {}, {}};
  SeededRandom crashes(seed * 1000003 + 1);
  if (crashing || crashes.chance(50)) {
    static constexpr unsigned within[] = {20, 100, 500, 2500};
    made.weather.crash_within = within[crashes.below(std::size(within))];
  }
  const auto weight = [&](const Operation& operation) {
    return std::uint64_t{operation.weight} * made.weather[operation.kind];
  };
  std::uint64_t total = 0;
  for (const auto& operation : operations()) {
    total += weight(operation);
  }
  for (std::size_t i = 0; i < made.weather.steps; ++i) {
    auto left = random.below(total);
    std::size_t at = 0;
    while (left >= weight(operations()[at])) {
      left -= weight(operations()[at++]);
    }
    made.steps.push_back({i, at, random.u64()});
  }
  return made;
}

/// What of a world can be less in a smaller one.
constexpr std::array sizes_of_worlds = {&Weather::users,         &Weather::nodes,
                                        &Weather::hostile_nodes, &Weather::hostile_friends,
                                        &Weather::strangers,     &Weather::thieves};

/// A smaller world and some of the steps: "2,3,1,0,0,0:4,17".
std::string scenario_of(const Sequence& sequence) {
  std::string made;
  for (const auto size : sizes_of_worlds) {
    made += (made.empty() ? "" : ",") + std::to_string(sequence.weather.*size);
  }
  made += ':';
  for (const Step& step : sequence.steps) {
    made += (made.back() == ':' ? "" : ",") + std::to_string(step.place);
  }
  return made;
}

std::vector<std::size_t> numbers(const std::string& text) {
  std::vector<std::size_t> read;
  std::istringstream in(text);
  for (std::string number; std::getline(in, number, ',');) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size()) {
      throw po::error("--scenario has '" + number + "' where a number must be");
    }
    read.push_back(value);
  }
  return read;
}

/// Fewer than half of the nodes are hostile.
bool is_possible(const Weather& weather) {
  return weather.users >= 2 && weather.nodes >= 1 && weather.hostile_nodes * 2 < weather.nodes;
}

/// Throws po::error.
Sequence reduce(Sequence sequence, const std::string& scenario) {
  const auto colon = scenario.find(':');
  const auto sizes = numbers(scenario.substr(0, colon));
  if (colon == std::string::npos || sizes.size() != sizes_of_worlds.size()) {
    throw po::error("--scenario must be six numbers, a colon and places in the sequence");
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sequence.weather.*sizes_of_worlds[i] = std::min<std::size_t>(sizes[i], 10);
  }
  if (!is_possible(sequence.weather)) {
    throw po::error("--scenario must have two users, a node, and fewer than half of the nodes hostile");
  }
  const auto kept = numbers(scenario.substr(colon + 1));
  std::erase_if(sequence.steps, [&](const Step& step) { return std::ranges::count(kept, step.place) == 0; });
  return sequence;
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
  std::optional<Broken> wrong;  ///< What went wrong; nothing if nothing did.
  std::uint64_t view = 0;       ///< Rig::view().
};

void run_steps(Rig& rig, const Sequence& sequence, Totals& totals, std::ostream* trace) {
  for (const Step& step : sequence.steps) {
    const Operation& operation = operations()[step.operation];
    SeededRandom random(step.seed);
    rig.note.clear();
    rig.idle = false;
    ++totals.operations;
    operation.run(rig, random);
    if (operation.fault && !rig.idle) {
      count(totals.faults, operation.name);
    }
    rig.observe();
    rig.check_bounds();
    if (trace != nullptr) {
      *trace << "  " << since_1970_s(rig.world.clock.unix_time()) << " " << operation.name << rig.note
             << "\n";
    }
  }
}

/// They know each other.
void meet_all(Rig& rig) {
  for (auto& a : rig.people) {
    for (auto& b : rig.people) {
      if (&a < &b) {
        rig.connect(a, b);
        rig.run(5s);
        rig.model.met(a.user->key, b.user->key);
        rig.disconnect_all();
      }
    }
  }
}

Outcome run(const Sequence& sequence, Totals& totals, std::ostream* trace) {
  Rig rig(sequence.seed, sequence.weather, totals, sequence.options);
  Outcome outcome;
  try {
    rig.begin();
    if (sequence.weather.met) {
      meet_all(rig);
    }
    rig.let_crash();
    run_steps(rig, sequence, totals, trace);
    SeededRandom random(sequence.seed + 77);
    rig.finish(random);
  } catch (const Broken& broken) {
    outcome.wrong = broken;
  } catch (const std::exception& error) {
    outcome.wrong = Broken(Fault::stuck, error.what());
  }
  outcome.view = rig.view();
  if (outcome.wrong && trace != nullptr) {
    print_counters(*trace, rig);
  }
  return outcome;
}

/// What went wrong, without the numbers: shrinking must not lead from one failure to another.
std::string kind_of(const Broken& broken) {
  const std::string wrong = broken.what();
  const auto message = wrong.rfind("): ");
  std::string kind = message == std::string::npos ? wrong : wrong.substr(message);
  std::erase_if(kind, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return kind;
}

/// The same with one kind of attacker less, or one person or node.
std::vector<Weather> simpler(const Weather& weather) {
  std::vector<Weather> all;
  for (const auto field : sizes_of_worlds) {
    const std::size_t least = field == &Weather::users ? 2 : field == &Weather::nodes ? 1 : 0;
    if (weather.*field > least) {
      all.push_back(weather);
      --(all.back().*field);
    }
  }
  std::erase_if(all, [](const Weather& w) { return !is_possible(w); });
  return all;
}

/// Leaves out what is not needed for a failure.
Sequence shrink(Sequence sequence, const Broken& wrong) {
  Totals ignored;
  const auto fails_alike = [&](const Sequence& shorter) {
    const auto now = run(shorter, ignored, nullptr).wrong;
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
      break;
    }
  }
  for (bool found = true; found;) {
    found = false;
    for (const Weather& weather : simpler(sequence.weather)) {
      Sequence smaller = sequence;
      smaller.weather = weather;
      if (!found && fails_alike(smaller)) {
        sequence = std::move(smaller);
        found = true;
      }
    }
  }
  return sequence;
}

/// What the product holds now.
std::size_t product_bytes() {
  (void)test::most_product_bytes();
  return test::most_product_bytes();
}

/// The same world with other texts: from outside it must look the same.
std::optional<Broken> look_from_outside(Sequence sequence, std::uint64_t view) {
  Totals ignored;
  sequence.options.other_texts = true;
  if (run(sequence, ignored, nullptr).view != view) {
    return Broken(Fault::revealed, "another content of the messages shows in the packets");
  }
  return std::nullopt;
}

struct Options {
  std::uint64_t seeds = 30;
  std::uint64_t first_seed = 1;
  bool crashing = false;
  unsigned jobs = 1;
  bool trace = false;
  bool shrinks = true;
  bool until_fault = false;
  bool bounds = false;
  std::string scenario;
  Rig::Options canary;
};

class Runner {
 public:
  explicit Runner(Options options) : options_(std::move(options)) {}

  bool run_all() {
    for (std::uint64_t i = 0; i < options_.seeds; ++i) {
      seeds_.push_back(options_.first_seed + i);
    }
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < options_.jobs; ++i) {
      threads.emplace_back([this] { work(); });
    }
    work();
    std::ranges::for_each(threads, &std::thread::join);
    print();
    return !failed();
  }

 private:
  [[nodiscard]] bool failed() const {
    return std::ranges::any_of(faults_, [](std::uint64_t count) { return count > 0; });
  }

  void print() const {
    const auto print_all = [](const char* what, const Tally& tally) {
      std::cout << what << ":";
      const char* between = " ";
      for (const auto& [name, times] : tally) {
        std::cout << between << name << " " << times;
        between = ", ";
      }
      std::cout << "\n";
    };
    print_all("faults", totals_.faults);
    print_all("attacks", totals_.attacks);
    std::cout << totals_.operations << " operations, " << totals_.events << " events, "
              << totals_.crash_points << " crash points; " << totals_.messages << " messages in "
              << totals_.envelopes << " envelopes: " << totals_.shown << " shown (" << totals_.repeated
              << " repetitions after a crash or an old copy), " << totals_.expired << " expired, "
              << totals_.cancelled << " cancelled, " << totals_.failed << " failed\n";
    for (const auto& [what, reached] : options_.bounds ? totals_.bounds : ReachedBounds{}) {
      std::cout << "bound: " << what << ": " << reached.is << " of " << reached.most << "\n";
    }
    std::cout << "sim: " << totals_.seeds << " seeds";
    for (std::size_t i = 0; i < faults_.size(); ++i) {
      std::cout << ", " << fault_names[i] << " " << faults_[i];
    }
    std::cout << "\n";
  }

  void work() {
    for (std::size_t i = next_++; i < seeds_.size(); i = next_++) {
      Totals totals;
      auto sequence = generate(seeds_[i], options_.crashing);
      sequence.options = options_.canary;
      if (!options_.scenario.empty()) {
        sequence = reduce(std::move(sequence), options_.scenario);
      }
      check(sequence, totals);
      const std::lock_guard lock(mutex_);
      totals_ += totals;
      if (options_.until_fault && failed()) {
        next_ = seeds_.size();
      }
      if (++done_ % 500 == 0) {
        std::cerr << "sim: " << done_ << " of " << seeds_.size() << "\n";
      }
    }
  }

  void check(const Sequence& sequence, Totals& totals) {
    ++totals.seeds;
    std::ostringstream report;
    const auto before = product_bytes();
    const auto outcome = run(sequence, totals, options_.trace ? &report : nullptr);
    auto wrong = outcome.wrong;
    if (const auto left = product_bytes(); !wrong && left > before + bytes_left) {
      wrong = Broken(Fault::unbounded, std::to_string(left - before) + " bytes are left when all have ended");
    }
    if (!wrong && sequence.seed % looked_at_each == 0) {
      wrong = look_from_outside(sequence, outcome.view);
    }
    if (wrong) {
      report << "seed " << sequence.seed << ": " << fault_names.at(static_cast<std::size_t>(wrong->kind))
             << ": " << wrong->what() << "\n";
      const std::string crashes = options_.crashing ? " --crashes" : "";
      report << "again: ./dev sim --seed " << sequence.seed << " --seeds 1 --trace" << crashes << "\n";
      if (options_.shrinks && outcome.wrong) {
        const auto shortest = shrink(sequence, *wrong);
        Totals ignored;
        report << "the shortest that goes wrong: ./dev sim --seeds 1 --trace --no-shrink --seed "
               << sequence.seed << crashes << " --scenario " << scenario_of(shortest) << "\n  "
               << shortest.weather.describe() << "\n";
        const auto how = run(shortest, ignored, &report).wrong;
        report << "  " << (how ? how->what() : "?") << "\n";
      }
    }
    const std::lock_guard lock(mutex_);
    if (wrong) {
      ++faults_.at(static_cast<std::size_t>(wrong->kind));
    }
    std::cerr << report.str();
  }

  static constexpr std::uint64_t looked_at_each = 16;  ///< Seeds.
  static constexpr std::size_t bytes_left = 1000;      ///< What static objects may have taken.

  Options options_;
  std::vector<std::uint64_t> seeds_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;  ///< Of what follows, and of standard error.
  Totals totals_;
  std::size_t done_ = 0;
  std::array<std::uint64_t, fault_names.size()> faults_{};
};

/// Nothing: --help was printed. Throws po::error.
std::optional<Options> parse(int argc, char** argv) {
  Options options;
  bool no_shrink = false;
  std::string canary;
  po::options_description known("usage: test_sim [OPTIONS]\n\nOptions", 100, 60);
  auto add = known.add_options();
  add("seeds", po::value(&options.seeds)->value_name("N"), "worlds; default: 30");
  add("seed", po::value(&options.first_seed)->value_name("N"), "seed of the first one; default: 1");
  add("crashes", po::bool_switch(&options.crashing),
      "in each world every user crashes again and again, after 1 to 20, 100, 500 or 2500 events");
  add("jobs", po::value(&options.jobs)->value_name("N"), "threads; default: 1");
  add("trace", po::bool_switch(&options.trace), "print the operations of a world in which something fails");
  add("no-shrink", po::bool_switch(&no_shrink), "do not look for a shorter sequence that fails");
  add("scenario", po::value(&options.scenario)->value_name("S"), "a part of a world, as a failure prints it");
  add("bounds", po::bool_switch(&options.bounds), "print how close each bound came");
  add("until-fault", po::bool_switch(&options.until_fault),
      "stop at the first world in which something fails");
  add("canary", po::value(&canary)->value_name("KIND"),
      "break promises of that kind (as in the closing line), or count one bound a thousand times (traffic, "
      "strangers, "
      "pauses, agreements, memory, state, rows, instances): it must be noticed");
  add("help", "print this text");
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), given);
  po::notify(given);
  if (given.count("help") != 0) {
    std::cout << known
              << "\nExit status: 0 if all promises held, 1 if one was broken, 2 for a wrong option.\n";
    return std::nullopt;
  }
  options.shrinks = !no_shrink;
  if (!canary.empty()) {
    const auto kind = std::ranges::find(fault_names, std::string_view(canary));
    const auto bound = std::ranges::find(bound_names, std::string_view(canary));
    if (kind != fault_names.end()) {
      options.canary.canary = static_cast<Fault>(kind - fault_names.begin());
    } else if (bound != bound_names.end()) {
      options.canary.broken_bound = static_cast<Bound>(bound - bound_names.begin());
    } else {
      throw po::error("--canary must be a kind of fault, as in the closing line, or a bound");
    }
  }
  options.jobs = std::max(1U, options.jobs);
  if (!options.scenario.empty()) {
    reduce(generate(options.first_seed, options.crashing), options.scenario);  // or say what is wrong with it
  }
  return options;
}

}  // namespace

}  // namespace toxasync::sim

int main(int argc, char** argv) {
  try {
    const auto options = toxasync::sim::parse(argc, argv);
    return !options || toxasync::sim::Runner(*options).run_all() ? 0 : 1;
  } catch (const boost::program_options::error& error) {
    std::cerr << "test_sim: " << error.what() << "; see `test_sim --help`\n";
    return 2;
  }
}
