// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace toxasync::tool {

/// A text as a QR code for a terminal, black on white, two rows of it a line. Empty: it is too long (2953
/// bytes are not), or this program was built without libqrencode.
std::string qr_code(const std::string& text);

}  // namespace toxasync::tool
