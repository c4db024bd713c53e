// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/status_file.hpp"

#include <unistd.h>

#include <atomic>
#include <fstream>

#include "adapters/settings/user_paths.hpp"

namespace toxasync::preload {

namespace fs = std::filesystem;

StatusFile::StatusFile() {
  static std::atomic<unsigned> instances{0};
  const fs::path directory = user_state_directory();
  if (!directory.empty()) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(directory, failed)) {
      if (status_file_process(entry.path().filename().string()) == 0) {
        fs::remove(entry.path(), failed);  // Of a client that was killed.
      }
    }
    path_ = directory / ("status." + std::to_string(getpid()) + "." + std::to_string(++instances));
  }
}

StatusFile::~StatusFile() {
  if (!written_.empty()) {
    std::error_code failed;
    fs::remove(path_, failed);
  }
}

void StatusFile::write(const std::string& text, SteadyTime now) noexcept {
  next_ = now + interval;
  if (path_.empty() || text == written_) {
    return;
  }
  std::error_code failed;
  const fs::path fresh = path_.string() + "~";
  {
    std::ofstream out(fresh, std::ios::trunc);
    fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write, failed);
    out << text << std::flush;
    if (!out) {
      return;
    }
  }
  fs::rename(fresh, path_, failed);
  if (!failed) {
    written_ = text;
  }
}

}  // namespace toxasync::preload
