// SPDX-License-Identifier: GPL-3.0-or-later
#include "process/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "process/startup_error.hpp"

namespace toxasync::daemon {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw StartupError(ExitCode::data_directory, path.string() + ": " + what);
}

std::string reason(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "permission denied: give this user write permission, or set another --data-dir";
    case EROFS:
      return "the file system is read-only: set another --data-dir";
    case ENOSPC:
    case EDQUOT:
      return "the disk is full: free some space, or set another --data-dir";
    default:
      return std::generic_category().message(error);
  }
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
      fail(path_, "is not a directory: set another --data-dir");
    case ENOENT:
      fail(path_, "the parent directory does not exist: create it, or set another --data-dir");
    default:
      fail(path_, "cannot create: " + reason(error));
  }
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

void DataDirectory::lock() {
  const auto path = path_ / "lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock_ < 0) {
    fail(path, "cannot open: " + reason(errno));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    fail(path_, "in use by another process: stop that first, or set another --data-dir");
  }
}

std::optional<Bytes> read_file(const std::filesystem::path& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed == std::errc::no_such_file_or_directory) {
    return std::nullopt;
  }
  Bytes content(failed ? 0 : size);
  const auto got = toxasync::read_file(path, content);
  if (failed || got.error() == std::errc::permission_denied) {
    fail(path, "cannot read: check its owner and permissions");
  }
  if (!got || *got != size) {
    fail(path, "cannot read: check the system log for disk errors");
  }
  return content;
}

void replace_file(const std::filesystem::path& path, ByteView content) {
  if (const auto failed = toxasync::replace_file(path, content)) {
    fail(path, "cannot write: " + reason(failed.value()));
  }
}

}  // namespace toxasync::daemon
