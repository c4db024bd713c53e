// SPDX-License-Identifier: GPL-3.0-or-later
#include "bounds.hpp"

#include <algorithm>

#include "manager/core/state_tables.hpp"
#include "manager/inbox/delivery_order.hpp"
#include "manager/inbox/receipts.hpp"
#include "manager/keys/friend_book.hpp"
#include "manager/keys/key_ring.hpp"
#include "manager/nodes/address_budget.hpp"
#include "manager/outbox/message_sealer.hpp"

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
constexpr std::uint64_t packets_a_message = 72ULL * 5 * 3 * 8;
/// For one packet or tick: a window of envelopes, each opened with the keys that it may be for, and messages
/// that are sealed; and a bundle for each friend.
constexpr std::size_t agreements_an_event =
    limits::window * limits::envelopes_per_page * (manager::KeyRing::roots_held + 2) +
    manager::MessageSealer::seals_per_tick * 4;
/// On the disk, in bytes: keys, nodes; for each hostile friend parts, ids, keys, mail that waits.
constexpr std::size_t state_bytes = 1'000'000;
constexpr std::size_t state_bytes_a_friend = 4'000'000;
constexpr std::size_t state_bytes_a_message = 100'000;

Endpoint host_of(Endpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

void must(bool holds, const std::string& what) {
  if (!holds) {
    throw Broken(Fault::unbounded, what);
  }
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
    on_try(packet.from, packet.to);
    add(to_nobody_[{name_of(packet.from), host_of(packet.to)}]);
  } else if (is_nobody(packet.from)) {
    add(from_nobody_[{host_of(packet.from), name_of(packet.to)}]);
  } else {
    add(out_[name_of(packet.from)]);
    ++in_[name_of(packet.to)].packets;
  }
}

void Bounds::on_try(const Endpoint& user, const Endpoint& address) {
  const Endpoint name = name_of(user);
  Tries& tries = tries_[{name, address}];
  if (const auto start = value(crashes_, name); tries.start != start) {
    tries = {start, 0, {}};
  }
  const auto now = world_.clock.steady();
  too_early_ += std::ranges::any_of(world_.users, [&](const auto& one) { return one->endpoint == user; }) &&
                tries.packets > 0 && now < tries.next;
  tries.next = now + AddressBudget::pauses.at(std::min(tries.packets, AddressBudget::pauses.size() - 1));
  ++tries.packets;
}

void Bounds::on_event() {
  const auto all = test::key_agreements();
  most_agreements_ = std::max(most_agreements_, factor_ * (all - agreements_));
  agreements_ = all;
}

void Bounds::check(const std::vector<FriendKey>& hostile_friends) const {
  const auto days = static_cast<std::uint64_t>((world_.clock.steady() - began_) / 24h) + 1;
  check_traffic(days);
  check_strangers(hostile_friends.size(), days);
  check_states(hostile_friends.size());
  check_tables(hostile_friends.size());
  const std::size_t friends = world_.users.size() - 1 + hostile_friends.size();
  const auto may = friends * manager::FriendBook::bundle_keys + agreements_an_event;
  must(most_agreements_ <= may, "a packet or a tick has cost " + std::to_string(most_agreements_) +
                                    " key agreements, and may cost " + std::to_string(may));
}

void Bounds::check_traffic(std::uint64_t days) const {
  for (const auto& user : world_.users) {
    const Endpoint name = name_of(user->endpoint);
    const auto out = out_.find(name);
    const auto in = in_.find(name);
    const auto most = days * packets_a_day + (value(crashes_, name) + 1) * packets_a_start +
                      value(messages_, name) * packets_a_message +
                      packets_for_one * (in == in_.end() ? 0 : in->second.packets);
    must(out == out_.end() || out->second.packets <= most,
         "a user has sent " + std::to_string(out == out_.end() ? 0 : out->second.packets) +
             " packets, and may send " + std::to_string(most));
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

void Bounds::check_strangers(std::size_t hostile_friends, std::uint64_t days) const {
  const auto times = [&](std::uint64_t at_once, milliseconds each) {
    return at_once + days * static_cast<std::uint64_t>(24h / each);
  };
  must(too_early_ == 0, std::to_string(too_early_) +
                            " packets to an address from which nobody answered, "
                            "within its pause");
  for (const auto& user : world_.users) {
    const Endpoint name = name_of(user->endpoint);
    const auto crashes = value(crashes_, name);
    const auto may_host = times(AddressBudget::packets_per_host, AddressBudget::host_each) + crashes;
    const auto payers = world_.users.size() + hostile_friends + value(friendings_, name);
    const auto may_all =
        payers * times(AddressBudget::packets_per_friend * (crashes + 1), AddressBudget::friend_each);
    std::uint64_t all = 0;
    for (const auto& [link, traffic] : to_nobody_) {
      if (link.first == name) {
        must(traffic.packets <= may_host, "a user has sent " + std::to_string(traffic.packets) +
                                              " packets to a host from which nobody answered, and may send " +
                                              std::to_string(may_host));
        all += traffic.packets;
      }
    }
    must(all <= may_all, "a user has sent " + std::to_string(all) +
                             " packets to hosts from which nobody answered, and may send " +
                             std::to_string(may_all));
  }
}

void Bounds::check_states(std::size_t hostile_friends) const {
  for (const auto& user : world_.users) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : user->state->durable()) {
      bytes += key.size() + value.size();
    }
    const std::size_t most = state_bytes + hostile_friends * state_bytes_a_friend +
                             value(messages_, name_of(user->endpoint)) * state_bytes_a_message;
    must(bytes <= most,
         "the state of a user has " + std::to_string(bytes) + " bytes, and may have " + std::to_string(most));
  }
}

void Bounds::check_tables(std::size_t hostile_friends) const {
  using manager::Table;
  const std::size_t friends = world_.users.size() - 1 + hostile_friends;
  const std::map<Table, std::size_t> most{
      {Table::root, manager::KeyRing::roots_held},
      {Table::one_time, friends * manager::FriendBook::keys_held},
      {Table::friend_record, friends},
      {Table::friend_keys, friends * limits::instances_per_friend},
      {Table::friend_use, friends * limits::instances_per_friend},
      {Table::inbox, friends * manager::DeliveryOrder::messages_waiting.each},
      {Table::order, friends * manager::DeliveryOrder::orders_per_friend},
      {Table::receipt_due, friends * manager::Receipts::due_per_friend},
      {Table::host, AddressBudget::most_remembered},
  };
  for (const auto& user : world_.users) {
    std::map<Table, std::size_t> rows;
    for (const auto& [key, value] : user->state->durable()) {
      ++rows[static_cast<Table>(key[0])];
    }
    for (const auto& [table, limit] : most) {
      must(rows[table] <= limit, std::string("the state of a user has ") + std::to_string(rows[table]) +
                                     " rows in table " + static_cast<char>(table) + ", and may have " +
                                     std::to_string(limit));
    }
  }
}

}  // namespace toxasync::sim
