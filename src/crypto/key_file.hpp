// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/result.hpp"
#include "crypto/secret.hpp"

namespace toxasync::crypto {

enum class KeyFileError : std::uint8_t {
  missing,     ///< There is no such file.
  unreadable,  ///< It cannot be opened or read.
  damaged,     ///< Not a key file, or its checksum is wrong. It is never replaced automatically.
  unwritable,  ///< It cannot be created (directory missing or read-only, disk full).
};

/// A message for the user, with what to do.
std::string_view describe(KeyFileError error) noexcept;

/// Reads a key file: "TXKEY1\n" and a zero byte, the payload, H128("toxasync/1 key file"|payload). The
/// payload is `size` bytes and secret: wipe it after use.
Result<Bytes, KeyFileError> read_key_file(const std::string& path, std::size_t size);

/// Writes one, readable by its owner only, so that after a crash the old or the new file is there, whole.
Result<bool, KeyFileError> write_key_file(const std::string& path, ByteView payload);

}  // namespace toxasync::crypto
