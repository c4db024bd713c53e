// SPDX-License-Identifier: GPL-3.0-or-later
#include "data_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "startup_error.hpp"

namespace toxasync::daemon {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw StartupError(ExitCode::data_directory, path.string() + ": " + what);
}

std::string reason(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "this user may not write there: give it permission, or name another place by --data-dir";
    case EROFS:
      return "the file system is read-only: name another place by --data-dir";
    case ENOSPC:
    case EDQUOT:
      return "the disk is full: free some space, or name another place by --data-dir";
    default:
      return std::generic_category().message(error);
  }
}

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

}  // namespace

DataDirectory::DataDirectory(std::filesystem::path path) : path_(std::move(path)) {
  if (::mkdir(path_.c_str(), S_IRWXU) == 0) {
    return;
  }
  const int error = errno;
  std::error_code ignored;
  if (error == EEXIST && std::filesystem::is_directory(path_, ignored)) {
    return;
  }
  switch (error) {
    case EEXIST:
    case ENOTDIR:
      fail(path_, "is not a directory: name another place by --data-dir");
    case ENOENT:
      fail(path_, "its parent directory does not exist: create that, or name another place by --data-dir");
    default:
      fail(path_, "cannot be created: " + reason(error));
  }
}

std::optional<Bytes> read_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  struct stat status {};
  if (file.fd() < 0 && errno == ENOENT) {
    return std::nullopt;
  }
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    fail(path, "cannot be read: check its owner and permissions");
  }
  Bytes content(static_cast<std::size_t>(status.st_size));
  for (std::size_t used = 0; used < content.size();) {
    const ssize_t got = ::read(file.fd(), content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      fail(path, "cannot be read: look for disk errors in the system's log");
    }
    used += static_cast<std::size_t>(got);
  }
  return content;
}

void replace_file(const std::filesystem::path& path, ByteView content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  (void)::unlink(temporary.c_str());
  bool good = false;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    good = file.fd() >= 0 && write_all(file.fd(), content);
  }
  if (!good || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    (void)::unlink(temporary.c_str());
    fail(path, "cannot be written: " + reason(error));
  }
  const File directory(path.parent_path(), O_RDONLY | O_DIRECTORY);
  if (directory.fd() >= 0) {
    (void)::fsync(directory.fd());
  }
}

}  // namespace toxasync::daemon
