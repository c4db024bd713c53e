// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace toxasync::store {

/// Why a database could not be opened. Nothing is ever deleted or repaired because of one of these.
enum class OpenError : std::uint8_t {
  directory_missing,  ///< The directory that should hold the file does not exist.
  not_writable,       ///< The file or its directory may not be written, or the file system is read-only.
  locked,             ///< Another process (or another instance in this one) has the database open.
  not_a_database,     ///< The file is something else, or a database of another program or purpose.
  damaged,            ///< The file is ours, and its structure is damaged.
  newer_version,      ///< Written by a later version of this program.
  no_space,           ///< The disk or the quota is full.
  wrong_key,          ///< Sealed for another Tox identity.
  io,                 ///< Any other input/output error, or there is no SQLite.
};

/// One sentence for the user: what is wrong and what to do about it. Without an end of line or a path.
std::string_view describe(OpenError error) noexcept;

}  // namespace toxasync::store
