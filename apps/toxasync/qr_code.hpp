// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace toxasync::tool {

enum class QrCodeError : std::uint8_t { not_built_in, too_long, no_memory };

/// What is wrong, to follow "cannot draw a QR code: ".
std::string_view describe(QrCodeError error) noexcept;

/// A text as a QR code for a terminal, black on white, two rows per line.
Result<std::string, QrCodeError> qr_code(const std::string& text);

}  // namespace toxasync::tool
