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

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

void DataDirectory::lock() {
  const auto path = path_ / "lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock_ < 0) {
    fail(path, "cannot be opened: " + reason(errno));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    fail(path_, "is in use by another process: stop that one first, or name another place by --data-dir");
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
    fail(path, "cannot be read: check its owner and permissions");
  }
  if (!got || *got != size) {
    fail(path, "cannot be read: look for disk errors in the system's log");
  }
  return content;
}

void replace_file(const std::filesystem::path& path, ByteView content) {
  if (const auto failed = toxasync::replace_file(path, content)) {
    fail(path, "cannot be written: " + reason(failed.value()));
  }
}

}  // namespace toxasync::daemon
