// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"

// Small things that many unit tests share.

namespace toxasync::test {

/// Yields the given bytes, again and again: to put a chosen e into an envelope.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Bytes script) : script_(std::move(script)) {}
  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& byte : out) {
      byte = script_[next_++ % script_.size()];
    }
  }

 private:
  Bytes script_;
  std::size_t next_ = 0;
};

/// `first`, first + 1, ... : bytes that differ from their neighbours.
template <std::size_t N>
ByteArray<N> counting(std::uint8_t first) {
  ByteArray<N> out;
  for (std::size_t i = 0; i < N; ++i) {
    out[i] = static_cast<std::uint8_t>(first + i);
  }
  return out;
}

template <class AnyId>
AnyId counting(std::uint8_t first) {
  return AnyId(counting<AnyId::size()>(first));
}

/// An id that is `number` and then zeros.
template <class AnyId>
AnyId numbered(std::uint8_t number) {
  AnyId out;
  out[0] = number;
  return out;
}

inline Bytes counting_bytes(std::size_t size, std::uint8_t first = 1) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<std::uint8_t>(first + i);
  }
  return out;
}

inline bool same(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

/// Compares byte strings; a failure shows both.
#define TOXASYNC_TEST_BYTES(a, b) BOOST_TEST(::toxasync::to_hex(a) == ::toxasync::to_hex(b))

}  // namespace toxasync::test
