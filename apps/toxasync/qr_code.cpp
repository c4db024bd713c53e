// SPDX-License-Identifier: GPL-3.0-or-later
#include "qr_code.hpp"

#ifdef TOXASYNC_QRENCODE
#include <qrencode.h>

#include <cerrno>
#include <memory>
#endif

namespace toxasync::tool {

std::string_view describe(QrCodeError error) noexcept {
  switch (error) {
    case QrCodeError::too_long:
      return "the text is longer than 2953 bytes";
    case QrCodeError::no_memory:
      return "out of memory";
    case QrCodeError::not_built_in:
      break;
  }
  return "toxasync was built without libqrencode";
}

#ifdef TOXASYNC_QRENCODE

Result<std::string, QrCodeError> qr_code(const std::string& text) {
  constexpr int margin = 4;  // Required by the standard.
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), QRcode_free);
  if (!code) {
    return errno == ERANGE ? QrCodeError::too_long : QrCodeError::no_memory;
  }
  const int width = code->width;
  const auto black = [&](int row, int column) {
    const bool inside = row >= 0 && row < width && column >= 0 && column < width;
    return inside && (code->data[row * width + column] & 1) != 0;
  };
  std::string drawn;
  for (int row = -margin; row < width + margin; row += 2) {
    drawn += "\033[30;107m";  // Black on bright white, whatever the terminal's colours are.
    for (int column = -margin; column < width + margin; ++column) {
      const bool upper = black(row, column);
      const bool lower = black(row + 1, column);
      drawn += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    drawn += "\033[0m\n";
  }
  return drawn;
}

#else

Result<std::string, QrCodeError> qr_code(const std::string& /*text*/) {
  return QrCodeError::not_built_in;
}

#endif

}  // namespace toxasync::tool
