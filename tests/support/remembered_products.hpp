// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::test {

/// X25519 operations that the product (product_scope.hpp) has asked for on this thread, remembered or not:
/// most of the processor time that a packet costs.
[[nodiscard]] std::uint64_t key_agreements() noexcept;

}  // namespace toxasync::test
