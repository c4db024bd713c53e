// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <span>
#include <system_error>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace toxasync {

// Reads and writes small files of secrets as a whole. Blocks for as long as the disk takes. Errors are the
// system's, of std::generic_category().

/// Reads the beginning of a file into `out`, as much as fits. Returns the number of bytes.
Result<std::size_t, std::error_code> read_file(const std::filesystem::path& path,
                                               std::span<std::uint8_t> out);

/// Writes a file that only its owner may read, so that after a crash the old or the new one is there, whole.
/// Nothing: done, and it survives a power cut. Else the old one, if there was one, is as it was.
std::error_code replace_file(const std::filesystem::path& path, ByteView content);

/// Creates an empty file that only its owner may read. std::errc::file_exists: there is one already.
std::error_code create_file(const std::filesystem::path& path);

/// Makes what was written to a file survive a power cut.
std::error_code sync_file(const std::filesystem::path& path);

/// Gives a finished file its name, in the same directory; an older file of that name is replaced. As after
/// replace_file() it survives a power cut.
std::error_code put_in_place(const std::filesystem::path& file, const std::filesystem::path& path);

}  // namespace toxasync
