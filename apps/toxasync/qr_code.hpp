// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace toxasync::tool {

enum class NoQrCode : std::uint8_t { not_built_in, too_long, no_memory };

/// What is wrong, to follow "a QR code can't be drawn: ".
std::string_view describe(NoQrCode why) noexcept;

/// A text as a QR code for a terminal, black on white, two rows of it a line.
Result<std::string, NoQrCode> qr_code(const std::string& text);

}  // namespace toxasync::tool
