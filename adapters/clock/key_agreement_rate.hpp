// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "crypto/curve.hpp"

namespace toxasync {

/// How many key agreements take a quarter of a core's time, a second (docs/admission.md). Measures for some
/// milliseconds: the fastest of a few turns, for other programs run meanwhile.
inline std::uint32_t measured_key_agreements_per_second(Random& random) {
  constexpr int turns = 5;
  constexpr int agreements = 8;
  const auto pair = crypto::KeyPair::generate(random);
  auto fastest = std::chrono::nanoseconds::max();
  for (int turn = 0; turn < turns; ++turn) {
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < agreements; ++i) {
      crypto::Wiped<32> shared;
      (void)crypto::x25519(shared, pair.secret.bytes(), pair.public_key);
    }
    fastest = std::min<std::chrono::nanoseconds>(fastest, std::chrono::steady_clock::now() - begun);
  }
  const double seconds = std::chrono::duration<double>(fastest).count() / agreements;
  return static_cast<std::uint32_t>(std::clamp(0.25 / std::max(seconds, 1e-9), 50.0, 1e6));
}

}  // namespace toxasync
