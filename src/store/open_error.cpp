// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/open_error.hpp"

namespace toxasync::store {

std::string_view describe(OpenError error) noexcept {
  switch (error) {
    case OpenError::directory_missing:
      return "the directory of the database does not exist: create it, or choose another path";
    case OpenError::not_writable:
      return "the database cannot be written: give this user write permission for the file and its "
             "directory, or "
             "choose another path";
    case OpenError::locked:
      return "the database is in use by another process: stop that first, or choose another path";
    case OpenError::not_a_database:
      return "the file is not a toxasync database of this kind: move it away, or choose another path";
    case OpenError::damaged:
      return "the database is damaged: keep a copy, check the disk, and restore a backup, or move the file "
             "away to "
             "start with an empty one";
    case OpenError::newer_version:
      return "the database was written by a newer version of toxasync: upgrade toxasync, or choose another "
             "path";
    case OpenError::no_space:
      return "the disk is full: free some space, and start again";
    case OpenError::wrong_key:
      return "the database belongs to another Tox identity: use the Tox profile that it was created with, or "
             "choose another path";
    case OpenError::io:
      break;
  }
  return "the database cannot be read or written: check the system log for disk errors, and that SQLite "
         "(libsqlite3.so.0) is installed";
}

}  // namespace toxasync::store
