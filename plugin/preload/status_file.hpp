// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace toxasync::preload {

/// A few lines for `toxasync status` and `toxasync id`, in a file of the user's state directory that is named
/// after the process and removed with the Tox instance. Readable by its owner only; contains no friends.
class StatusFile {
 public:
  static constexpr std::int64_t interval_ms = 1000;

  StatusFile();
  ~StatusFile();
  StatusFile(const StatusFile&) = delete;
  StatusFile& operator=(const StatusFile&) = delete;

  [[nodiscard]] bool due(std::int64_t now_ms) const noexcept { return now_ms >= next_ms_; }
  /// Writes the text if it has changed. Not synced to disk: it need not survive a crash.
  void write(const std::string& text, std::int64_t now_ms) noexcept;

 private:
  std::filesystem::path path_;
  std::int64_t next_ms_ = 0;
  std::string written_;  ///< Empty: nothing.
};

}  // namespace toxasync::preload
