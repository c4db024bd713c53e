// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/symmetric.hpp"

#include <sodium.h>

#include <cassert>

namespace toxasync::crypto {

static_assert(aead_tag_size == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(max_hash_key_size == crypto_generichash_KEYBYTES_MAX);

namespace {

template <std::size_t N>
ByteArray<N> blake2b(ByteView key, std::initializer_list<ByteView> parts) noexcept {
  assert(key.size() <= max_hash_key_size);
  ByteArray<N> out{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.empty() ? nullptr : key.data(), key.size(), N);
  for (const ByteView part : parts) {
    crypto_generichash_update(&state, part.data(), part.size());
  }
  crypto_generichash_final(&state, out.data(), N);
  sodium_memzero(&state, sizeof(state));
  return out;
}

}  // namespace

bool initialise() noexcept {
  return sodium_init() >= 0;
}

void wipe(MutableBytes secret) noexcept {
  sodium_memzero(secret.data(), secret.size());
}

std::uint64_t siphash(const ByteArray<16>& key, ByteView in) noexcept {
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);
  ByteArray<8> out{};
  crypto_shorthash(out.data(), in.data(), in.size(), key.data());
  return load_le<std::uint64_t>(out.data());
}

ByteArray<16> h128(ByteView key, std::initializer_list<ByteView> parts) noexcept {
  return blake2b<16>(key, parts);
}

ByteArray<32> h256(ByteView key, std::initializer_list<ByteView> parts) noexcept {
  return blake2b<32>(key, parts);
}

ByteArray<64> h512(ByteView key, std::initializer_list<ByteView> parts) noexcept {
  return blake2b<64>(key, parts);
}

void aead_seal(const ByteArray<32>& key, const ByteArray<24>& nonce, ByteView ad, ByteView plain,
               MutableBytes out) noexcept {
  assert(out.size() == plain.size() + aead_tag_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(), ad.data(),
                                             ad.size(), nullptr, nonce.data(), key.data());
}

bool aead_open(const ByteArray<32>& key, const ByteArray<24>& nonce, ByteView ad, ByteView box,
               MutableBytes out) noexcept {
  if (box.size() < aead_tag_size || out.size() != box.size() - aead_tag_size) {
    return false;
  }
  return crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, box.data(), box.size(),
                                                    ad.data(), ad.size(), nonce.data(), key.data()) == 0;
}

bool equal(ByteView a, ByteView b) noexcept {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace toxasync::crypto
