// SPDX-License-Identifier: GPL-3.0-or-later
#include "remembered_products.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "product_scope.hpp"

// Key agreements of one process, remembered. Both ends of each are in it, and so are all who derive the same
// mailbox: most are asked for again and again, as a B by one end and as b A by the other. The linker
// puts these in the place of libsodium's own (--wrap), in the simulator and in the libFuzzer programs.
// Nothing else changes.

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {
int __real_crypto_scalarmult_curve25519(unsigned char* q, const unsigned char* n, const unsigned char* p);
int __real_crypto_scalarmult_curve25519_base(unsigned char* q, const unsigned char* n);
}

namespace {

using Key = std::array<unsigned char, 32>;
using Inputs = std::array<Key, 2>;

struct Product {
  Inputs of{};
  Key q{};
  int result = 1;  ///< 1: none is remembered here.
};

/// Of two inputs, which are random.
class Products {
 public:
  /// What is remembered of them, or else the place for it.
  Product& find(const Inputs& inputs) noexcept {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, &inputs[0][8], sizeof a);
    std::memcpy(&b, &inputs[1][8], sizeof b);
    Product& product = products_[((a * 0x9e3779b97f4a7c15U) ^ (b * 0xc2b2ae3d27d4eb4fU)) >> 49U];
    if (product.of != inputs) {
      product = {inputs, {}, 1};
    }
    return product;
  }

 private:
  std::vector<Product> products_ = std::vector<Product>(std::size_t{1} << 15);
};

Key key(const unsigned char* bytes) noexcept {
  Key copy{};
  std::copy_n(bytes, copy.size(), copy.begin());
  return copy;
}

template <class Compute>
int give(unsigned char* q, Product& product, const Compute& compute) {
  if (product.result == 1) {
    product.result = compute(product.q.data());
  }
  std::ranges::copy(product.q, q);
  return product.result;
}

thread_local Products publics;     ///< By secret key and base point.
thread_local Products agreements;  ///< By both public keys, the smaller one first.
constexpr Key base{9};
thread_local std::uint64_t call = 0;       ///< The one that asked last,
thread_local std::uint64_t asked_for = 0;  ///< and how much it has asked for.
thread_local std::uint64_t most_asked_for = 0;

void count() noexcept {
  if (toxasync::test::in_product) {
    asked_for = call == toxasync::test::product_calls ? asked_for + 1 : 1;
    call = toxasync::test::product_calls;
    most_asked_for = std::max(most_asked_for, asked_for);
  }
}

int public_half(unsigned char* q, const unsigned char* n) {
  return give(q, publics.find(Inputs{key(n), base}),
              [&](unsigned char* out) { return __real_crypto_scalarmult_curve25519_base(out, n); });
}

}  // namespace

std::uint64_t toxasync::test::most_key_agreements() noexcept {
  return std::exchange(most_asked_for, 0);
}

// Visible: the linker gives these names to what shared libraries ask for, too.
extern "C" {

[[gnu::visibility("default")]] int __wrap_crypto_scalarmult_curve25519_base(unsigned char* q,
                                                                            const unsigned char* n) {
  count();
  return public_half(q, n);
}

[[gnu::visibility("default")]] int __wrap_crypto_scalarmult_curve25519(unsigned char* q,
                                                                       const unsigned char* n,
                                                                       const unsigned char* p) {
  count();
  Inputs both{Key{}, key(p)};
  public_half(both[0].data(), n);
  std::ranges::sort(both);
  return give(q, agreements.find(both),
              [&](unsigned char* out) { return __real_crypto_scalarmult_curve25519(out, n, p); });
}
}
// NOLINTEND(bugprone-reserved-identifier)
