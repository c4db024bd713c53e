// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/settings/settings_text.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace toxasync {

Result<std::string, std::string> read_settings_text(const std::filesystem::path& file) {
  using Text = Result<std::string, std::string>;
  constexpr std::size_t max_file_bytes = 65536;
  std::error_code unknown;
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(max_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (std::filesystem::is_directory(file, unknown)) {
    return Text(boost::system::in_place_error, file.string() + ": is a directory");
  }
  if (!in.is_open() || in.bad()) {
    const int error = errno != 0 ? errno : EIO;
    return Text(boost::system::in_place_error,
                file.string() + ": cannot read: " + std::generic_category().message(error));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_file_bytes) {
    return Text(boost::system::in_place_error, file.string() + ": too long: at most " +
                                                   std::to_string(max_file_bytes) + " bytes are allowed");
  }
  return Text(boost::system::in_place_value, std::move(text));
}

}  // namespace toxasync
