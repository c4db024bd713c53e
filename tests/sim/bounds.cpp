// SPDX-License-Identifier: GPL-3.0-or-later
#include "bounds.hpp"

#include <algorithm>

#include "client/retrieve_operation.hpp"
#include "manager/core/state_tables.hpp"
#include "manager/keys/friend_book.hpp"
#include "manager/nodes/address_budget.hpp"
#include "manager/polling/poller.hpp"

// What is sent: to nodes, and to addresses of nobody. bounds_states.cpp: what is kept.

namespace toxasync::sim {

namespace {

using manager::AddressBudget;

/// A client's packets for nothing to one node in a day: it polls for two roots and their cover, in five
/// epochs, one of them each two minutes; and after a start.
constexpr std::uint64_t packets_a_day = 12'000;
constexpr std::uint64_t roots_of_it = 2;  ///< More are polled when friends were removed.
constexpr std::uint64_t packets_a_start = 800;
/// To one that announces mail all the time.
constexpr auto packets_a_day_announced =
    static_cast<std::uint64_t>(24h / manager::Poller::announced_poll_every) * 4;
/// Of a message in 72 parts, to 3 installations, each packet 8 times at most.
constexpr std::uint64_t packets_a_message = 72ULL * 3 * 8;

Endpoint host_of(Endpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

std::uint64_t value(const std::map<Endpoint, std::uint64_t>& counts, const Endpoint& of) {
  const auto found = counts.find(of);
  return found == counts.end() ? 0 : found->second;
}

bool is_of(Namer first, const Endpoint& host) {
  constexpr int each = 20;
  return host.family == 4 && host.ip[0] >= static_cast<int>(first) &&
         host.ip[0] < static_cast<int>(first) + each;
}

/// The friends whose bundles name the IPv4 address.
std::set<manager::FriendKey> friends_who_name(const test::User& user, const Endpoint& address) {
  const auto ip = ByteView(address.ip).first(4);
  std::set<manager::FriendKey> named_by;
  for (const auto& [key, bundle] : user.state->durable()) {
    if (static_cast<manager::Table>(key[0]) == manager::Table::friend_keys &&
        std::search(bundle.begin(), bundle.end(), ip.begin(), ip.end()) != bundle.end()) {
      named_by.insert(id_from<manager::FriendKey>(ByteView(key).subspan(1)));
    }
  }
  return named_by;
}

}  // namespace

void Bounds::must(Bound bound, std::uint64_t is, std::uint64_t most, const std::string& what) const {
  constexpr std::uint64_t canary_counts = 1000;
  note_reached(reached_, what, {is, most});
  if (is * (canary_ == bound ? canary_counts : 1) > most) {
    throw Broken(Fault::unbounded,
                 what + ": " + std::to_string(is) + ", and it may be " + std::to_string(most));
  }
}

const test::User* Bounds::user_at(const Endpoint& endpoint) const {
  const auto found = std::ranges::find(world_.users, endpoint, [](const auto& one) { return one->endpoint; });
  return found == world_.users.end() ? nullptr : found->get();
}

Endpoint Bounds::name_of(const Endpoint& endpoint) const {
  const auto found = names_.find(endpoint);
  return found == names_.end() ? endpoint : found->second;
}

void Bounds::on_packet(const test::MockNetwork::Packet& packet) {
  const auto add = [&](Traffic& traffic) {
    ++traffic.packets;
    traffic.bytes += packet.bytes.size();
  };
  if (is_nobody(packet.to)) {
    on_try(packet);
    add(to_nobody_[{name_of(packet.from), host_of(packet.to)}]);
  } else if (is_nobody(packet.from)) {
    add(from_nobody_[{host_of(packet.from), name_of(packet.to)}]);
  } else {
    add(sent_[{name_of(packet.from), name_of(packet.to)}]);
  }
}

void Bounds::on_try(const test::MockNetwork::Packet& packet) {
  const auto* const user = user_at(packet.from);
  if (user == nullptr) {
    return;
  }
  const auto header = protocol::read_frame_header(packet.bytes);
  not_first_ += header && header->cookie == protocol::Cookie{} ? 0 : 1;
  const Endpoint name = name_of(packet.from);
  if (is_of(Namer::first_node, packet.to) && !friends_who_name(*user, packet.to).empty()) {
    ++passed_on_[{name, packet.to.ip[0]}];
  }
  if (is_of(Namer::first_friend, packet.to) && friends_who_name(*user, packet.to).empty()) {
    ++named_no_longer_[{name, packet.to.ip[0]}];
  }
  Tries& tries = tries_[{name, packet.to}];
  if (const auto start = value(crashes_, name); tries.start != start) {
    tries = {start, 0, {}};
  }
  const auto now = world_.clock.steady();
  too_early_ += tries.packets > 0 && (now < tries.next || canary_ == Bound::pauses) ? 1 : 0;
  tries.next = now + AddressBudget::pauses.at(std::min(tries.packets, AddressBudget::pauses.size() - 1));
  ++tries.packets;
}

void Bounds::on_endless_window(const Endpoint& user, const Endpoint& node, const crypto::Point& mailbox) {
  Endless& endless =
      endless_.try_emplace({name_of(user), name_of(node)}, Endless{world_.clock.steady(), {}, 0})
          .first->second;
  endless.mailboxes.insert(mailbox);
  ++endless.windows;
}

/// After a start each mailbox may be asked for before the first is found to be endless; after that one of
/// them after each pause, and one that was asked for meanwhile.
void Bounds::check_endless(const test::User& user) const {
  // A window that is not whole is left after a time-out.
  constexpr auto windows_of_one = static_cast<std::uint64_t>(
      client::RetrieveOperation::most_empty_pages / client::ClientConfig{}.window +
      client::ClientConfig{}.longest_retrieve / (client::RetryPolicy{}.first_timeout * 4 / 5));
  for (const auto& [link, endless] : endless_) {
    if (link.first == name_of(user.endpoint)) {
      const auto pauses = static_cast<std::uint64_t>((world_.clock.steady() - endless.first) /
                                                     manager::Poller::endless_pause) +
                          1;
      must(Bound::traffic, endless.windows,
           ((value(crashes_, link.first) + 1) * endless.mailboxes.size() + 2 * pauses) * windows_of_one,
           "times that a user asked for more of mailboxes without an end");
    }
  }
}

void Bounds::check_traffic() const {
  for (const auto& user : world_.users) {
    check_sent(*user);
    check_named(*user);
  }
  check_nodes();
  check_instances();
}

/// To one node. Its answers do not count: it can send any number.
void Bounds::check_sent(const test::User& user) const {
  const Endpoint name = name_of(user.endpoint);
  const std::uint64_t roots = std::max<std::uint64_t>(user.rows('R'), roots_of_it);
  for (const auto& [link, traffic] : sent_) {
    if (link.first == name) {
      const auto a_day = packets_a_day * roots / roots_of_it +
                         (hostile_nodes_.contains(link.second) ? packets_a_day_announced : 0);
      must(Bound::traffic, traffic.packets,
           days_passed() * a_day + (value(crashes_, name) + 1) * packets_a_start +
               value(messages_, name) * packets_a_message,
           "packets of a user to one node");
    }
  }
}

/// To addresses of nobody.
void Bounds::check_named(const test::User& user) const {
  const auto times = [this](std::uint64_t at_once, milliseconds each) {
    return at_once + days_passed() * static_cast<std::uint64_t>(24h / each);
  };
  const Endpoint name = name_of(user.endpoint);
  const auto crashes = value(crashes_, name);
  const auto most_host =
      times(AddressBudget::packets_per_host * (value(forgotten_, name) + 1), AddressBudget::host_each) +
      crashes;
  const auto most_friend = times(AddressBudget::packets_per_friend * (crashes + 1 + value(friendings_, name)),
                                 AddressBudget::friend_each);
  const auto most_node = times(AddressBudget::packets_per_node * (crashes + 1), AddressBudget::node_each);
  std::map<std::uint8_t, std::uint64_t> named;
  std::uint64_t found = 0;
  for (const auto& [link, traffic] : to_nobody_) {
    if (link.first != name) {
      continue;
    }
    must(Bound::strangers, traffic.packets, most_host, "packets of a user to a host that never answered");
    if (is_of(Namer::first_friend, link.second) || is_of(Namer::first_node, link.second)) {
      named[link.second.ip[0]] += traffic.packets;
    } else if (is_of(Namer::first_found_node, link.second)) {
      found += traffic.packets;
    }
  }
  for (const auto& [namer, packets] : named) {
    const bool by_node = namer >= static_cast<std::uint8_t>(Namer::first_node);
    // What a node says of itself is in the bundles of those whose home node it is, and counts for them there.
    const auto known = passed_on_.find({name, namer});
    const auto passed_on = known == passed_on_.end() ? 0 : known->second;
    const auto no_longer = named_no_longer_.find({name, namer});
    const auto nobodys = no_longer == named_no_longer_.end() ? 0 : no_longer->second;
    found += nobodys;
    must(Bound::strangers, packets - passed_on - nobodys, by_node ? most_node : most_friend,
         std::string("packets of a user to hosts that never answered, named by one ") +
             (by_node ? "node" : "friend"));
    must(Bound::strangers, passed_on, most_friend * (world_.users.size() - 1),
         "packets of a user to hosts that never answered, named by one node and passed on by friends");
  }
  must(Bound::strangers, found, most_friend,
       "packets of a user to hosts that never answered, named by nobody, or no longer");
  must(Bound::pauses, too_early_, 0, "packets to an address that never answered, within its pause");
  // Where no cookie reply came from, nobody is to see a cookie, or what a request would hold.
  must(Bound::pauses, not_first_, 0, "packets to an address that never answered, which are no first ones");
}

/// An honest node sends no more to a forged source than came from there.
void Bounds::check_nodes() const {
  for (const auto& node : world_.nodes) {
    const Endpoint name = name_of(node->endpoint);
    for (const auto& [link, traffic] : to_nobody_) {
      if (link.first == name && !hostile_nodes_.contains(name)) {
        const auto in = from_nobody_.find({link.second, link.first});
        must(Bound::strangers, traffic.bytes, in == from_nobody_.end() ? 0 : in->second.bytes,
             "bytes of a node to a forged source");
      }
    }
  }
}

/// A friend can make a new instance seem necessary; whoever goes on with another disk has a new one, too.
void Bounds::check_instances() const {
  for (const auto& [given, instances] : instances_) {
    const auto most = 1 +
                      static_cast<std::uint64_t>(days_passed() * (24h / manager::FriendBook::renew_every)) +
                      value(crashes_, given.first) + value(friendings_, given.first);
    must(Bound::instances, instances.size(), most, "instances of a user that a friend was given");
  }
}

}  // namespace toxasync::sim
