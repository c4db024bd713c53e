// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

namespace toxasync::preload {

/// A text in pieces of at most `longest` bytes (4 at least), none of which ends within a character: clients
/// have room for TOX_MAX_MESSAGE_LENGTH bytes, and our messages may be longer.
std::vector<std::string_view> text_pieces(std::string_view text, std::size_t longest);

}  // namespace toxasync::preload
