// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/storage_server.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>

#include "adapters/addresses/node_address.hpp"
#include "adapters/clock/key_agreement_rate.hpp"
#include "network/own_address.hpp"
#include "process/startup_error.hpp"
#include "protocol/frame.hpp"
#include "server/open_store.hpp"

namespace toxasync::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How long the last writes may take when the program stops.
constexpr milliseconds drain = 700ms;

/// Reached when the store has completed everything that was submitted before it.
class DrainBarrier final : public store::StoreListener {
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

StorageServer::StorageServer(Configuration configuration, StderrLog& log)
    : at_start_(std::move(configuration)),
      configuration_(at_start_),
      options_(configuration_.options()),
      directory_(options_.data_directory),
      log_(log),
      telemetry_(metrics_, log) {
  if (!crypto::initialise()) {
    throw StartupError(ExitCode::failure, "libsodium cannot be used: the system provides no random numbers");
  }
  signals_.add(SIGHUP);
  watch_signals();
  open_store();  // First: its lock keeps other processes out.
  open_keys();
  transports_.emplace(io_, options_, directory_, keys_->signer(), random_, telemetry_,
                      static_cast<TransportsListener&>(*this));
  start_node();
  start_peers();
  stats_.emplace(ServerStats::Parts{.options = options_,
                                    .clock = clock_,
                                    .metrics = metrics_,
                                    .store = *store_,
                                    .node = *node_,
                                    .transports = *transports_,
                                    .peers = *peers_},
                 format_node_address({keys_->id(), endpoints_}));
  site_.emplace(io_, metrics_, telemetry_, *stats_);
  open_control();
}

void StorageServer::open_store() {
  store::StoreLimits limits;
  limits.capacity_bytes = options_.capacity_bytes;
  store_ = daemon::open_store(options_.store, directory_, limits, telemetry_, random_);
  const int wake = ::dup(store_->wake_fd());  // A duplicate: each closes its own.
  if (wake < 0) {
    throw StartupError(ExitCode::failure,
                       "too many open files: raise the limit (ulimit -n, or LimitNOFILE= in the unit)");
  }
  store_wake_.assign(wake);
  watch_store();
}

void StorageServer::open_keys() {
  auto opened = node::NodeKeys::open(directory_.key_file().string(), random_, clock_.now().unix_time());
  if (!opened) {
    std::string what = directory_.key_file().string() + ": ";
    what += describe(opened.error());
    throw StartupError(ExitCode::data_directory, what);
  }
  keys_.emplace(std::move(*opened));
}

void StorageServer::start_node() {
  const bool bound = options_.bind && !options_.bind->is_unspecified();
  const auto here = bound ? *options_.bind : outward_address(io_);
  endpoints_ = own_endpoints(options_.addresses, here, transports_->ports());
  if (options_.addresses.empty() && !protocol::is_usable_address(endpoints_.front(), false)) {
    telemetry_.log(LogLevel::warning, "address",
                   "this machine has a local address only: set --address to the public address, or clients "
                   "cannot reach the node");
  }
  node::NodeConfig config;
  config.addresses = endpoints_;
  config.capacity_bytes = options_.capacity_bytes;
  config.key_agreements_burst = options_.key_agreements_burst;
  config.key_agreements_per_minute = options_.key_agreements_per_minute;
  config.key_agreements_per_second = measured_key_agreements_per_second(random_);
  node_.emplace(*store_, *keys_, random_, telemetry_, config, clock_.now());
}

/// Answers arrive by the transport that requests leave by.
void StorageServer::on_packet(Transport& transport, const Route& from, ByteView packet) noexcept {
  const bool request = packet.empty() || protocol::is_request(static_cast<protocol::FrameKind>(packet[0]));
  if (request || !peers_ || &transport != &peers_->transport()) {
    node_->on_packet(transport, from, packet, clock_.now());
  } else {
    peers_->on_packet(from, packet, clock_.now());
  }
}

void StorageServer::on_peers_changed(const std::vector<Bytes>& descriptors) {
  node_->set_peers(descriptors);
}

void StorageServer::start_peers() {
  const PeerKeeper::Config config{
      .self = keys_->id(), .named = options_.peers, .finder = transports_->node_finder()};
  peers_.emplace(transports_->for_requests(), random_, telemetry_, config, static_cast<PeerListener&>(*this));
}

void StorageServer::open_control() {
  commands_.emplace(io_, directory_, *store_, *stats_);
  control_.emplace(
      io_, directory_.control_socket(),
      [this](std::string_view command, const ControlSocket::Answer& answer) {
        commands_->execute(command, answer);
      },
      telemetry_);
}

void StorageServer::announce() {
  std::cout << "toxasyncd: node address " << format_node_address({keys_->id(), endpoints_}) << '\n';
  if (const auto key = transports_->relay_key()) {
    std::cout << "toxasyncd: TCP relay on port " << options_.tcp_port << " with DHT key " << to_hex(*key)
              << '\n';
  }
  std::cout << "toxasyncd: ready transports=" << transports_->names() << std::endl;
  manager_.ready(service_status());
}

std::string StorageServer::service_status() const {
  return "serving by " + transports_->names();
}

void StorageServer::run() {
  transports_->start();
  tick();
  site_->start(options_);
  announce();
  io_.run();
  stop();
}

/// After packets, completions of the store, and at deadlines.
void StorageServer::tick() {
  node_->tick(clock_.now());
  peers_->tick(clock_.now());
  node_timer_.expires_at(std::min(node_->next_deadline(), peers_->next_deadline()));
  node_timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      tick();
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
    if (number == SIGTERM || number == SIGINT) {
      io_.stop();
      return;
    }
    if (number == SIGHUP) {
      reload();
    } else {
      stats_->print();
    }
    watch_signals();
  });
}

void StorageServer::reload() {
  manager_.reloading();
  const Configuration fresh = configuration_.reread();
  for (const std::string& error : fresh.errors()) {
    telemetry_.log(LogLevel::error, "reload", error);
  }
  if (fresh.errors().empty()) {
    for (const Setting* setting : fresh.differences(configuration_)) {
      if (setting->reloads) {
        telemetry_.log(LogLevel::info, "reload", std::string(setting->name) + " changed");
      }
    }
    for (const Setting* setting : fresh.differences(at_start_)) {
      if (!setting->reloads) {
        telemetry_.log(LogLevel::warning, "reload",
                       std::string(setting->name) + " changed: restart the node to apply it");
      }
    }
    configuration_ = fresh;
    apply(fresh.options());
  } else {
    telemetry_.log(LogLevel::error, "reload",
                   "no setting was changed: correct the errors in the configuration and reload again");
  }
  manager_.ready(service_status());
}

/// The settings that reload.
void StorageServer::apply(const Options& fresh) {
  options_.log_level = fresh.log_level;
  log_.set_least(fresh.log_level);
  options_.capacity_bytes = fresh.capacity_bytes;
  store_->set_capacity(fresh.capacity_bytes);
  node_->set_key_agreement_rate(fresh.key_agreements_burst, fresh.key_agreements_per_minute);
  transports_->set_bootstrap(fresh.bootstrap);
  peers_->set_named(fresh.peers);
  site_->listen(fresh);
}

void StorageServer::stop() {
  manager_.stopping();
  site_->stop();
  transports_->stop();
  node_->tick(clock_.now());
  drain_store();
  stats_->print();
  transports_->save();
  telemetry_.log(LogLevel::info, "toxasyncd", "stopped");
}

/// Waits until everything submitted is on disk; what takes longer is finished by the store's destructor.
void StorageServer::drain_store() {
  DrainBarrier barrier;
  const Now now = clock_.now();
  store_->list(DrainBarrier::token, {}, {}, 0, {1, 1}, now.unix_time());
  store_->submit();
  pollfd wake = {store_->wake_fd(), POLLIN, 0};
  for (milliseconds left = drain; left > 0ms && !barrier.reached();
       left = now.steady + drain - clock_.now().steady) {
    ::poll(&wake, 1, static_cast<int>(left.count()));
    store_->poll(barrier);
  }
}

}  // namespace toxasync::daemon
