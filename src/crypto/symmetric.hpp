// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"

// Keyed and unkeyed hashes, authenticated encryption and memory hygiene: libsodium behind our types.

namespace toxasync::crypto {

/// Bytes that authenticated encryption adds to a plaintext.
inline constexpr std::size_t aead_tag_size = 16;

/// Longest key of h128, h256 and h512.
inline constexpr std::size_t max_hash_key_size = 64;

/// Makes libsodium ready; call it before anything else here. May be called again, from any thread. False: the
/// library cannot be used (no source of random bytes).
[[nodiscard]] bool initialise() noexcept;

/// Overwrites with zeros in a way that the compiler does not drop.
void wipe(MutableBytes secret) noexcept;

/// SipHash-2-4: for tables that must not be flooded with chosen keys, not for authentication.
[[nodiscard]] std::uint64_t siphash(const ByteArray<16>& key, ByteView in) noexcept;

/// BLAKE2b of the parts, one after the other, with 16, 32 or 64 bytes of output. The parts are not separated:
/// the caller fixes their lengths. `key` is empty or at most max_hash_key_size bytes.
[[nodiscard]] ByteArray<16> h128(ByteView key, std::initializer_list<ByteView> parts) noexcept;
[[nodiscard]] ByteArray<32> h256(ByteView key, std::initializer_list<ByteView> parts) noexcept;
[[nodiscard]] ByteArray<64> h512(ByteView key, std::initializer_list<ByteView> parts) noexcept;

/// XChaCha20-Poly1305 (IETF). `out` has exactly plain.size() + aead_tag_size bytes; it may start where
/// `plain` does.
void aead_seal(const ByteArray<32>& key, const ByteArray<24>& nonce, ByteView ad, ByteView plain,
               MutableBytes out) noexcept;

/// The inverse of aead_seal. False: not sealed with this key, nonce and `ad`, or shorter than aead_tag_size,
/// or `out` does not have exactly box.size() - aead_tag_size bytes; then nothing of `out` is to be used.
[[nodiscard]] bool aead_open(const ByteArray<32>& key, const ByteArray<24>& nonce, ByteView ad, ByteView box,
                             MutableBytes out) noexcept;

/// Whether two strings are equal, in a time that depends on their lengths only.
[[nodiscard]] bool equal(ByteView a, ByteView b) noexcept;

}  // namespace toxasync::crypto
