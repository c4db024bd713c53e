// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace toxasync::preload {

using FileId = std::array<std::uint8_t, TOX_FILE_ID_LENGTH>;

/// What tox_file_send was given for a file of TOX_FILE_KIND_AVATAR.
struct PendingAvatar {
  /// The number of the first file that is sent to a friend who has just come online: toxcore gives the lowest
  /// one that is free, and no file outlives a connection.
  static constexpr std::uint32_t file_number = 0;

  std::uint64_t size = 0;  ///< In bytes; 0: the user has no avatar.
  std::optional<FileId> id;
  std::string name;  ///< At most TOX_MAX_FILENAME_LENGTH bytes, which need not be text.
};

}  // namespace toxasync::preload
