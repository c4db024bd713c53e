// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "target.hpp"

namespace toxasync::fuzz {

/// A file that is on no disk, with a path.
class MemoryFile {
 public:
  explicit MemoryFile(ByteView content) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    check(fd_ >= 0 && write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
          "memory holds the input");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace toxasync::fuzz
