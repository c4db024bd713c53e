// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/bytes.hpp"

namespace toxasync {

/// A source of cryptographically secure random bytes. Passed in, so that tests can be repeated.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) noexcept = 0;

  template <std::size_t N>
  ByteArray<N> array() noexcept {
    ByteArray<N> out;
    fill(out);
    return out;
  }

  template <class AnyId>
  AnyId id() noexcept {
    return AnyId(array<AnyId::size()>());
  }

  std::uint64_t u64() noexcept { return load_le<std::uint64_t>(array<8>().data()); }

  /// Uniform in [0, bound); the bias is below bound / 2^64. `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(u64()) * bound) >> 64);
  }

  /// The same of a duration, which must be positive.
  template <class Duration>
  requires requires { typename Duration::period; }
  Duration below(Duration bound) noexcept {
    return Duration{static_cast<typename Duration::rep>(below(static_cast<std::uint64_t>(bound.count())))};
  }
};

}  // namespace toxasync
