// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "crypto/secret.hpp"

namespace toxasync {

enum class StatePathError : std::uint8_t {
  none,          ///< Neither the options nor the environment name a directory.
  no_directory,  ///< The directory does not exist and cannot be created.
  not_writable,  ///< No permission to create it.
};

/// `path` if it is not empty; else a file in `directory`, or in the default one, which is created if it does
/// not exist (mode 0700). The file's name is a keyed hash, which does not reveal its owner without the secret
/// key.
Result<std::filesystem::path, StatePathError> state_path(const std::string& path,
                                                         const std::string& directory,
                                                         const crypto::Secret<32>& tox_secret);

}  // namespace toxasync
