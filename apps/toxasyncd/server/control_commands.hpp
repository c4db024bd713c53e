// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string_view>

#include "process/control_socket.hpp"
#include "process/data_directory.hpp"
#include "server/server_stats.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// Executes what `toxasyncd stats` and `toxasyncd backup` ask of the running node.
class ControlCommands {
 public:
  /// The references must outlive it.
  ControlCommands(boost::asio::io_context& io, const DataDirectory& directory, store::Store& store,
                  const ServerStats& stats);

  void execute(std::string_view command, const ControlSocket::Answer& answer);

 private:
  void start_backup(const ControlSocket::Answer& answer);
  void remove_backup() noexcept;

  const DataDirectory& directory_;
  store::Store& store_;
  const ServerStats& stats_;
  boost::asio::steady_timer backup_timer_;
};

}  // namespace toxasync::daemon
