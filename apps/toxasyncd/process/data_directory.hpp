// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.hpp"

namespace toxasync::daemon {

/// Where a node stores its identity, its mail and its Tox profile. All functions throw StartupError.
class DataDirectory {
 public:
  static constexpr const char* database_name = "store.db";

  /// Makes the directory (mode 0700) if it does not exist; its parent must.
  explicit DataDirectory(std::filesystem::path path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  /// Locks the directory against other processes, if no database file in it does that.
  void lock();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path key_file() const { return path_ / "node.key"; }
  [[nodiscard]] std::filesystem::path database() const { return path_ / database_name; }
  [[nodiscard]] std::filesystem::path tox_profile() const { return path_ / "tox.profile"; }
  [[nodiscard]] std::filesystem::path control_socket() const { return path_ / "control"; }
  /// Where a running node copies its database to for `toxasyncd backup`.
  [[nodiscard]] std::filesystem::path backup() const { return path_ / "store.db.backup"; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

/// The whole file; nothing if it does not exist.
std::optional<Bytes> read_file(const std::filesystem::path& path);

/// Writes a file that only its owner can read. After a crash either the old or the new content is there.
void replace_file(const std::filesystem::path& path, ByteView content);

}  // namespace toxasync::daemon
