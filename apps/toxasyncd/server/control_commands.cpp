// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/control_commands.hpp"

#include <chrono>
#include <filesystem>
#include <system_error>

#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::daemon {

namespace {

/// How long a finished copy waits to be moved away by `toxasyncd backup`, which does that at once. Removing
/// it while it is copied to another file system does no harm.
constexpr std::chrono::minutes backup_lifetime{1};

}  // namespace

ControlCommands::ControlCommands(boost::asio::io_context& io, const DataDirectory& directory,
                                 store::Store& store, const ServerStats& stats)
    : directory_(directory), store_(store), stats_(stats), backup_timer_(io) {
  remove_backup();
}

void ControlCommands::execute(std::string_view command, const ControlSocket::Answer& answer) {
  if (command == "stats") {
    answer("ok " + stats_.line());
  } else if (command == "backup") {
    start_backup(answer);
  } else {
    answer("error unknown command");
  }
}

void ControlCommands::start_backup(const ControlSocket::Answer& answer) {
  auto* const sqlite = dynamic_cast<store::SqliteStore*>(&store_);
  if (sqlite == nullptr) {
    answer("error the messages are in PostgreSQL: back them up with pg_dump");
    return;
  }
  const bool started = sqlite->backup(directory_.backup(), [this, answer](bool good) {
    answer(good ? "ok done" : "error cannot write the copy: check free space and disk errors");
    backup_timer_.expires_after(backup_lifetime);
    backup_timer_.async_wait([this](const boost::system::error_code& aborted) {
      if (!aborted) {
        remove_backup();
      }
    });
  });
  if (started) {
    backup_timer_.cancel();
  } else {
    answer("error another backup is in progress");
  }
}

/// Left behind by a `toxasyncd backup` that was stopped before it had moved it.
void ControlCommands::remove_backup() noexcept {
  std::error_code ignored;
  std::filesystem::remove(directory_.backup(), ignored);
}

}  // namespace toxasync::daemon
