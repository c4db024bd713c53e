// SPDX-License-Identifier: GPL-3.0-or-later
// What our own code calls of the system to write files, as far as it is about the mounted disk. The linker
// (--wrap) sends the calls of all our libraries here.
#include <fcntl.h>

#include <cerrno>
#include <cstdarg>
#include <map>
#include <mutex>

#include "disk.hpp"

namespace {

using toxasync::MutableBytes;
using toxasync::crash::Disk;

struct OpenFile {
  std::size_t file = 0;
  std::uint64_t offset = 0;
  bool directory = false;
};

constexpr int first_number = 1 << 20;  // Above all that the system gives.
std::mutex mutex;
std::map<int, OpenFile> open_files;
int next_number = first_number;

int failed(int error) {
  errno = error;
  return -1;
}

OpenFile* find(int number) {
  const auto found = open_files.find(number);
  return found == open_files.end() ? nullptr : &found->second;
}

int open_on_disk(const std::string& name, int flags) {
  Disk& disk = *Disk::mounted();
  auto file = disk.find(name);
  if (file && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
    return failed(EEXIST);
  }
  if (!file && (flags & O_CREAT) == 0) {
    return failed(ENOENT);
  }
  if (!file) {
    file = disk.create(name);
  } else if ((flags & O_TRUNC) != 0) {
    disk.truncate(*file, 0);
  }
  const std::lock_guard lock(mutex);
  open_files[next_number] = {*file, 0, false};
  return next_number++;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {
int __real_open(const char* path, int flags, ...);
int __real_close(int number);
ssize_t __real_read(int number, void* out, size_t size);
ssize_t __real_write(int number, const void* in, size_t size);
int __real_fsync(int number);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);

int __wrap_open(const char* path, int flags, ...) {
  if (path == Disk::root && Disk::mounted() != nullptr) {
    const std::lock_guard lock(mutex);
    open_files[next_number] = {0, 0, true};
    return next_number++;
  }
  if (const auto name = Disk::name_of(path)) {
    return open_on_disk(*name, flags);
  }
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, unsigned);
  va_end(more);
  return __real_open(path, flags, mode);
}

int __wrap_close(int number) {
  if (number < first_number) {
    return __real_close(number);
  }
  const std::lock_guard lock(mutex);
  return open_files.erase(number) == 1 ? 0 : failed(EBADF);
}

ssize_t __wrap_read(int number, void* out, size_t size) {
  if (number < first_number) {
    return __real_read(number, out, size);
  }
  const std::lock_guard lock(mutex);
  OpenFile* const file = find(number);
  if (file == nullptr) {
    return failed(EBADF);
  }
  const auto got =
      Disk::mounted()->read(file->file, file->offset, MutableBytes(static_cast<std::uint8_t*>(out), size));
  file->offset += got;
  return static_cast<ssize_t>(got);
}

ssize_t __wrap_write(int number, const void* in, size_t size) {
  if (number < first_number) {
    return __real_write(number, in, size);
  }
  const std::lock_guard lock(mutex);
  OpenFile* const file = find(number);
  if (file == nullptr) {
    return failed(EBADF);
  }
  Disk::mounted()->write(file->file, file->offset, {static_cast<const std::uint8_t*>(in), size});
  file->offset += size;
  return static_cast<ssize_t>(size);
}

int __wrap_fsync(int number) {
  if (number < first_number) {
    return __real_fsync(number);
  }
  const std::lock_guard lock(mutex);
  const OpenFile* const file = find(number);
  if (file == nullptr) {
    return failed(EBADF);
  }
  file->directory ? Disk::mounted()->sync_directory() : Disk::mounted()->sync(file->file);
  return 0;
}

int __wrap_rename(const char* from, const char* to) {
  const auto old_name = Disk::name_of(from);
  const auto new_name = Disk::name_of(to);
  if (!old_name || !new_name) {
    return __real_rename(from, to);
  }
  return Disk::mounted()->rename(*old_name, *new_name) ? 0 : failed(ENOENT);
}

int __wrap_unlink(const char* path) {
  const auto name = Disk::name_of(path);
  if (!name) {
    return __real_unlink(path);
  }
  return Disk::mounted()->remove(*name) ? 0 : failed(ENOENT);
}
}
// NOLINTEND(bugprone-reserved-identifier)
