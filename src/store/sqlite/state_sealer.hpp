// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "store/state_store.hpp"

namespace toxasync::store {

/// A row as it is on the disk.
struct SealedRow {
  ByteArray<16> key{};  ///< Keyed hash of the logical key.
  Bytes box;            ///< Nonce 24 | XChaCha20-Poly1305 of (key length 2 | key | value), bound to `key`.
};

/// Hides keys and values of the state from whoever reads the file. Immutable, so it may be used by two
/// threads.
class StateSealer {
 public:
  /// Both keys in use are derived from `key` and the database's `salt`.
  StateSealer(const ByteArray<32>& key, const ByteArray<16>& salt) noexcept;
  ~StateSealer();
  StateSealer(const StateSealer&) = delete;
  StateSealer& operator=(const StateSealer&) = delete;

  [[nodiscard]] ByteArray<16> row_key(ByteView key) const noexcept;
  [[nodiscard]] SealedRow seal(ByteView key, ByteView value, Random& random) const;
  /// Nothing: the row was not written under this key, or was changed.
  [[nodiscard]] std::optional<StateEntry> open(const SealedRow& row) const;

 private:
  ByteArray<32> index_key_;
  ByteArray<32> seal_key_;
};

}  // namespace toxasync::store
