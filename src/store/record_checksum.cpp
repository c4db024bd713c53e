// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/record_checksum.hpp"

#include "crypto/symmetric.hpp"

namespace toxasync::store {

ByteArray<16> record_checksum(const ByteArray<32>& key, ByteView mailbox, ByteView box, ByteView id,
                              UnixTime expires_at, RecordKind kind, ByteView value) noexcept {
  ByteArray<9> head{};
  store_le(static_cast<std::uint64_t>(expires_at.time_since_epoch().count()), head.data());
  head[8] = static_cast<std::uint8_t>(kind);
  return crypto::h128(key, {mailbox, box, id, head, value});
}

}  // namespace toxasync::store
