// SPDX-License-Identifier: GPL-3.0-or-later
#include "sqlite_files.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "disk.hpp"

namespace toxasync::crash {

namespace {

struct DiskFile {
  sqlite3_file base;
  std::size_t file;
  bool syncs_directory;  // With its next sync: as unixSync() does for a journal or WAL that it made.
};

DiskFile& of(sqlite3_file* file) {
  return *reinterpret_cast<DiskFile*>(file);
}

/// SQLITE_OK: the call is carried out.
int outcome(int io_error) {
  return Disk::mounted()->next_call() ? io_error : SQLITE_OK;
}

int file_close(sqlite3_file* /*file*/) {
  return SQLITE_OK;
}
int file_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (const int failed = outcome(SQLITE_IOERR_READ); failed != SQLITE_OK) {
    return failed;
  }
  const MutableBytes wanted(static_cast<std::uint8_t*>(out), static_cast<std::size_t>(size));
  const std::size_t got = Disk::mounted()->read(of(file).file, static_cast<std::uint64_t>(offset), wanted);
  std::ranges::fill(wanted.subspan(got), std::uint8_t{0});
  return got == wanted.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}
int file_write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
  const auto failure = Disk::mounted()->next_call();
  if (failure == Disk::Failure::io || failure == Disk::Failure::full) {
    return failure == Disk::Failure::io ? SQLITE_IOERR_WRITE : SQLITE_FULL;
  }
  const auto written = static_cast<std::size_t>(failure ? size / 2 : size);
  Disk::mounted()->write(of(file).file, static_cast<std::uint64_t>(offset),
                         {static_cast<const std::uint8_t*>(in), written});
  return failure ? SQLITE_FULL : SQLITE_OK;
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int failed = outcome(SQLITE_IOERR_TRUNCATE); failed != SQLITE_OK) {
    return failed;
  }
  Disk::mounted()->truncate(of(file).file, static_cast<std::uint64_t>(size));
  return SQLITE_OK;
}
int file_sync(sqlite3_file* file, int /*flags*/) {
  if (const int failed = outcome(SQLITE_IOERR_FSYNC); failed != SQLITE_OK) {
    return failed;
  }
  Disk::mounted()->sync(of(file).file);
  if (of(file).syncs_directory) {
    Disk::mounted()->sync_directory();
    of(file).syncs_directory = false;
  }
  return SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (const int failed = outcome(SQLITE_IOERR_FSTAT); failed != SQLITE_OK) {
    return failed;
  }
  *size = static_cast<sqlite3_int64>(Disk::mounted()->size(of(file).file));
  return SQLITE_OK;
}
int file_lock(sqlite3_file* /*file*/, int /*level*/) {
  return SQLITE_OK;
}
int file_reserved(sqlite3_file* /*file*/, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
  return SQLITE_NOTFOUND;
}
int file_sector_size(sqlite3_file* /*file*/) {
  return 4096;
}
int file_characteristics(sqlite3_file* /*file*/) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

// Version 1: no shared memory, which the exclusive lock makes unnecessary.
const sqlite3_io_methods methods = {1,
                                    file_close,
                                    file_read,
                                    file_write,
                                    file_truncate,
                                    file_sync,
                                    file_size,
                                    file_lock,
                                    file_lock,
                                    file_reserved,
                                    file_control,
                                    file_sector_size,
                                    file_characteristics,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr};

int vfs_open(sqlite3_vfs* /*vfs*/, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (const int failed = outcome(SQLITE_CANTOPEN); failed != SQLITE_OK) {
    return failed;
  }
  const auto name = path == nullptr ? std::nullopt : Disk::name_of(path);
  if (!name) {
    return SQLITE_CANTOPEN;  // Our settings keep temporary files in memory.
  }
  const bool creates = (flags & SQLITE_OPEN_CREATE) != 0;
  auto number = Disk::mounted()->find(*name);
  if (!number && !creates) {
    return SQLITE_CANTOPEN;
  }
  of(file).file = number ? *number : Disk::mounted()->create(*name);
  constexpr int journals = SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
  of(file).syncs_directory = creates && (flags & journals) != 0;
  file->pMethods = &methods;
  if (out_flags != nullptr) {
    *out_flags = flags;
  }
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* /*vfs*/, const char* path, int sync_directory) {
  if (const int failed = outcome(SQLITE_IOERR_DELETE); failed != SQLITE_OK) {
    return failed;
  }
  const auto name = Disk::name_of(path);
  if (!name || !Disk::mounted()->remove(*name)) {
    return SQLITE_IOERR_DELETE_NOENT;
  }
  if (sync_directory != 0) {
    Disk::mounted()->sync_directory();
  }
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs* /*vfs*/, const char* path, int flags, int* out) {
  if (const int failed = outcome(SQLITE_IOERR_ACCESS); failed != SQLITE_OK) {
    return failed;
  }
  const auto name = Disk::name_of(path);
  const auto file = name ? Disk::mounted()->find(*name) : std::nullopt;
  // As unixAccess(): an empty file does not exist.
  *out = file && (flags != SQLITE_ACCESS_EXISTS || Disk::mounted()->size(*file) > 0) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_path(sqlite3_vfs* /*vfs*/, const char* path, int size, char* out) {
  const std::string text(path);
  if (text.size() >= static_cast<std::size_t>(size)) {
    return SQLITE_CANTOPEN;
  }
  std::memcpy(out, text.c_str(), text.size() + 1);
  return SQLITE_OK;
}

}  // namespace

void register_sqlite_files() {
  static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);  // Time and random bytes are those of the default.
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(DiskFile);
  vfs.zName = Disk::vfs;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  sqlite3_vfs_register(&vfs, 0);
}

}  // namespace toxasync::crash
