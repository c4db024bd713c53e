// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "base/metrics.hpp"

namespace toxasync::daemon {

/// What a counter counts, for operators; empty for counters that only clients use.
std::string_view help_of(Counter counter) noexcept;

/// Whether it counts refusals. A first packet without a cookie is not one: every client starts with it.
bool is_refusal(Counter counter) noexcept;

}  // namespace toxasync::daemon
