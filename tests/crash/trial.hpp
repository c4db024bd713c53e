// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "disk.hpp"

namespace toxasync::crash {

/// What was found after a crash.
struct Verdict {
  std::uint64_t acknowledged = 0;  ///< Records that must be there.
  std::uint64_t lost = 0;          ///< Of these, not there or not as they were.
  std::string wrong;               ///< What must not be; empty: nothing.
};

/// A program that writes to the mounted disk, and knows what must be there when it ends at some point.
class Trial {
 public:
  virtual ~Trial() = default;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// What is on the disk when it begins.
  [[nodiscard]] virtual const Image& start() const noexcept = 0;
  virtual void run() = 0;
  /// Opens what is on the mounted disk when run() ended after `position` changes, looks at it, and closes it.
  virtual Verdict check(std::size_t position) = 0;
  /// After check(): goes on with it.
  virtual Verdict use(std::size_t position) = 0;
};

/// Which of a program's operations, in their order, had been begun and which acknowledged when the disk had
/// got so many changes.
class History {
 public:
  void begin(std::size_t operations) { begun_.push_back({Disk::mounted()->position(), operations}); }
  void acknowledge(std::size_t operations) {
    acknowledged_.push_back({Disk::mounted()->position(), operations});
  }
  [[nodiscard]] std::size_t begun(std::size_t position) const { return last(begun_, position); }
  [[nodiscard]] std::size_t acknowledged(std::size_t position) const { return last(acknowledged_, position); }

 private:
  struct Mark {
    std::size_t position, operations;
  };
  static std::size_t last(const std::vector<Mark>& marks, std::size_t position) {
    const auto after = std::ranges::upper_bound(marks, position, {}, &Mark::position);
    return after == marks.begin() ? 0 : std::prev(after)->operations;
  }

  std::vector<Mark> begun_, acknowledged_;
};

/// A storage node's database: puts, lists, removals, cancels, expiry, and the database closed and opened
/// again.
std::unique_ptr<Trial> store_trial(std::uint64_t seed, std::size_t operations);
/// The same, copied while it is being written to.
std::unique_ptr<Trial> backup_trial(std::uint64_t seed, std::size_t operations);
/// A client's state.
std::unique_ptr<Trial> state_trial(std::uint64_t seed, std::size_t batches);
/// Small files that are replaced, and a node's key file.
std::unique_ptr<Trial> file_trial(std::uint64_t seed, std::size_t replacements);

/// Kills a process with kill -9 while it writes to the system's disk, `times` times, and looks at what it
/// left.
Verdict kill_processes(std::uint64_t seed, std::size_t times);

}  // namespace toxasync::crash
