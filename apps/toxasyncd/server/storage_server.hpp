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
#include "server/control_commands.hpp"
#include "server/server_stats.hpp"
#include "status/status_site.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// One storage node on one thread: transports in, store out, timers and signals.
class StorageServer final : private TransportsListener, private PeerListener {
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
  void on_packet(Transport& transport, const Route& from, ByteView packet) noexcept override;
  void on_packets_processed() override { tick(); }
  void on_peers_changed(const std::vector<Bytes>& descriptors) override;
  void tick();
  void watch_store();
  void watch_signals();
  void stop();
  void drain_store();
  void reload();
  void apply(const Options& fresh);

  void announce();
  [[nodiscard]] std::string service_status() const;

  // Destroyed from the last to the first: each uses only what stands above it.
  const Configuration at_start_;
  Configuration configuration_;  ///< As last read.
  Options options_;              ///< In effect: those that need a restart are as they were at the start.
  DataDirectory directory_;
  StderrLog& log_;
  Metrics metrics_;
  Telemetry telemetry_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGUSR1};
  ServiceManager manager_{io_};
  boost::asio::steady_timer node_timer_{io_};
  boost::asio::posix::stream_descriptor store_wake_{io_};
  std::unique_ptr<store::Store> store_;
  std::optional<node::NodeKeys> keys_;
  std::optional<Transports> transports_;
  std::vector<Endpoint> endpoints_;
  std::optional<node::Node> node_;
  std::optional<PeerKeeper> peers_;
  std::optional<ServerStats> stats_;
  std::optional<StatusSite> site_;
  std::optional<ControlCommands> commands_;
  std::optional<ControlSocket> control_;
};

}  // namespace toxasync::daemon
