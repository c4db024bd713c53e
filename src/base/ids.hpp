// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace toxasync {

/// N bytes that identify one kind of thing: `using NodeId = Id<struct NodeIdTag, 32>`. A contiguous range, so
/// it converts to ByteView; ids of different kinds, and plain bytes, convert into each other only explicitly.
template <class Tag, std::size_t N>
class Id {
 public:
  using value_type = std::uint8_t;
  using iterator = std::uint8_t*;
  using const_iterator = const std::uint8_t*;

  constexpr Id() noexcept = default;
  constexpr explicit Id(const ByteArray<N>& bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] constexpr const ByteArray<N>& bytes() const noexcept { return bytes_; }

  [[nodiscard]] static constexpr std::size_t size() noexcept { return N; }
  [[nodiscard]] constexpr std::uint8_t* data() noexcept { return bytes_.data(); }
  [[nodiscard]] constexpr const std::uint8_t* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] constexpr iterator begin() noexcept { return data(); }
  [[nodiscard]] constexpr const_iterator begin() const noexcept { return data(); }
  [[nodiscard]] constexpr iterator end() noexcept { return data() + N; }
  [[nodiscard]] constexpr const_iterator end() const noexcept { return data() + N; }
  constexpr std::uint8_t& operator[](std::size_t at) noexcept { return bytes_[at]; }
  constexpr const std::uint8_t& operator[](std::size_t at) const noexcept { return bytes_[at]; }

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const Id&) const = default;

 private:
  ByteArray<N> bytes_{};
};

/// The id in the first bytes of `in`, which must hold at least as many.
template <class AnyId>
AnyId id_from(ByteView in) noexcept {
  return AnyId(to_array<AnyId::size()>(in));
}

/// from_hex for exactly one id.
template <class AnyId>
std::optional<AnyId> id_from_hex(std::string_view text) {
  const auto bytes = array_from_hex<AnyId::size()>(text);
  return bytes ? std::optional(AnyId(*bytes)) : std::nullopt;
}

}  // namespace toxasync
