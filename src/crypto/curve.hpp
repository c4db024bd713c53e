// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "crypto/ids.hpp"
#include "crypto/secret.hpp"

namespace toxasync::crypto {

using Signature = ByteArray<64>;

/// Whether a point is the one encoding of its value, below 2^255-19: the primitive would ignore the top bit
/// and reduce the rest (docs/protocol.md, section 1).
constexpr bool is_canonical(const Point& point) noexcept {
  if (point[31] != 0x7f) {
    return point[31] < 0x7f;
  }
  for (std::size_t i = 30; i > 0; --i) {
    if (point[i] != 0xff) {
      return true;
    }
  }
  return point[0] < 0xed;
}

/// X25519(scalar, point). False when the point is not canonical or the result is zero (a point of low order):
/// `out` is then not to be used.
[[nodiscard]] bool x25519(ByteArray<32>& out, const ByteArray<32>& scalar, const Point& point) noexcept;

/// X25519(scalar, base).
Point x25519_base(const ByteArray<32>& scalar) noexcept;

/// A secret scalar and its public point.
struct KeyPair {
  Secret<32> secret;
  Point public_key{};

  /// Where the pair is a person's Tox key.
  [[nodiscard]] FriendKey friend_key() const noexcept { return FriendKey(public_key.bytes()); }

  static KeyPair generate(Random& random);
  static KeyPair from_secret(Secret<32> secret);
};

/// The X25519 form of an Ed25519 public key. Nothing where that is not a point of the prime-order group.
[[nodiscard]] std::optional<Point> x25519_form(const ByteArray<32>& ed25519_key) noexcept;

/// An Ed25519 key, by its seed.
class SigningKey {
 public:
  explicit SigningKey(const ByteArray<32>& seed);
  [[nodiscard]] const ByteArray<32>& public_key() const noexcept { return public_key_; }
  [[nodiscard]] Signature sign(ByteView label, ByteView message) const;
  /// The secret scalar whose point is x25519_form(public_key()).
  [[nodiscard]] Secret<32> x25519_secret() const;

 private:
  Secret<64> secret_;
  ByteArray<32> public_key_{};
};

/// Whether `signature` is that of `public_key` over label|message.
[[nodiscard]] bool verify(const ByteArray<32>& public_key, ByteView label, ByteView message,
                          const Signature& signature);

/// The system's generator (libsodium). initialise() must have succeeded.
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes out) noexcept override;
};

}  // namespace toxasync::crypto
