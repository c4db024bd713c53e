// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::live {

/// Threads that write to the disk wait for work by a condition variable. They get no further than here, until
/// the simulation lets them: so the disk is done exactly when the simulation says, however fast the threads
/// run.
class DiskGate {
 public:
  static void set_open(bool open);
  /// How many threads have ever been here.
  static std::uint64_t threads_so_far();
  /// Waits for so many.
  static void await_threads(std::uint64_t count);

  /// For such a thread: it begins to wait for work; it goes on when the gate is open.
  static void arrive();
  static void pass();
};

}  // namespace toxasync::live
