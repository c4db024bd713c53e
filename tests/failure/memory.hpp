// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>

namespace toxasync::failure {

/// The program's operator new. The allocations of product code (tests/support/product_scope.hpp) are counted,
/// and fail when `fails`, called before each, says so.
class Memory {
 public:
  using Fails = std::function<bool(std::uint64_t number)>;

  /// Counts from 1 again.
  static void watch(Fails fails);
  static void stop() noexcept;
};

}  // namespace toxasync::failure
