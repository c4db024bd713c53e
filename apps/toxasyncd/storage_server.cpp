// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage_server.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>

#include "adapters/clock/key_work_rate.hpp"
#include "adapters/node_address.hpp"
#include "open_store.hpp"
#include "own_address.hpp"
#include "protocol/frame.hpp"
#include "startup_error.hpp"

namespace toxasync::daemon {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

/// Toxcore must be asked for packets: while there is traffic, so often. It sleeps up to 50 ms else.
constexpr std::int64_t busy_interval_ms = 2;
constexpr std::int64_t busy_for_ms = 250;

/// How long the last writes may take when the program is to stop.
constexpr std::int64_t drain_ms = 700;

std::chrono::steady_clock::time_point at(std::int64_t steady_ms) {
  return std::chrono::steady_clock::time_point(milliseconds(steady_ms));
}

/// Waits for one list that was put in line behind everything else.
class EndOfLine final : public store::StoreListener {
 public:
  static constexpr store::Token token = ~store::Token{0};

  [[nodiscard]] bool reached() const noexcept { return reached_; }
  void on_put(store::Token /*token*/, const store::PutResult& /*result*/) noexcept override {}
  void on_list(store::Token which, store::ListResult&& /*result*/) noexcept override {
    reached_ = reached_ || which == token;
  }
  void on_remove(store::Token /*token*/, const store::RemoveResult& /*result*/) noexcept override {}
  void on_cancel(store::Token /*token*/, store::CancelStatus /*status*/) noexcept override {}

 private:
  bool reached_ = false;
};

}  // namespace

StorageServer::StorageServer(const Options& options, Log& log)
    : options_(options), directory_(options.data_directory), telemetry_(metrics_, log) {
  if (!crypto::initialise()) {
    throw StartupError(ExitCode::failure, "libsodium gets no random numbers from the system");
  }
  watch_signals();
  open_store();  // First: its lock keeps a second process out.
  open_keys();
  open_tox();
  open_udp();
  start_node();
  start_peers();
}

void StorageServer::open_store() {
  store::StoreLimits limits;
  limits.capacity_bytes = options_.capacity_bytes;
  store_ = daemon::open_store(options_.store, directory_, limits, telemetry_, random_);
  const int wake = ::dup(store_->wake_fd());  // A duplicate: each closes its own.
  if (wake < 0) {
    throw StartupError(ExitCode::failure, "no more file descriptors are permitted (ulimit -n)");
  }
  store_wake_.assign(wake);
  watch_store();
}

void StorageServer::open_keys() {
  auto opened = node::NodeKeys::open(directory_.key_file().string(), random_, clock_.now().unix_s());
  if (!opened) {
    std::string what = directory_.key_file().string() + ": ";
    what += describe(opened.error());
    throw StartupError(ExitCode::data_directory, what);
  }
  keys_.emplace(std::move(*opened));
}

void StorageServer::open_tox() {
  if (options_.tox_port == 0) {
    return;
  }
  const bool patched = ToxcoreDispatcher::available();
  if (!patched && options_.udp_port == 0) {
    throw StartupError(ExitCode::usage,
                       "--udp-port 0: this libtoxcore is a stock build without packet dispatcher access, "
                       "so that leaves no address by which to be reached: name a UDP port, or run with a "
                       "libtoxcore built by patches/build-toxcore.sh");
  }
  if (!patched) {
    telemetry_.log(LogLevel::warning, "dispatcher",
                   "this libtoxcore is a stock build without packet dispatcher access: serving on UDP port " +
                       std::to_string(options_.udp_port) +
                       (options_.couriers > 0 ? " and to Tox friends" : "") +
                       " only. A libtoxcore built by patches/build-toxcore.sh has it");
  }
  ToxHostOptions host;
  host.udp_port = options_.tox_port;
  host.tcp_port = options_.tcp_port;
  host.ipv6 = !options_.bind || options_.bind->is_v6();
  tox_host_.emplace(directory_.tox_profile(), keys_->signer(), host);
  if (patched) {
    auto attached = ToxcoreDispatcher::attach(tox_host_->tox(), telemetry_);
    if (!attached) {
      throw StartupError(ExitCode::failure, std::string(describe(attached.error())));
    }
    dispatcher_ = std::move(*attached);
  }
  friends_ = std::make_unique<FriendCarrier>(tox_host_->tox(), FriendCarrier::End::node, options_.couriers,
                                             telemetry_);
  bootstrapper_.emplace(io_, *tox_host_, options_.bootstrap, telemetry_);
}

void StorageServer::open_udp() {
  if (options_.udp_port == 0) {
    return;
  }
  UdpOptions udp;
  udp.address = options_.bind ? options_.bind->to_string() : std::string();
  udp.port = options_.udp_port;
  udp.receive_buffer_bytes = 4 << 20;
  auto opened = UdpTransport::open(io_, udp, telemetry_);
  if (opened) {
    udp_ = std::move(*opened);
    return;
  }
  const error_code failed = opened.error();
  if (failed == asio::error::address_in_use) {
    throw StartupError(ExitCode::port, "--udp-port " + std::to_string(udp.port) +
                                           ": another program uses this port: name another one");
  }
  if (failed == asio::error::access_denied) {
    throw StartupError(ExitCode::port, "--udp-port " + std::to_string(udp.port) +
                                           ": not permitted for this user: name one above 1023");
  }
  throw StartupError(ExitCode::port,
                     (options_.bind ? "--bind " + udp.address : "--udp-port " + std::to_string(udp.port)) +
                         ": " + failed.message() + ": name an address of this machine");
}

void StorageServer::start_node() {
  std::vector<std::uint16_t> ports;
  if (dispatcher_) {
    ports.push_back(options_.tox_port);
  }
  if (udp_) {
    ports.push_back(udp_->port());
  }
  const bool bound = options_.bind && !options_.bind->is_unspecified();
  const auto here = bound ? *options_.bind : outward_address(io_);
  endpoints_ = own_endpoints(options_.addresses, here, ports);
  if (options_.addresses.empty() && !protocol::is_usable_address(endpoints_.front(), false)) {
    telemetry_.log(LogLevel::warning, "address",
                   "the address that this machine knows of itself is local: others need --address with the "
                   "one by which they reach it");
  }
  node::NodeConfig config;
  config.addresses = endpoints_;
  config.capacity_bytes = options_.capacity_bytes;
  config.key_work_burst = options_.key_work_burst;
  config.key_work_per_minute = options_.key_work_per_minute;
  config.key_work_per_second = measured_key_work_per_second(random_);
  node_.emplace(*store_, *keys_, random_, telemetry_, config, clock_.now());
  if (dispatcher_) {
    dispatcher_receiver_.emplace(*this, *dispatcher_);
  }
  if (udp_) {
    udp_receiver_.emplace(*this, *udp_);
  }
  if (friends_) {
    friends_receiver_.emplace(*this, *friends_);
  }
}

/// Answers come to the carrier that we ask by.
void StorageServer::take(Transport& transport, const Route& from, ByteView packet) noexcept {
  const bool request = packet.empty() || protocol::is_request(static_cast<protocol::FrameKind>(packet[0]));
  if (request || !peers_ || &transport != &peers_->transport()) {
    node_->on_packet(transport, from, packet, clock_.now());
  } else {
    peers_->on_packet(from, packet, clock_.now());
  }
}

void StorageServer::start_peers() {
  if (dispatcher_) {
    neighbours_.emplace(tox_host_->tox(), random_);
  }
  Transport& transport = dispatcher_ ? static_cast<Transport&>(*dispatcher_) : *udp_;
  NodeFinder* const finder = neighbours_ ? &*neighbours_ : nullptr;
  peers_.emplace(transport, random_, telemetry_, keys_->id(), options_.peers, finder,
                 [this](const std::vector<Bytes>& descriptors) { node_->set_peers(descriptors); });
}

void StorageServer::announce() const {
  std::string carriers;
  for (const auto& [served, name] :
       {std::pair(dispatcher_ != nullptr, "dispatcher"), std::pair(udp_ != nullptr, "udp"),
        std::pair(friends_ != nullptr && options_.couriers > 0, "friends")}) {
    carriers += served ? (carriers.empty() ? "" : ",") + std::string(name) : std::string();
  }
  std::cout << "toxasyncd: node address " << format_node_address({keys_->id(), endpoints_}) << '\n';
  if (options_.tcp_port != 0) {
    ByteArray<TOX_PUBLIC_KEY_SIZE> key{};
    tox_self_get_dht_id(tox_host_->tox(), key.data());
    std::cout << "toxasyncd: TCP relay on port " << options_.tcp_port << " with DHT key " << to_hex(key)
              << '\n';
  }
  std::cout << "toxasyncd: ready carriers=" << carriers << std::endl;
}

void StorageServer::run() {
  if (udp_) {
    udp_->start([this] { tick(); });
  }
  if (tox_host_) {
    iterate_tox();
    bootstrapper_->start();
  }
  tick();
  announce();
  io_.run();
  stop();
}

/// After packets, completions of the store, or a deadline.
void StorageServer::tick() {
  node_->tick(clock_.now());
  peers_->tick(clock_.now());
  node_timer_.expires_at(at(std::min(node_->next_deadline_ms(), peers_->next_deadline_ms())));
  node_timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      tick();
    }
  });
}

void StorageServer::iterate_tox() {
  const std::int64_t now_ms = clock_.now().steady_ms;
  const std::size_t from_friends = friends_->iterate(now_ms);
  if ((dispatcher_ ? dispatcher_->poll() : 0) + from_friends > 0) {
    tox_busy_until_ms_ = now_ms + busy_for_ms;
    tick();
  }
  const std::int64_t interval_ms =
      now_ms < tox_busy_until_ms_ ? busy_interval_ms : tox_iteration_interval(tox_host_->tox());
  tox_timer_.expires_after(milliseconds(interval_ms));
  tox_timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      iterate_tox();
    }
  });
}

void StorageServer::watch_store() {
  store_wake_.async_wait(asio::posix::descriptor_base::wait_read, [this](const error_code& failed) {
    if (!failed) {
      tick();
      watch_store();
    }
  });
}

void StorageServer::watch_signals() {
  signals_.async_wait([this](const error_code& aborted, int number) {
    if (aborted) {
      return;
    }
    if (number != SIGUSR1) {
      io_.stop();
      return;
    }
    print_stats();
    watch_signals();
  });
}

void StorageServer::stop() {
  udp_receiver_.reset();
  dispatcher_receiver_.reset();
  friends_receiver_.reset();
  node_->tick(clock_.now());
  drain_store();
  print_stats();
  if (tox_host_) {
    friends_.reset();  // Couriers are not for the disk.
    tox_host_->save();
  }
  telemetry_.log(LogLevel::info, "toxasyncd", "stopped");
}

/// Until everything before is on disk; the store's destructor goes on where the time was not enough.
void StorageServer::drain_store() {
  EndOfLine end;
  const Now now = clock_.now();
  store_->list(EndOfLine::token, {}, 0, {1, 1}, now.unix_s());
  store_->submit();
  pollfd wake = {store_->wake_fd(), POLLIN, 0};
  for (std::int64_t left = drain_ms; left > 0 && !end.reached();
       left = now.steady_ms + drain_ms - clock_.now().steady_ms) {
    ::poll(&wake, 1, static_cast<int>(left));
    store_->poll(end);
  }
}

void StorageServer::print_stats() const {
  const store::StoreStats kept = store_->stats();
  std::uint64_t refused = 0;
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    const std::uint64_t value = metrics_.value(counter);
    // A first packet without a cookie is how everybody begins.
    refused += name(counter).starts_with("refused.") && counter != Counter::refused_cookie ? value : 0;
    if (options_.log_level == LogLevel::debug && value != 0) {
      std::cout << "counter " << name(counter) << ' ' << value << '\n';
    }
  }
  std::cout << "stats messages=" << kept.messages << " bytes=" << kept.bytes
            << " tombstones=" << kept.tombstones << " damaged=" << kept.damaged
            << " stored=" << metrics_.value(Counter::node_stored)
            << " deleted=" << metrics_.value(Counter::node_deleted) << " refused=" << refused << std::endl;
}

}  // namespace toxasync::daemon
