// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::test {

/// X25519 operations, remembered or not, that one call of the product (product_scope.hpp) has asked for on
/// this thread: most of the processor time that a packet or a tick costs. The most since the last question.
[[nodiscard]] std::uint64_t most_key_agreements() noexcept;

}  // namespace toxasync::test
