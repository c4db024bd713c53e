// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace toxasync {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;
template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;

/// Writes `value` as sizeof(T) little-endian bytes. Every integer of the protocol is little-endian.
template <std::unsigned_integral T>
constexpr void store_le(T value, std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

template <std::unsigned_integral T>
constexpr T load_le(const std::uint8_t* in) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(in[i]) << (8 * i)));
  }
  return value;
}

/// Copies the first N bytes of `in`, which must hold at least N.
template <std::size_t N>
ByteArray<N> to_array(ByteView in) noexcept {
  ByteArray<N> out;
  std::memcpy(out.data(), in.data(), N);
  return out;
}

inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

/// The inverse of to_hex (upper case too); nothing when a digit is wrong or the number of digits is odd.
std::optional<Bytes> from_hex(std::string_view text);

/// from_hex for exactly N bytes.
template <std::size_t N>
std::optional<ByteArray<N>> array_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != N) {
    return std::nullopt;
  }
  return to_array<N>(*bytes);
}

}  // namespace toxasync
