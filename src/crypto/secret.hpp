// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "crypto/symmetric.hpp"

namespace toxasync::crypto {

namespace detail {
/// A block of locked memory (not swapped, not in core dumps where the system allows it), wiped when it is
/// freed.
inline constexpr std::size_t locked_block_size = 64;
std::uint8_t* allocate_locked_block();
void free_locked_block(std::uint8_t* block) noexcept;
}  // namespace detail

/// N secret bytes that live long: in locked memory, moved but never copied by accident, wiped at the end.
template <std::size_t N>
class Secret {
  static_assert(N > 0 && N <= detail::locked_block_size);

 public:
  /// All zeros.
  Secret() : block_(detail::allocate_locked_block()) {}

  /// Takes over `source`, which is wiped.
  explicit Secret(ByteArray<N>&& source) : Secret() {
    std::memcpy(block_, source.data(), N);
    wipe(source);
  }

  static Secret copy_of(ByteView source) {
    Secret secret;
    std::memcpy(secret.block_, source.data(), N);
    return secret;
  }

  static Secret random(Random& random) {
    Secret secret;
    random.fill(MutableBytes(secret.block_, N));
    return secret;
  }

  Secret(Secret&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  /// What was held before is wiped now, not when `other` ends.
  Secret& operator=(Secret&& other) noexcept {
    Secret moved(std::move(other));
    std::swap(block_, moved.block_);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() {
    if (block_ != nullptr) {
      detail::free_locked_block(block_);
    }
  }

  [[nodiscard]] Secret clone() const { return copy_of(view()); }

  /// Must not be called on a moved-from secret.
  [[nodiscard]] const ByteArray<N>& bytes() const noexcept {
    return *reinterpret_cast<const ByteArray<N>*>(block_);
  }
  [[nodiscard]] ByteView view() const noexcept { return {block_, N}; }

 private:
  std::uint8_t* block_;
};

/// N secret bytes on the stack, wiped at the end of their scope.
template <std::size_t N>
struct Wiped : ByteArray<N> {
  Wiped() noexcept : ByteArray<N>{} {}
  explicit Wiped(const ByteArray<N>& source) noexcept : ByteArray<N>(source) {}
  /// Takes over `source` (the result of a hash, say), which is wiped.
  explicit Wiped(ByteArray<N>&& source) noexcept : ByteArray<N>(source) { wipe(source); }
  Wiped(const Wiped&) = default;
  Wiped& operator=(const Wiped&) = default;
  ~Wiped() { wipe(*this); }
};

}  // namespace toxasync::crypto
