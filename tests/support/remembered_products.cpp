// SPDX-License-Identifier: GPL-3.0-or-later
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

// Key agreements of one process, remembered. Both ends of each are in it, and so are all who derive the same
// mailbox: most are asked for again and again. The linker puts these in the place of libsodium's own
// (--wrap), in the simulator and in the libFuzzer programs. Nothing else changes.

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {
int __real_crypto_scalarmult_curve25519(unsigned char* q, const unsigned char* n, const unsigned char* p);
int __real_crypto_scalarmult_curve25519_base(unsigned char* q, const unsigned char* n);
}

namespace {

struct Product {
  std::array<unsigned char, 32> n{};
  std::array<unsigned char, 32> p{};
  std::array<unsigned char, 32> q{};
  int result = 1;  ///< 1: none is remembered here.
};

/// Where a product is, if it is remembered: scalars and points are random.
Product& place_of(const unsigned char* n, const unsigned char* p) {
  constexpr std::size_t places = std::size_t{1} << 15;
  thread_local std::vector<Product> products(places);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::memcpy(&a, n + 8, sizeof a);
  std::memcpy(&b, p + 8, sizeof b);
  return products[((a * 0x9e3779b97f4a7c15U) ^ (b * 0xc2b2ae3d27d4eb4fU)) >> 49U];
}

template <class Compute>
int remembered(unsigned char* q, const unsigned char* n, const unsigned char* p, const Compute& compute) {
  Product& product = place_of(n, p);
  if (product.result == 1 || std::memcmp(product.n.data(), n, 32) != 0 ||
      std::memcmp(product.p.data(), p, 32) != 0) {
    product.result = compute(product.q.data());
    std::copy_n(n, 32, product.n.begin());
    std::copy_n(p, 32, product.p.begin());
  }
  std::copy_n(product.q.begin(), 32, q);
  return product.result;
}

}  // namespace

extern "C" {

int __wrap_crypto_scalarmult_curve25519(unsigned char* q, const unsigned char* n, const unsigned char* p) {
  return remembered(q, n, p,
                    [&](unsigned char* out) { return __real_crypto_scalarmult_curve25519(out, n, p); });
}

int __wrap_crypto_scalarmult_curve25519_base(unsigned char* q, const unsigned char* n) {
  static constexpr std::array<unsigned char, 32> base{9};
  return remembered(q, n, base.data(),
                    [&](unsigned char* out) { return __real_crypto_scalarmult_curve25519_base(out, n); });
}
}
// NOLINTEND(bugprone-reserved-identifier)
