// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/text_pieces.hpp"

namespace toxasync::preload {

std::vector<std::string_view> text_pieces(std::string_view text, std::size_t longest) {
  std::vector<std::string_view> pieces;
  while (text.size() > longest) {
    std::size_t end = longest;
    while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {
      --end;
    }
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  pieces.push_back(text);
  return pieces;
}

}  // namespace toxasync::preload
