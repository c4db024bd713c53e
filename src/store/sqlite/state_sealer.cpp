// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/state_sealer.hpp"

#include <algorithm>
#include <cstdint>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

constexpr std::size_t nonce_size = 24;
constexpr std::size_t length_size = 2;

}  // namespace

StateSealer::StateSealer(const ByteArray<32>& key, const ByteArray<16>& salt) noexcept
    : index_key_(crypto::h256(key, {salt, as_bytes("toxasync state index")})),
      seal_key_(crypto::h256(key, {salt, as_bytes("toxasync state seal")})) {}

StateSealer::~StateSealer() {
  crypto::wipe(index_key_);
  crypto::wipe(seal_key_);
}

ByteArray<16> StateSealer::row_key(ByteView key) const noexcept {
  return crypto::h128(index_key_, {key});
}

SealedRow StateSealer::seal(ByteView key, ByteView value, Random& random) const {
  SealedRow row;
  row.key = row_key(key);
  row.box.resize(nonce_size + length_size + key.size() + value.size() + crypto::aead_tag_size);
  const auto nonce = random.array<nonce_size>();
  std::ranges::copy(nonce, row.box.begin());
  // Encrypted in place: so there is no other buffer with the plaintext to wipe.
  const MutableBytes box = MutableBytes(row.box).subspan(nonce_size);
  const MutableBytes plain = box.first(box.size() - crypto::aead_tag_size);
  store_le(static_cast<std::uint16_t>(key.size()), plain.data());
  std::ranges::copy(key, plain.begin() + length_size);
  std::ranges::copy(value, plain.begin() + static_cast<std::ptrdiff_t>(length_size + key.size()));
  crypto::aead_seal(seal_key_, nonce, row.key, plain, box);
  return row;
}

std::optional<StateEntry> StateSealer::open(const SealedRow& row) const {
  if (row.box.size() < nonce_size + length_size + crypto::aead_tag_size) {
    return std::nullopt;
  }
  const ByteView box = ByteView(row.box).subspan(nonce_size);
  Bytes plain(box.size() - crypto::aead_tag_size);
  std::optional<StateEntry> entry;
  if (crypto::aead_open(seal_key_, to_array<nonce_size>(row.box), row.key, box, plain)) {
    const ByteView rest = ByteView(plain).subspan(length_size);
    const std::size_t key_size = load_le<std::uint16_t>(plain.data());
    if (key_size <= rest.size()) {
      const ByteView value = rest.subspan(key_size);
      entry.emplace();
      entry->key.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(key_size));
      entry->value.assign(value.begin(), value.end());
    }
  }
  crypto::wipe(plain);
  return entry;
}

}  // namespace toxasync::store
