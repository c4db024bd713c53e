// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/backup.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "maintenance/offline_store.hpp"
#include "maintenance/running_node.hpp"

namespace toxasync::daemon {

namespace fs = std::filesystem;

namespace {

/// The directory of a backup. It is removed again unless the backup is complete.
class BackupDirectory {
 public:
  explicit BackupDirectory(fs::path path) : path_(std::move(path)) {
    if (::mkdir(path_.c_str(), S_IRWXU) != 0) {
      fail_maintenance(path_.string() + ": cannot create: " + std::generic_category().message(errno) +
                       "; name a new directory within an existing one");
    }
  }
  ~BackupDirectory() {
    std::error_code ignored;
    if (!complete_) {
      fs::remove_all(path_, ignored);
    }
  }
  BackupDirectory(const BackupDirectory&) = delete;
  BackupDirectory& operator=(const BackupDirectory&) = delete;
  void set_complete() noexcept { complete_ = true; }

 private:
  fs::path path_;
  bool complete_ = false;
};

/// Removes the copy that a running node made for us, if it could not be moved.
class CopyRemover {
 public:
  explicit CopyRemover(fs::path path) : path_(std::move(path)) {}
  ~CopyRemover() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  CopyRemover(const CopyRemover&) = delete;
  CopyRemover& operator=(const CopyRemover&) = delete;

 private:
  fs::path path_;
};

/// Gives what root has copied to the user of the original, so that the node can read it when it is restored.
/// False: the file system does not support that.
bool copy_owner(const fs::path& original, const fs::path& copy) {
  struct stat owner {};
  if (::geteuid() != 0) {
    return true;
  }
  bool done = ::stat(original.c_str(), &owner) == 0;
  const auto change = [&](const fs::path& path) {
    done = done && ::lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0;
  };
  for (const auto& file : fs::directory_iterator(copy)) {
    change(file.path());
  }
  change(copy);
  return done;
}

/// Moves a file, also to another file system.
void move_file(const fs::path& from, const fs::path& to) {
  if (!put_in_place(from, to)) {
    return;
  }
  std::error_code failed;
  const fs::path unfinished = to.string() + ".new";
  if (fs::is_symlink(from, failed) || !fs::copy_file(from, unfinished, failed) ||
      ::chmod(unfinished.c_str(), S_IRUSR | S_IWUSR) != 0 || put_in_place(unfinished, to)) {
    fail_maintenance(to.string() + ": cannot write: " + (failed ? failed.message() : "check the free space"));
  }
  fs::remove(from, failed);
}

/// Copies the database of a node that is not running.
void copy_store(const DataDirectory& directory, const fs::path& to) {
  StoreServices services;
  const auto store = open_offline_store(directory, services);
  std::optional<bool> good;
  store->backup(to, [&good](bool outcome) { good = outcome; });
  class : public store::StoreListener {
    void on_put(store::Token /*token*/, const store::PutResult& /*result*/) noexcept override {}
    void on_list(store::Token /*token*/, store::ListResult&& /*result*/) noexcept override {}
    void on_remove(store::Token /*token*/, const store::RemoveResult& /*result*/) noexcept override {}
    void on_cancel(store::Token /*token*/, store::CancelStatus /*status*/) noexcept override {}
  } no_listener;
  while (!good) {
    pollfd waiting{store->wake_fd(), POLLIN, 0};
    ::poll(&waiting, 1, 1000);
    store->poll(no_listener);
  }
  if (!*good) {
    fail_maintenance(to.string() + ": cannot write: check free space and disk errors");
  }
}

}  // namespace

void backup(const Options& options, const std::string& new_directory) {
  require_sqlite(options);
  const DataDirectory directory = existing_directory(options);
  const fs::path target = fs::absolute(new_directory);
  BackupDirectory created(target);
  const DataDirectory copy(target);
  if (ask_running_node(directory, "backup")) {
    const CopyRemover remover(directory.backup());
    move_file(directory.backup(), copy.database());
  } else {
    copy_store(directory, copy.database());
  }
  // The key comes last: a directory that has it has the mail, too.
  for (const auto& [from, to] : {std::pair(directory.key_file(), copy.key_file()),
                                 std::pair(directory.tox_profile(), copy.tox_profile())}) {
    if (const auto content = read_file(from)) {
      replace_file(to, *content);
    }
  }
  const bool owned = copy_owner(directory.path(), target);
  created.set_complete();
  std::cout << "toxasyncd: backup complete: " << target.string()
            << " is a data directory with the node's private key; keep it secret"
            << (owned ? "" : ". It belongs to root: chown the files after restoring them") << std::endl;
}

}  // namespace toxasync::daemon
