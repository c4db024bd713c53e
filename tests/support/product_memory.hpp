// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

namespace toxasync::test {

/// Bytes that product code (product_scope.hpp) has allocated on this thread, and nobody has freed, at most
/// since the last question.
[[nodiscard]] std::size_t most_product_bytes() noexcept;

}  // namespace toxasync::test
