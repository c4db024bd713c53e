// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_courier/courier.hpp"

#include <pthread.h>
#include <csignal>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace toxasync {

std::string_view describe_courier_error(Tox_Err_New error) noexcept {
  switch (error) {
    case TOX_ERR_NEW_PROXY_BAD_TYPE:
    case TOX_ERR_NEW_PROXY_BAD_HOST:
    case TOX_ERR_NEW_PROXY_BAD_PORT:
    case TOX_ERR_NEW_PROXY_NOT_FOUND:
      return "the courier cannot use the client's proxy: check its type, host and port in the client's "
             "settings";
    case TOX_ERR_NEW_PORT_ALLOC:
      return "the courier cannot bind a UDP port from 33445 to 33545: all are in use; stop a program that "
             "uses one";
    case TOX_ERR_NEW_MALLOC:
      return "out of memory: the courier, a second Tox instance, was not started";
    default:
      return "libtoxcore cannot start the courier, a second Tox instance, with the client's options";
  }
}

Result<std::unique_ptr<Courier>, Tox_Err_New> Courier::start(const CourierSettings& settings,
                                                             Telemetry telemetry) {
  const ToxOptionsPointer options = settings.tox_options();
  Tox_Err_New failed = TOX_ERR_NEW_MALLOC;
  // A different port each time: toxcore's nodes take more than a minute to accept a new key at a known
  // address.
  constexpr std::uint16_t first_port = 33445;
  constexpr std::uint16_t last_port = 33545;
  std::unique_ptr<Tox, Kill> tox;
  if (options && settings.udp) {
    const auto offset = static_cast<std::uint16_t>(crypto::SystemRandom().below(last_port - first_port));
    tox_options_set_start_port(options.get(), static_cast<std::uint16_t>(first_port + offset));
    tox_options_set_end_port(options.get(), last_port);
    tox.reset(tox_new(options.get(), &failed));
    tox_options_set_start_port(options.get(), first_port);  // if all ports above it are in use
  }
  if (options && !tox) {
    tox.reset(tox_new(options.get(), &failed));
  }
  if (!tox) {
    return failed;
  }
  std::unique_ptr<Courier> courier(new Courier(std::move(tox), telemetry));
  // The client's signals are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    courier->thread_ = std::thread(&Courier::run, courier.get());
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return courier;
}

Courier::Courier(std::unique_ptr<Tox, Kill> tox, Telemetry telemetry)
    : telemetry_(telemetry),
      tox_(std::move(tox)),
      friends_(tox_.get(), FriendTransport::End::courier, FriendTransport::max_nodes, telemetry) {
  tox_self_get_public_key(tox_.get(), tox_key_.data());
  friends_.set_receiver(&received_frames_);
}

Courier::~Courier() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

// --- The client's thread ---

void Courier::add_bootstrap_node(BootstrapNode node) {
  const std::lock_guard lock(mutex_);
  if (new_bootstrap_nodes_.size() >= max_bootstrap_nodes) {
    new_bootstrap_nodes_.pop_front();
  }
  new_bootstrap_nodes_.push_back(std::move(node));
  wake_.notify_one();
}

Route Courier::route_to_node(const NodeId& node_id, const Endpoint& endpoint) const noexcept {
  return friends_.route_to_node(node_id,
                                endpoint);  // computes only, and touches nothing of the other thread's
}

bool Courier::send(const Route& to, ByteView packet) noexcept {
  if (to.transport != TransportKind::toxcore_friends || to.sendback_size != sizeof(crypto::Point) ||
      !protocol::is_friend_frame(packet)) {
    return false;
  }
  try {
    const std::lock_guard lock(mutex_);
    if (outgoing_.size() >= queue_limit) {
      telemetry_.refuse(Counter::refused_overloaded);
      return false;
    }
    outgoing_.push_back({to, Bytes(packet.begin(), packet.end())});
  } catch (const std::exception&) {
    telemetry_.refuse(Counter::refused_overloaded);
    return false;
  }
  wake_.notify_one();
  return true;
}

std::size_t Courier::poll() {
  std::deque<Packet> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(incoming_);
  }
  if (receiver_ != nullptr) {
    for (const Packet& packet : arrived) {
      receiver_->on_packet(packet.route, packet.bytes);
    }
  }
  return arrived.size();
}

bool Courier::has_received() const {
  const std::lock_guard lock(mutex_);
  return !incoming_.empty();
}

std::size_t Courier::nodes_online() const {
  const std::lock_guard lock(mutex_);
  return online_;
}

// --- The courier's thread ---

void Courier::run() {
  pthread_setname_np(pthread_self(), "toxasync");
  while (true) {
    try {
      run_once();
    } catch (const std::exception&) {  // out of memory: packets are dropped
      telemetry_.refuse(Counter::refused_overloaded);
    }
    const bool busy = clock_.now().steady < busy_until_;
    const milliseconds interval(tox_iteration_interval(tox_.get()));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, busy ? std::min(interval, busy_interval) : interval,
                   [this] { return stop_ || !outgoing_.empty() || !new_bootstrap_nodes_.empty(); });
    if (stop_) {
      return;
    }
  }
}

void Courier::run_once() {
  std::deque<Packet> packets;
  std::deque<BootstrapNode> nodes;
  {
    const std::lock_guard lock(mutex_);
    packets.swap(outgoing_);
    nodes.swap(new_bootstrap_nodes_);
  }
  const SteadyTime now = clock_.now().steady;
  for (BootstrapNode& node : nodes) {
    if (bootstrap_nodes_.size() >= max_bootstrap_nodes) {
      bootstrap_nodes_.erase(bootstrap_nodes_.begin());
    }
    bootstrap_nodes_.push_back(std::move(node));
    next_bootstrap_ = {};
  }
  for (const Packet& packet : packets) {
    friends_.send(packet.route, packet.bytes);
  }
  if (friends_.iterate(now) > 0 || !packets.empty()) {
    busy_until_ = now + busy_for;
  }
  bootstrap(now);
  const std::lock_guard lock(mutex_);
  online_ = friends_.online();
}

void Courier::queue_received(const Route& from, ByteView packet) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (incoming_.size() < queue_limit) {
      incoming_.push_back({from, Bytes(packet.begin(), packet.end())});
      return;
    }
  } catch (const std::exception&) {
  }
  telemetry_.refuse(Counter::refused_overloaded);
}

void Courier::bootstrap(SteadyTime now) {
  const bool connected = tox_self_get_connection_status(tox_.get()) != TOX_CONNECTION_NONE;
  if (connected != connected_) {
    connected_ = connected;
    telemetry_.log(LogLevel::info, "courier",
                   connected ? "connected to the Tox network" : "disconnected from the Tox network");
  }
  if (bootstrap_nodes_.empty() || now < next_bootstrap_ || (connected && next_bootstrap_ != SteadyTime{})) {
    return;
  }
  next_bootstrap_ = now + bootstrap_interval;
  for (std::size_t i = 0; i < std::min(bootstrap_nodes_per_attempt, bootstrap_nodes_.size()); ++i) {
    const BootstrapNode& node = bootstrap_nodes_[next_bootstrap_node_++ % bootstrap_nodes_.size()];
    const auto add = node.tcp_relay ? tox_add_tcp_relay : tox_bootstrap;
    add(tox_.get(), node.host.c_str(), node.port, node.public_key.data(), nullptr);
  }
}

}  // namespace toxasync
