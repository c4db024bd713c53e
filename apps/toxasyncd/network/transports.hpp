// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
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
#include "process/data_directory.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The ways by which clients come: toxcore's packet dispatcher, its friends, a UDP socket of our own.
class Transports {
 public:
  /// Takes the packets of all of them, with the one by which an answer leaves.
  class Taker {
   public:
    virtual ~Taker() = default;
    virtual void take(Transport& transport, const Route& from, ByteView packet) noexcept = 0;
  };

  /// Opens those that the options want; throws StartupError. What is referred to must outlive it.
  Transports(boost::asio::io_context& io, const Options& options, const DataDirectory& directory,
             const crypto::SigningKey& identity, Random& random, Telemetry telemetry);

  /// Hands packets to `taker` from now on.
  void set_taker(Taker& taker);
  /// Receives whenever `io` runs; `after_burst` is called after packets.
  void start(const std::function<void()>& after_burst);
  /// Hands on no more.
  void stop();
  /// Keeps what is known of the Tox network; couriers are not for the disk.
  void save();
  /// Joins the Tox network by these from now on.
  void set_bootstrap(const std::vector<BootstrapNode>& nodes);

  /// The one by which the node asks others.
  [[nodiscard]] Transport& for_questions() noexcept;
  /// Who finds other nodes; may be null.
  [[nodiscard]] NodeFinder* finder() noexcept { return neighbours_ ? &*neighbours_ : nullptr; }
  /// UDP ports by which we are reached.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  /// "dispatcher,udp,friends"
  [[nodiscard]] std::string names() const;
  /// The DHT key of the TCP relay that we are; nothing if we are none.
  [[nodiscard]] std::optional<ByteArray<TOX_PUBLIC_KEY_SIZE>> relay_key() const;
  [[nodiscard]] std::vector<TransportStats> figures() const;
  [[nodiscard]] std::size_t couriers() const noexcept { return friends_ ? friends_->friends() : 0; }

 private:
  /// Hands a transport's packets on, and counts them.
  class Receiver final : public PacketReceiver {
   public:
    Receiver(Taker& taker, Transport& transport) : taker_(taker), transport_(transport) {
      transport.set_receiver(this);
    }
    ~Receiver() override { transport_.set_receiver(nullptr); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    void on_packet(const Route& from, ByteView packet) noexcept override {
      ++packets_;
      taker_.take(transport_, from, packet);
    }
    [[nodiscard]] std::uint64_t packets() const noexcept { return packets_; }

   private:
    Taker& taker_;
    Transport& transport_;
    std::uint64_t packets_ = 0;
  };

  void open_tox(const DataDirectory& directory, const crypto::SigningKey& identity, Random& random);
  void open_udp();
  void iterate_tox();

  boost::asio::io_context& io_;
  const Options options_;
  Telemetry telemetry_;
  SystemClock clock_;
  boost::asio::steady_timer tox_timer_;
  std::function<void()> after_burst_;
  // In the order of their lives: receivers end before what they receive from.
  std::optional<ToxHost> tox_host_;
  std::optional<Bootstrapper> bootstrapper_;
  std::unique_ptr<ToxcoreDispatcher> dispatcher_;
  std::unique_ptr<FriendTransport> friends_;
  std::unique_ptr<UdpTransport> udp_;
  std::optional<DhtNeighbours> neighbours_;
  std::optional<Receiver> dispatcher_receiver_;
  std::optional<Receiver> udp_receiver_;
  std::optional<Receiver> friends_receiver_;
  std::int64_t tox_busy_until_ms_ = 0;
};

}  // namespace toxasync::daemon
