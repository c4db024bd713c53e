// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace toxasync {

namespace {

class File {
 public:
  File(const std::filesystem::path& path, int flags) noexcept
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR)) {}
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

/// The error of the last system call.
std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

std::error_code write_all(int fd, ByteView bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (written == 0) {
      return std::make_error_code(std::errc::io_error);
    } else if (errno != EINTR) {
      return last_error();
    }
  }
  return ::fsync(fd) == 0 ? std::error_code() : last_error();
}

/// Makes a rename survive a power cut, where directories can be synchronised.
void sync_directory_of(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const File directory(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
  if (directory.fd() >= 0) {
    (void)::fsync(directory.fd());
  }
}

std::error_code rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return last_error();
  }
  sync_directory_of(to);
  return {};
}

}  // namespace

Result<std::size_t, std::error_code> read_file(const std::filesystem::path& path,
                                               std::span<std::uint8_t> out) {
  const File file(path, O_RDONLY);
  if (file.fd() < 0) {
    return last_error();
  }
  std::size_t used = 0;
  while (used < out.size()) {
    const ssize_t got = ::read(file.fd(), out.data() + used, out.size() - used);
    if (got > 0) {
      used += static_cast<std::size_t>(got);
    } else if (got == 0) {
      break;
    } else if (errno != EINTR) {
      return last_error();
    }
  }
  return used;
}

std::error_code replace_file(const std::filesystem::path& path, ByteView content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  (void)::unlink(temporary.c_str());  // left by a crash or placed by another: its permissions would be kept
  std::error_code failed;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    failed = file.fd() >= 0 ? write_all(file.fd(), content) : last_error();
  }
  if (!failed) {
    failed = rename_durably(temporary, path);
  }
  if (failed) {
    (void)::unlink(temporary.c_str());
  }
  return failed;
}

std::error_code create_file(const std::filesystem::path& path) {
  const File file(path, O_RDWR | O_CREAT | O_EXCL);
  return file.fd() >= 0 ? std::error_code() : last_error();
}

std::error_code sync_file(const std::filesystem::path& path) {
  const File file(path, O_RDWR);
  return file.fd() >= 0 && ::fsync(file.fd()) == 0 ? std::error_code() : last_error();
}

std::error_code put_in_place(const std::filesystem::path& file, const std::filesystem::path& path) {
  const auto failed = sync_file(file);
  return failed ? failed : rename_durably(file, path);
}

}  // namespace toxasync
