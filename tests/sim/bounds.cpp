// SPDX-License-Identifier: GPL-3.0-or-later
#include "bounds.hpp"

#include <algorithm>

#include "manager/nodes/address_budget.hpp"

namespace toxasync::sim {

namespace {

using manager::AddressBudget;

/// A client's packets for nothing in a day: it polls five home nodes for two roots and their cover, in five
/// epochs, each every two minutes at most; and starts.
constexpr std::uint64_t packets_a_day = 40'000;
constexpr std::uint64_t packets_a_start = 3'000;
/// For each that comes: an announcement, a page or a confirmation causes the next request, and repetitions.
constexpr std::uint64_t packets_for_one = 4;
/// Of a message in 72 parts, to 5 nodes of 3 installations, each packet 8 times at most.
constexpr std::uint64_t packets_a_message = 72 * 5 * 3 * 8;
/// On the disk, in bytes: keys, nodes; for each hostile friend parts, ids, keys, mail that waits.
constexpr std::size_t state_bytes = 1'000'000;
constexpr std::size_t state_bytes_a_friend = 4'000'000;
constexpr std::size_t state_bytes_a_message = 100'000;

Endpoint host_of(Endpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

std::uint64_t value(const std::map<Endpoint, std::uint64_t>& counts, const Endpoint& of) {
  const auto found = counts.find(of);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

bool Bounds::is_nobody(const Endpoint& endpoint) const {
  return endpoint.ip[0] != 10;
}

Endpoint Bounds::name_of(const Endpoint& endpoint) const {
  const auto found = names_.find(endpoint);
  return found == names_.end() ? endpoint : found->second;
}

void Bounds::on_packet(const test::MockNetwork::Packet& packet) {
  const auto add = [&](Traffic& traffic) {
    traffic.packets += factor_;
    traffic.bytes += factor_ * packet.bytes.size();
  };
  if (is_nobody(packet.to)) {
    add(to_nobody_[{name_of(packet.from), host_of(packet.to)}]);
  } else if (is_nobody(packet.from)) {
    add(from_nobody_[{host_of(packet.from), name_of(packet.to)}]);
  } else {
    add(out_[name_of(packet.from)]);
    ++in_[name_of(packet.to)].packets;
  }
}

void Bounds::check(const std::vector<FriendKey>& hostile_friends) const {
  check_traffic();
  check_states(hostile_friends.size());
}

void Bounds::check_traffic() const {
  const auto days = static_cast<std::uint64_t>((world_.clock.steady() - began_) / 24h) + 1;
  for (const auto& user : world_.users) {
    const Endpoint name = name_of(user->endpoint);
    const auto out = out_.find(name);
    const auto in = in_.find(name);
    const auto most = days * packets_a_day + (value(crashes_, name) + 1) * packets_a_start +
                      value(messages_, name) * packets_a_message +
                      packets_for_one * (in == in_.end() ? 0 : in->second.packets);
    if (out != out_.end() && out->second.packets > most) {
      throw Broken(Fault::unbounded, "a user has sent " + std::to_string(out->second.packets) +
                                         " packets, and may send " + std::to_string(most));
    }
    for (const auto& [link, traffic] : to_nobody_) {
      const auto may = static_cast<std::uint64_t>(AddressBudget::packets_per_host) +
                       days * static_cast<std::uint64_t>(24h / AddressBudget::host_each) +
                       value(crashes_, name);
      if (link.first == name && traffic.packets > may) {
        throw Broken(Fault::unbounded, "a user has sent " + std::to_string(traffic.packets) +
                                           " packets to a host from which nobody answered, and may send " +
                                           std::to_string(may));
      }
    }
  }
  for (const auto& node : world_.nodes) {
    for (const auto& [link, traffic] : to_nobody_) {
      const auto in = from_nobody_.find({link.second, link.first});
      const auto bytes = in == from_nobody_.end() ? 0 : in->second.bytes;
      if (link.first == name_of(node->endpoint) && traffic.bytes > bytes) {
        throw Broken(Fault::unbounded, "a node has sent " + std::to_string(traffic.bytes) +
                                           " bytes to a forged source, for " + std::to_string(bytes));
      }
    }
  }
}

void Bounds::check_states(std::size_t hostile_friends) const {
  for (const auto& user : world_.users) {
    std::size_t bytes = 0;
    for (const auto& entry : user->state->load()) {
      bytes += entry.key.size() + entry.value.size();
    }
    const std::size_t most = state_bytes + hostile_friends * state_bytes_a_friend +
                             value(messages_, name_of(user->endpoint)) * state_bytes_a_message;
    if (bytes > most) {
      throw Broken(Fault::unbounded, "the state of a user has " + std::to_string(bytes) +
                                         " bytes, and may have " + std::to_string(most));
    }
  }
}

}  // namespace toxasync::sim
