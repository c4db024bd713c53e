// SPDX-License-Identifier: GPL-3.0-or-later
#include "children.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace toxasync::failure {

bool Children::fork(std::uint64_t number) {
  while (running_.size() >= most_) {
    wait_for_one();
  }
  ++tried_;
  const pid_t child = ::fork();
  if (child < 0) {
    throw std::runtime_error("cannot fork");
  }
  if (child != 0) {
    running_[child] = number;
  }
  return child == 0;
}

void Children::wait_for_all() {
  while (!running_.empty()) {
    wait_for_one();
  }
}

void Children::wait_for_one() {
  int status = 0;
  const pid_t child = ::waitpid(-1, &status, 0);
  const auto number = std::to_string(running_.at(child));
  running_.erase(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
    ++wrong_;
    std::cerr << "failure " << number << ": "
              << (WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status)) : "see above")
              << "; again: " << command_ << " --at " << number << std::endl;
  }
}

}  // namespace toxasync::failure
