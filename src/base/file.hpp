// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <span>
#include <system_error>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace toxasync {

// Small files of secrets, whole at once. Blocks for as long as the disk takes. Errors are the system's, of
// std::generic_category().

/// Reads the beginning of a file into `out`, as much as there is room for. How many bytes it was.
Result<std::size_t, std::error_code> read_file(const std::filesystem::path& path,
                                               std::span<std::uint8_t> out);

/// Writes a file that only its owner may read, so that after a crash the old or the new one is there, whole.
/// Nothing: done, and it survives a power cut. Else the old one, if there was one, is as it was.
std::error_code replace_file(const std::filesystem::path& path, ByteView content);

}  // namespace toxasync
