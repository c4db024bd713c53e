// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "config/configuration.hpp"
#include "crypto/curve.hpp"
#include "network/peer_keeper.hpp"
#include "network/transports.hpp"
#include "node/node.hpp"
#include "process/control_socket.hpp"
#include "process/data_directory.hpp"
#include "process/service_manager.hpp"
#include "process/stderr_log.hpp"
#include "status/status_site.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// One storage node on one thread: transports in, store out, timers and signals.
class StorageServer final : private Transports::Taker {
 public:
  /// Opens everything; throws StartupError. Signals are caught from here on.
  StorageServer(Configuration configuration, StderrLog& log);
  ~StorageServer() override = default;
  StorageServer(const StorageServer&) = delete;
  StorageServer& operator=(const StorageServer&) = delete;

  /// Serves until SIGTERM or SIGINT; what was accepted is on disk then.
  void run();

 private:
  void open_store();
  void open_keys();
  void start_node();
  void start_peers();
  void open_control();
  void on_command(std::string_view command, const ControlSocket::Answer& answer);
  void remove_backup() noexcept;
  void take(Transport& transport, const Route& from, ByteView packet) noexcept override;
  void tick();
  void watch_store();
  void watch_signals();
  void stop();
  void drain_store();
  void reload();
  void apply(const Options& fresh);

  // storage_server_stats.cpp
  void announce();
  [[nodiscard]] std::string serving() const;
  [[nodiscard]] NodeStats figures() const;
  [[nodiscard]] Reading reading() const;
  [[nodiscard]] std::string stats_line() const;
  void print_stats() const;

  // In the order of their lives: the node ends before what it uses.
  const Configuration at_start_;
  Configuration configuration_;  ///< As it was read last.
  Options options_;              ///< That count: those that do not reload are as they were at the start.
  DataDirectory directory_;
  StderrLog& log_;
  Metrics metrics_;
  Telemetry telemetry_;
  SystemClock clock_;
  Now started_ = clock_.now();
  crypto::SystemRandom random_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGUSR1};
  ServiceManager manager_{io_};
  boost::asio::steady_timer node_timer_{io_};
  boost::asio::steady_timer backup_timer_{io_};
  boost::asio::posix::stream_descriptor store_wake_{io_};
  std::unique_ptr<store::Store> store_;
  std::optional<node::NodeKeys> keys_;
  std::optional<Transports> transports_;
  std::vector<Endpoint> endpoints_;
  std::optional<node::Node> node_;
  std::optional<PeerKeeper> peers_;
  std::optional<StatusSite> site_;
  std::optional<ControlSocket> control_;
};

}  // namespace toxasync::daemon
