// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/settings/settings_text.hpp"

#include <fstream>
#include <system_error>

namespace toxasync {

Result<std::string, std::string> read_settings_text(const std::filesystem::path& file) {
  using Text = Result<std::string, std::string>;
  constexpr std::size_t largest_file = 65536;
  std::error_code unknown;
  std::ifstream in(file, std::ios::binary);
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(file, unknown)) {
    return Text(boost::system::in_place_error, file.string() + ": can't be read");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > largest_file) {
    return Text(boost::system::in_place_error,
                file.string() + ": is longer than " + std::to_string(largest_file) + " bytes");
  }
  return Text(boost::system::in_place_value, std::move(text));
}

}  // namespace toxasync
