// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "base/metrics.hpp"

namespace toxasync::daemon {

/// What a counter counts, in words for operators; empty for those that count in clients only.
std::string_view help_of(Counter counter) noexcept;

/// Whether it is a reason for which something was refused. That a first packet has no cookie is none: so
/// everybody begins.
bool is_refusal(Counter counter) noexcept;

}  // namespace toxasync::daemon
