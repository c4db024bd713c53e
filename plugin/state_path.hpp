// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "crypto/secret.hpp"

namespace toxasync {

enum class StatePathError : std::uint8_t {
  none,          ///< No directory is named by options or environment.
  no_directory,  ///< The directory does not exist and cannot be made.
  not_writable,  ///< It cannot be made for want of permission.
};

/// `path` if there is one; else a file in `directory`, or in the default one, which is made if need be (mode
/// 0700). The file's name is a keyed hash: who does not have the secret key cannot tell whose it is.
Result<std::filesystem::path, StatePathError> state_path(const std::string& path,
                                                         const std::string& directory,
                                                         const crypto::Secret<32>& tox_secret);

}  // namespace toxasync
