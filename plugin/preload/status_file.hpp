// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/time.hpp"

namespace toxasync::preload {

/// A few lines for `toxasync status` and `toxasync id`, in a file of the user's state directory that is named
/// after the process and removed with the Tox instance. Readable by its owner only; contains no friends.
class StatusFile {
 public:
  static constexpr milliseconds interval = 1s;

  StatusFile();
  ~StatusFile();
  StatusFile(const StatusFile&) = delete;
  StatusFile& operator=(const StatusFile&) = delete;

  [[nodiscard]] bool due(SteadyTime now) const noexcept { return now >= next_; }
  /// Writes the text if it has changed. Not synced to disk: it need not survive a crash.
  void write(const std::string& text, SteadyTime now) noexcept;

 private:
  std::filesystem::path path_;
  SteadyTime next_{};
  std::string written_;  ///< Empty: nothing.
};

}  // namespace toxasync::preload
