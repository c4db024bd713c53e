// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

// The settings files of toxasync and toxasyncd: a line is `name = value`, a comment that begins with '#', or
// empty.

namespace toxasync {

/// The text without blanks at its ends.
inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Calls `use(line, number)` for each trimmed line that is neither empty nor a comment, until it returns
/// false. The first line has number 1.
template <class Use>
void for_each_setting_line(std::string_view text, Use&& use) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#' && !use(line, number)) {
      return;
    }
  }
}

/// The text of the file, or what is wrong with it: "FILE: cannot read: No such file or directory". Files of
/// more than 64 KiB are an error.
Result<std::string, std::string> read_settings_text(const std::filesystem::path& file);

}  // namespace toxasync
