// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace toxasync::store {

/// What a row of a node's database is; the numbers are part of its checksum.
enum class RecordKind : std::uint8_t { removed = 0, live = 1, cancelled = 2 };

/// Keyed BLAKE2b-128 over all of a record but its sequence. `value` is empty unless it is live.
[[nodiscard]] ByteArray<16> record_checksum(const ByteArray<32>& key, ByteView mailbox, ByteView box,
                                            ByteView id, UnixTime expires_at, RecordKind kind,
                                            ByteView value) noexcept;

}  // namespace toxasync::store
