// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "adapters/toxcore_courier/friend_transport.hpp"
#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "config/options.hpp"
#include "network/bootstrapper.hpp"
#include "network/tox_host.hpp"
#include "network/transports_listener.hpp"
#include "process/data_directory.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The transports that clients can use: toxcore's packet dispatcher, Tox friends, a UDP socket of our own.
class Transports {
 public:
  /// Opens the transports that the options enable; throws StartupError. The references must outlive it.
  Transports(boost::asio::io_context& io, const Options& options, const DataDirectory& directory,
             const crypto::SigningKey& identity, Random& random, Telemetry telemetry,
             TransportsListener& listener);

  /// Receives packets whenever `io` runs.
  void start();
  /// Receives nothing more.
  void stop();
  /// Saves the Tox profile, without the couriers among its friends.
  void save();
  /// Joins the Tox network through these from now on.
  void set_bootstrap(const std::vector<BootstrapNode>& nodes);

  /// The one for requests to other nodes.
  [[nodiscard]] Transport& for_requests() noexcept;
  /// Finds other nodes; may be null.
  [[nodiscard]] NodeFinder* node_finder() noexcept { return neighbours_ ? &*neighbours_ : nullptr; }
  /// UDP ports that the node is reachable on.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  /// "dispatcher,udp,friends"
  [[nodiscard]] std::string names() const;
  /// The DHT key of our TCP relay; nothing if we run none.
  [[nodiscard]] std::optional<ByteArray<TOX_PUBLIC_KEY_SIZE>> relay_key() const;
  [[nodiscard]] std::vector<TransportStats> stats() const;
  [[nodiscard]] std::size_t couriers() const noexcept { return friends_ ? friends_->friends() : 0; }

 private:
  /// Forwards a transport's packets to the listener, and counts them.
  class Receiver final : public PacketReceiver {
   public:
    Receiver(TransportsListener& listener, Transport& transport)
        : listener_(listener), transport_(transport) {
      transport.set_receiver(this);
    }
    ~Receiver() override { transport_.set_receiver(nullptr); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    void on_packet(const Route& from, ByteView packet) noexcept override {
      ++packets_;
      listener_.on_packet(transport_, from, packet);
    }
    [[nodiscard]] std::uint64_t packets() const noexcept { return packets_; }

   private:
    TransportsListener& listener_;
    Transport& transport_;
    std::uint64_t packets_ = 0;
  };

  void open_tox(const DataDirectory& directory, const crypto::SigningKey& identity, Random& random);
  void open_udp();
  void iterate_tox();

  boost::asio::io_context& io_;
  const Options options_;
  Telemetry telemetry_;
  TransportsListener& listener_;
  SystemClock clock_;
  boost::asio::steady_timer tox_timer_;
  // Destroyed from the last to the first: receivers before their transports.
  std::optional<ToxHost> tox_host_;
  std::optional<Bootstrapper> bootstrapper_;
  std::unique_ptr<ToxcoreDispatcher> dispatcher_;
  std::unique_ptr<FriendTransport> friends_;
  std::unique_ptr<UdpTransport> udp_;
  std::optional<DhtNeighbours> neighbours_;
  std::optional<Receiver> dispatcher_receiver_;
  std::optional<Receiver> udp_receiver_;
  std::optional<Receiver> friends_receiver_;
  SteadyTime tox_busy_until_{};
};

}  // namespace toxasync::daemon
