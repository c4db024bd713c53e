// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/key_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace toxasync::crypto {

namespace {

constexpr std::string_view magic{"TXKEY1\n\0", 8};

ByteArray<16> checksum(ByteView payload) noexcept {
  return h128({}, {as_bytes("toxasync/1 key file"), payload});
}

class File {
 public:
  File(const std::string& path, int flags) noexcept : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, ByteView bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0;
}

/// Makes a rename survive a power cut.
void sync_directory_of(const std::string& path) noexcept {
  const std::size_t slash = path.rfind('/');
  const File directory(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
  if (directory.fd() >= 0) {
    (void)::fsync(directory.fd());
  }
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
  const File file(path, O_RDONLY);
  if (file.fd() < 0) {
    return errno == ENOENT ? KeyFileError::missing : KeyFileError::unreadable;
  }
  Bytes content(magic.size() + size + 16 + 1);  // one more than a good file has
  std::size_t used = 0;
  while (used < content.size()) {
    const ssize_t got = ::read(file.fd(), content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return KeyFileError::unreadable;
    }
    if (got == 0) {
      break;
    }
    used += static_cast<std::size_t>(got);
  }
  const auto payload = ByteView(content).subspan(magic.size(), size);
  const bool good = used == content.size() - 1 && std::equal(magic.begin(), magic.end(), content.begin()) &&
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
  const std::string temporary = path + ".new";
  const auto sum = checksum(payload);
  Bytes content;
  content.reserve(magic.size() + payload.size() +
                  sum.size());  // growing would leave copies behind, not wiped
  content.insert(content.end(), magic.begin(), magic.end());
  content.insert(content.end(), payload.begin(), payload.end());
  content.insert(content.end(), sum.begin(), sum.end());
  bool good = false;
  (void)::unlink(temporary.c_str());  // left by a crash, or laid there: its permissions would be kept
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    good = file.fd() >= 0 && write_all(file.fd(), content);
  }
  wipe(content);
  if (!good || std::rename(temporary.c_str(), path.c_str()) != 0) {
    (void)::unlink(temporary.c_str());
    return KeyFileError::unwritable;
  }
  sync_directory_of(path);
  return true;
}

}  // namespace toxasync::crypto
