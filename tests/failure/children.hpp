// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace toxasync::failure {

/// Processes that each try one failure: a test that ends the process is a result like any other.
class Children {
 public:
  /// `command`: how one number is tried again.
  Children(unsigned at_a_time, std::string command) : most_(at_a_time), command_(std::move(command)) {}

  /// Forks. True: this is the child, which must end with EXIT_SUCCESS if all is well.
  bool fork(std::uint64_t number);
  void wait_for_all();
  [[nodiscard]] std::uint64_t tried() const noexcept { return tried_; }
  [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }

 private:
  void wait_for_one();

  unsigned most_;
  std::string command_;
  std::map<pid_t, std::uint64_t> running_;  ///< With the number that each tries.
  std::uint64_t tried_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace toxasync::failure
