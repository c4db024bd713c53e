// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/state_path.hpp"

#include "adapters/settings/user_paths.hpp"

namespace toxasync {

namespace fs = std::filesystem;

Result<fs::path, StatePathError> state_path(const std::string& path, const std::string& directory,
                                            const crypto::Secret<32>& tox_secret) {
  if (!path.empty()) {
    return fs::path(path);
  }
  const fs::path folder = directory.empty() ? user_data_directory() : fs::path(directory);
  if (folder.empty()) {
    return StatePathError::none;
  }
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) {
    fs::create_directories(folder, failed);
    if (failed) {
      const bool forbidden =
          failed == std::errc::permission_denied || failed == std::errc::read_only_file_system;
      return forbidden ? StatePathError::not_writable : StatePathError::no_directory;
    }
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
  const auto name = crypto::h128(tox_secret.view(), {as_bytes("toxasync/1 state file")});
  return folder / (to_hex(name) + ".db");
}

}  // namespace toxasync
