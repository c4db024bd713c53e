// SPDX-License-Identifier: GPL-3.0-or-later
#include "machine.hpp"

#include <sodium.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "adapters/addresses/node_address.hpp"
#include "disk_gate.hpp"

namespace toxasync::live {

namespace {

Machine* the_machine = nullptr;
thread_local bool lives_in_it = false;

constexpr std::uint16_t first_free_port = 40000;

void fill_random(void* out, std::size_t size) {
  const MutableBytes bytes(static_cast<std::uint8_t*>(out), size);
  if (Machine* const machine = Machine::here()) {
    machine->random.fill(bytes);
  } else if (getentropy(out, std::min<std::size_t>(size, 256)) != 0 || size > 256) {
    std::abort();  // No other thread asks for that much.
  }
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  fill_random(&number, sizeof(number));
  return number;
}

}  // namespace

void Socket::on_packet(const Route& from, ByteView packet) noexcept {
  if (inbox.size() < inbox_limit) {
    inbox.push_back({from.endpoint, Bytes(packet.begin(), packet.end())});
  }
}

Machine::Machine(std::uint64_t seed) : random(seed * 7919 + 1), network(clock, seed * 7919 + 2) {
  if (the_machine != nullptr) {
    throw std::logic_error("there is a machine already");
  }
  network.keep_log(false);
  network.set_filter([this](const test::MockNetwork::Packet& packet) { return on_sent(packet); });
  the_machine = this;
  lives_in_it = true;
  DiskGate::set_open(false);
}

Machine::~Machine() {
  DiskGate::set_open(true);
  the_machine = nullptr;
  lives_in_it = false;
}

Machine* Machine::here() noexcept {
  return lives_in_it ? the_machine : nullptr;
}

Machine* Machine::any() noexcept {
  return the_machine;
}

void Machine::replace_random_generator() {
  static randombytes_implementation simulated{};
  simulated.implementation_name = [] { return "simulated"; };
  simulated.random = random_number;
  simulated.buf = fill_random;
  randombytes_set_implementation(&simulated);
  if (!crypto::initialise()) {  // Now, for it draws some itself.
    throw std::runtime_error("libsodium cannot be used");
  }
}

void Machine::settle(const std::function<void()>& wait) {
  DiskGate::set_open(true);
  wait();
  DiskGate::set_open(false);
}

bool Machine::has_mail(std::uint32_t host) const {
  return std::ranges::any_of(bound_, [host](const auto& entry) {
    return entry.second->host == host && !entry.second->inbox.empty();
  });
}

int Machine::open_socket() {
  const int descriptor = ::eventfd(0, EFD_CLOEXEC);
  if (descriptor >= 0) {
    sockets_[descriptor] = std::make_unique<Socket>(acting_);
  }
  return descriptor;
}

Socket* Machine::find(int descriptor) {
  const auto found = sockets_.find(descriptor);
  return found == sockets_.end() ? nullptr : found->second.get();
}

bool Machine::bind(Socket& socket, std::uint16_t port) {
  std::uint16_t chosen = port == 0 ? first_free_port : port;
  while (port == 0 && bound_.contains(test::ipv4(socket.host, chosen))) {
    ++chosen;
  }
  const Endpoint endpoint = test::ipv4(socket.host, chosen);
  if (socket.bound != nullptr || !bound_.emplace(endpoint, &socket).second) {
    return false;
  }
  socket.bound = &network.add(endpoint);
  socket.bound->set_receiver(&socket);
  return true;
}

void Machine::close(int descriptor) {
  const auto found = sockets_.find(descriptor);
  if (found == sockets_.end()) {
    return;
  }
  if (test::MockTransport* const end = found->second->bound) {
    const Endpoint endpoint = end->endpoint();
    network.remove(endpoint);
    bound_.erase(endpoint);
  }
  sockets_.erase(found);
}

bool Machine::on_sent(const test::MockNetwork::Packet& packet) {
  ++packets_;
  ByteArray<8> time;
  store_le(static_cast<std::uint64_t>(packet.sent.time_since_epoch().count()), time.data());
  ByteArray<8> ports;
  store_le((std::uint64_t{packet.from.port} << 16) | packet.to.port, ports.data());
  trace_ = crypto::h512(trace_, {time, packet.from.ip, packet.to.ip, ports, packet.bytes});
  if (packet_log_ != nullptr) {
    *packet_log_ << packet.sent.time_since_epoch().count() << " " << format_endpoint(packet.from) << " to "
                 << format_endpoint(packet.to) << ", " << packet.bytes.size() << " bytes: "
                 << to_hex(ByteView(packet.bytes).first(std::min<std::size_t>(packet.bytes.size(), 8)))
                 << "\n";
  }
  const auto host = [](const Endpoint& end) {
    return std::uint32_t{end.ip[1]} << 16 | std::uint32_t{end.ip[2]} << 8 | end.ip[3];
  };
  const auto from = cuts_.find(host(packet.from));
  const auto to = cuts_.find(host(packet.to));
  return (from != cuts_.end() && from->second.outbound) || (to != cuts_.end() && to->second.inbound);
}

}  // namespace toxasync::live
