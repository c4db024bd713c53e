// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::preload {

/// The message ids that clients get for accepted messages. Toxcore counts from 1 for each friend and does not
/// get this far, so they differ from its own. Never 0 or 2^32 - 1, which mean "none" to clients.
class MessageNumbers {
 public:
  static constexpr std::uint32_t first = 0x80000000U;
  static constexpr std::uint32_t last = 0xfffffffeU;

  explicit constexpr MessageNumbers(std::uint32_t start = first) noexcept : next_(start) {}

  constexpr std::uint32_t next() noexcept {
    const std::uint32_t number = next_;
    next_ = number == last ? first : number + 1;
    return number;
  }

 private:
  std::uint32_t next_;
};

}  // namespace toxasync::preload
