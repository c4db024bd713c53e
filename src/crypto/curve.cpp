// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/curve.hpp"

#include <sodium.h>

namespace toxasync::crypto {

bool x25519(ByteArray<32>& out, const ByteArray<32>& scalar, const Point& point) noexcept {
  return is_canonical(point) && crypto_scalarmult_curve25519(out.data(), scalar.data(), point.data()) == 0;
}

Point x25519_base(const ByteArray<32>& scalar) noexcept {
  Point out;
  crypto_scalarmult_curve25519_base(out.data(), scalar.data());
  return out;
}

KeyPair KeyPair::generate(Random& random) {
  return from_secret(Secret<32>::random(random));
}

KeyPair KeyPair::from_secret(Secret<32> secret) {
  const Point public_key = x25519_base(secret.bytes());
  return {std::move(secret), public_key};
}

std::optional<Point> x25519_form(const ByteArray<32>& ed25519_key) noexcept {
  Point out;
  if (crypto_sign_ed25519_pk_to_curve25519(out.data(), ed25519_key.data()) != 0) {
    return std::nullopt;
  }
  return out;
}

SigningKey::SigningKey(const ByteArray<32>& seed) {
  Wiped<64> secret;
  crypto_sign_seed_keypair(public_key_.data(), secret.data(), seed.data());
  secret_ = Secret<64>::copy_of(secret);
}

namespace {

Bytes join(ByteView label, ByteView message) {
  Bytes joined(label.begin(), label.end());
  joined.insert(joined.end(), message.begin(), message.end());
  return joined;
}

}  // namespace

Signature SigningKey::sign(ByteView label, ByteView message) const {
  const Bytes joined = join(label, message);
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, joined.data(), joined.size(), secret_.bytes().data());
  return signature;
}

Secret<32> SigningKey::x25519_secret() const {
  ByteArray<32> scalar;
  crypto_sign_ed25519_sk_to_curve25519(scalar.data(), secret_.bytes().data());
  return Secret<32>(std::move(scalar));
}

bool verify(const ByteArray<32>& public_key, ByteView label, ByteView message, const Signature& signature) {
  const Bytes joined = join(label, message);
  return crypto_sign_verify_detached(signature.data(), joined.data(), joined.size(), public_key.data()) == 0;
}

void SystemRandom::fill(MutableBytes out) noexcept {
  if (!out.empty()) {
    randombytes_buf(out.data(), out.size());
  }
}

}  // namespace toxasync::crypto
