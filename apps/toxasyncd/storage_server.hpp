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
#include "adapters/toxcore_courier/friend_carrier.hpp"
#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "bootstrapper.hpp"
#include "crypto/curve.hpp"
#include "data_directory.hpp"
#include "node/node.hpp"
#include "options.hpp"
#include "peer_keeper.hpp"
#include "store/store.hpp"
#include "tox_host.hpp"

namespace toxasync::daemon {

/// One storage node on one thread: carriers in, store out, timers and signals.
class StorageServer {
 public:
  /// Opens everything; throws StartupError. Signals are caught from here on.
  StorageServer(const Options& options, Log& log);
  ~StorageServer() = default;
  StorageServer(const StorageServer&) = delete;
  StorageServer& operator=(const StorageServer&) = delete;

  /// Serves until SIGTERM or SIGINT; what was accepted is on disk then.
  void run();

 private:
  /// Hands a carrier's packets to the node, with the way back; and answers to whom we asked.
  class Receiver final : public PacketReceiver {
   public:
    Receiver(StorageServer& server, Transport& transport) : server_(server), transport_(transport) {
      transport.set_receiver(this);
    }
    ~Receiver() override { transport_.set_receiver(nullptr); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    void on_packet(const Route& from, ByteView packet) noexcept override {
      server_.take(transport_, from, packet);
    }

   private:
    StorageServer& server_;
    Transport& transport_;
  };

  void open_store();
  void open_keys();
  void open_tox();
  void open_udp();
  void start_node();
  void start_peers();
  void take(Transport& transport, const Route& from, ByteView packet) noexcept;
  void announce() const;
  void tick();
  void iterate_tox();
  void watch_store();
  void watch_signals();
  void stop();
  void drain_store();
  void print_stats() const;

  // In the order of their lives: receivers end before the node, the node before what it uses.
  const Options options_;
  DataDirectory directory_;
  Metrics metrics_;
  Telemetry telemetry_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGUSR1};
  boost::asio::steady_timer node_timer_{io_};
  boost::asio::steady_timer tox_timer_{io_};
  boost::asio::posix::stream_descriptor store_wake_{io_};
  std::unique_ptr<store::Store> store_;
  std::optional<node::NodeKeys> keys_;
  std::optional<ToxHost> tox_host_;
  std::optional<Bootstrapper> bootstrapper_;
  std::unique_ptr<ToxcoreDispatcher> dispatcher_;
  std::unique_ptr<FriendCarrier> friends_;
  std::unique_ptr<UdpTransport> udp_;
  std::vector<Endpoint> endpoints_;
  std::optional<node::Node> node_;
  std::optional<DhtNeighbours> neighbours_;
  std::optional<PeerKeeper> peers_;
  std::optional<Receiver> dispatcher_receiver_;
  std::optional<Receiver> udp_receiver_;
  std::optional<Receiver> friends_receiver_;
  std::int64_t tox_busy_until_ms_ = 0;
};

}  // namespace toxasync::daemon
