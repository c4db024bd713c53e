// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/key_file.hpp"

#include <algorithm>

#include "base/file.hpp"

namespace toxasync::crypto {

namespace {

constexpr std::string_view magic{"TXKEY1\n\0", 8};

ByteArray<16> checksum(ByteView payload) noexcept {
  return h128({}, {as_bytes("toxasync/1 key file"), payload});
}

}  // namespace

std::string_view describe(KeyFileError error) noexcept {
  switch (error) {
    case KeyFileError::missing:
      return "the key file does not exist";
    case KeyFileError::unreadable:
      return "the key file cannot be read: check its owner and permissions";
    case KeyFileError::damaged:
      return "the key file is damaged: restore it from a backup, or move it away to start with a new "
             "identity";
    case KeyFileError::unwritable:
      return "the key file cannot be written: check that the directory exists, is writable and not full";
  }
  return "unknown key file error";
}

Result<Bytes, KeyFileError> read_key_file(const std::string& path, std::size_t size) {
  Bytes content(magic.size() + size + 16 + 1);  // one more than a good file has
  const auto used = read_file(path, content);
  if (!used) {
    wipe(content);
    return used.error() == std::errc::no_such_file_or_directory ? KeyFileError::missing
                                                                : KeyFileError::unreadable;
  }
  const auto payload = ByteView(content).subspan(magic.size(), size);
  const bool good = *used == content.size() - 1 && std::equal(magic.begin(), magic.end(), content.begin()) &&
                    equal(checksum(payload), ByteView(content).subspan(magic.size() + size, 16));
  Bytes out(payload.begin(), payload.end());
  wipe(content);
  if (!good) {
    wipe(out);
    return KeyFileError::damaged;
  }
  return out;
}

Result<bool, KeyFileError> write_key_file(const std::string& path, ByteView payload) {
  const auto sum = checksum(payload);
  Bytes content;
  content.reserve(magic.size() + payload.size() +
                  sum.size());  // growing would leave copies behind, not wiped
  content.insert(content.end(), magic.begin(), magic.end());
  content.insert(content.end(), payload.begin(), payload.end());
  content.insert(content.end(), sum.begin(), sum.end());
  const auto failed = replace_file(path, content);
  wipe(content);
  if (failed) {
    return KeyFileError::unwritable;
  }
  return true;
}

}  // namespace toxasync::crypto
