// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "crypto/symmetric.hpp"
#include "tests/support/actor.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::sim {

/// How often each thing was done, by its name: faults and attacks, for the closing line.
using Tally = std::map<std::string, std::uint64_t, std::less<>>;

inline void count(Tally& tally, std::string_view what, std::uint64_t times = 1) {
  const auto found = tally.find(what);
  (found != tally.end() ? found : tally.emplace(what, 0).first)->second += times;
}

/// What a hostile actor likes to do. How often it makes each choice is drawn once for each actor, by the
/// name of the choice: so that one actor floods and another one lies, and most do several things.
class Temper {
 public:
  Temper(std::uint64_t seed, Tally& tally) : seed_(seed), random_(seed), tally_(tally) {}

  /// Whether it does that now; if so, it is counted.
  bool does(std::string_view what) {
    const bool done = random_.chance(per_mille(what));
    if (done) {
      count(tally_, what);
    }
    return done;
  }
  /// How often it makes that choice, where `often` is for those that it likes.
  [[nodiscard]] std::uint32_t per_mille(std::string_view what) const {
    static constexpr std::uint32_t often[] = {0, 0, 0, 0, 20, 100, 300, 1000};
    ByteArray<8> seed;
    store_le(seed_, seed.data());
    return often[crypto::h256(seed, {as_bytes(what)})[0] % std::size(often)];
  }
  test::SeededRandom& random() noexcept { return random_; }

 private:
  std::uint64_t seed_;
  test::SeededRandom random_;
  Tally& tally_;
};

using test::Actor;

}  // namespace toxasync::sim
