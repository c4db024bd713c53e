// SPDX-License-Identifier: GPL-3.0-or-later
#include "network/transports.hpp"

#include <utility>

#include "process/startup_error.hpp"

namespace toxasync::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How often toxcore is polled for packets while there is traffic; else at its own interval, up to 50 ms.
constexpr milliseconds busy_interval = 2ms;
constexpr milliseconds busy_for = 250ms;

}  // namespace

Transports::Transports(asio::io_context& io, const Options& options, const DataDirectory& directory,
                       const crypto::SigningKey& identity, Random& random, Telemetry telemetry,
                       TransportsListener& listener)
    : io_(io), options_(options), telemetry_(telemetry), listener_(listener), tox_timer_(io) {
  open_tox(directory, identity, random);
  open_udp();
}

void Transports::open_tox(const DataDirectory& directory, const crypto::SigningKey& identity,
                          Random& random) {
  if (options_.tox_port == 0) {
    return;
  }
  const bool patched = ToxcoreDispatcher::available();
  if (!patched && options_.udp_port == 0) {
    throw StartupError(ExitCode::usage,
                       "--udp-port 0: this libtoxcore is a stock build without packet dispatcher access, "
                       "so the node would not be reachable: set a UDP port, or use a libtoxcore built by "
                       "patches/build-toxcore.sh");
  }
  if (!patched) {
    telemetry_.log(LogLevel::warning, "dispatcher",
                   "libtoxcore is not patched: clients reach this node through UDP port " +
                       std::to_string(options_.udp_port) +
                       (options_.couriers > 0 ? " and as Tox friends" : "") +
                       " (normal with the libtoxcore of a distribution); to serve through the dispatcher as "
                       "well, use a libtoxcore built by patches/build-toxcore.sh");
  }
  ToxHostOptions host;
  host.udp_port = options_.tox_port;
  host.tcp_port = options_.tcp_port;
  host.ipv6 = !options_.bind || options_.bind->is_v6();
  tox_host_.emplace(directory.tox_profile(), identity, host);
  if (patched) {
    auto attached = ToxcoreDispatcher::attach(tox_host_->tox(), telemetry_);
    if (!attached) {
      throw StartupError(ExitCode::failure, std::string(describe(attached.error())));
    }
    dispatcher_ = std::move(*attached);
    neighbours_.emplace(tox_host_->tox(), random);
  }
  friends_ = std::make_unique<FriendTransport>(tox_host_->tox(), FriendTransport::End::node,
                                               options_.couriers, telemetry_);
  bootstrapper_.emplace(io_, *tox_host_, options_.bootstrap, telemetry_);
}

void Transports::open_udp() {
  if (options_.udp_port == 0) {
    return;
  }
  UdpOptions udp;
  udp.address = options_.bind ? options_.bind->to_string() : std::string();
  udp.port = options_.udp_port;
  udp.receive_buffer_bytes = 16 << 20;
  auto opened = UdpTransport::open(io_, udp, telemetry_);
  if (opened) {
    udp_ = std::move(*opened);
    return;
  }
  const error_code failed = opened.error();
  if (failed == asio::error::address_in_use) {
    throw StartupError(ExitCode::port, "--udp-port " + std::to_string(udp.port) +
                                           ": cannot bind: address already in use; choose another port");
  }
  if (failed == asio::error::access_denied) {
    throw StartupError(ExitCode::port, "--udp-port " + std::to_string(udp.port) +
                                           ": cannot bind: permission denied; choose a port above 1023");
  }
  throw StartupError(ExitCode::port,
                     (options_.bind ? "--bind " + udp.address : "--udp-port " + std::to_string(udp.port)) +
                         ": cannot bind: " + failed.message() + "; set an address of this machine");
}

void Transports::start() {
  if (dispatcher_) {
    dispatcher_receiver_.emplace(listener_, *dispatcher_);
  }
  if (friends_) {
    friends_receiver_.emplace(listener_, *friends_);
  }
  if (udp_) {
    udp_receiver_.emplace(listener_, *udp_);
    udp_->start([this] { listener_.on_packets_processed(); });
  }
  if (tox_host_) {
    iterate_tox();
    bootstrapper_->start();
  }
}

void Transports::iterate_tox() {
  const SteadyTime now = clock_.now().steady;
  const std::size_t from_friends = friends_->iterate(now);
  if ((dispatcher_ ? dispatcher_->poll() : 0) + from_friends > 0) {
    tox_busy_until_ = now + busy_for;
    listener_.on_packets_processed();
  }
  const bool busy = now < tox_busy_until_;
  tox_timer_.expires_after(busy ? busy_interval : milliseconds(tox_iteration_interval(tox_host_->tox())));
  tox_timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      iterate_tox();
    }
  });
}

void Transports::stop() {
  udp_receiver_.reset();
  dispatcher_receiver_.reset();
  friends_receiver_.reset();
}

void Transports::save() {
  if (tox_host_) {
    friends_.reset();
    tox_host_->save();
  }
}

void Transports::set_bootstrap(const std::vector<BootstrapNode>& nodes) {
  if (bootstrapper_) {
    bootstrapper_->set_nodes(nodes);
  }
}

Transport& Transports::for_requests() noexcept {
  return dispatcher_ ? static_cast<Transport&>(*dispatcher_) : *udp_;
}

std::vector<std::uint16_t> Transports::ports() const {
  std::vector<std::uint16_t> ports;
  if (dispatcher_) {
    ports.push_back(options_.tox_port);
  }
  if (udp_) {
    ports.push_back(udp_->port());
  }
  return ports;
}

std::string Transports::names() const {
  std::string names;
  for (const auto& [served, name] :
       {std::pair(dispatcher_ != nullptr, "dispatcher"), std::pair(udp_ != nullptr, "udp"),
        std::pair(friends_ != nullptr && options_.couriers > 0, "friends")}) {
    names += served ? (names.empty() ? "" : ",") + std::string(name) : std::string();
  }
  return names;
}

std::optional<ByteArray<TOX_PUBLIC_KEY_SIZE>> Transports::relay_key() const {
  if (options_.tcp_port == 0) {
    return std::nullopt;
  }
  ByteArray<TOX_PUBLIC_KEY_SIZE> key{};
  tox_self_get_dht_id(tox_host_->tox(), key.data());
  return key;
}

std::vector<TransportStats> Transports::stats() const {
  std::vector<TransportStats> all;
  const auto add = [&all](std::string_view name, std::string detail,
                          const std::optional<Receiver>& receiver) {
    all.push_back({name, std::move(detail), receiver ? receiver->packets() : 0});
  };
  if (udp_) {
    add("udp", "UDP port " + std::to_string(udp_->port()) + " (udp)", udp_receiver_);
  }
  const std::string network = tox_host_ && tox_host_->connected() ? "" : ", not connected to the Tox network";
  if (dispatcher_) {
    add("dispatcher", "Tox port " + std::to_string(options_.tox_port) + " (dispatcher)" + network,
        dispatcher_receiver_);
  }
  if (friends_ && options_.couriers > 0) {
    add("friends",
        "Couriers: " + std::to_string(friends_->friends()) + " of " + std::to_string(options_.couriers) +
            " (friends)" + network,
        friends_receiver_);
  }
  return all;
}

}  // namespace toxasync::daemon
