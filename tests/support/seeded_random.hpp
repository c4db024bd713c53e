// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.hpp"
#include "crypto/symmetric.hpp"

namespace toxasync::test {

/// The same bytes for the same seed: H512(key = seed, counter), block after block. Call crypto::initialise()
/// first.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept { store_le(seed, seed_.data()); }

  void fill(MutableBytes out) noexcept override {
    while (!out.empty()) {
      if (used_ == block_.size()) {
        refill();
      }
      const std::size_t size = std::min(out.size(), block_.size() - used_);
      std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(used_), size, out.begin());
      used_ += size;
      out = out.subspan(size);
    }
  }

  /// True in `per_mille` of 1000 cases.
  bool chance(std::uint32_t per_mille) noexcept { return per_mille != 0 && below(1000) < per_mille; }

 private:
  void refill() noexcept {
    ByteArray<8> counter;
    store_le(counter_++, counter.data());
    block_ = crypto::h512(seed_, {counter});
    used_ = 0;
  }

  ByteArray<8> seed_{};
  std::uint64_t counter_ = 0;
  ByteArray<64> block_{};
  std::size_t used_ = 64;
};

}  // namespace toxasync::test
