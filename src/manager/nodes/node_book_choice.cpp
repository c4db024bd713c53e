// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "manager/nodes/node_book.hpp"

// NodeBook, the choice: which nodes are good, and which of them are used (docs/protocol.md, section 7,
// "Placement"). What is known of nodes is in node_book.cpp.

namespace toxasync::manager {

namespace {

/// The network that an address belongs to: IPv4 /16, IPv6 /32. Nothing for one that is not public: all nodes
/// of a private network would share it.
std::optional<ByteArray<5>> network_of(const Endpoint& endpoint) noexcept {
  if (!protocol::is_usable_address(endpoint, false)) {
    return std::nullopt;
  }
  ByteArray<5> network{endpoint.family};
  std::copy_n(endpoint.ip.begin(), endpoint.family == 4 ? 2 : 4, network.begin() + 1);
  return network;
}

/// Our user, or a friend who names it now: a friend could have named any number, one after the other.
bool is_named(const BookedNode& node) noexcept {
  return node.origin == Origin::configured || !node.claims.empty();
}

/// The friends on whose word selected nodes rest: each on that of another one, or on our user's. A friend who
/// names other nodes later has vouched nevertheless.
class Claimants {
 public:
  /// It is selected already.
  void hold(BookedNode& node) {
    if (node.vouched_by == FriendKey{}) {
      add(node);
    } else {
      vouched_.emplace(node.vouched_by, &node);
    }
  }
  /// False: each friend who names it vouches for another one.
  bool add(BookedNode& node) {
    std::set<FriendKey> asked;
    return !is_named(node) || node.origin == Origin::configured || assign(node, asked);
  }
  [[nodiscard]] const std::map<FriendKey, BookedNode*>& vouched() const noexcept { return vouched_; }

 private:
  /// A friend who vouches for another node already is free if somebody else can take that over.
  bool assign(BookedNode& node, std::set<FriendKey>& asked) {
    for (const auto& [who, addresses] : node.claims) {
      if (!asked.insert(who).second) {
        continue;
      }
      const auto other = vouched_.find(who);
      if (other == vouched_.end() || assign(*other->second, asked)) {
        vouched_[who] = &node;
        return true;
      }
    }
    return false;
  }

  std::map<FriendKey, BookedNode*> vouched_;
};

/// The rules of variety for the nodes that are chosen.
class Selection {
 public:
  Selection(const NodeBook& book, const std::vector<BookedNode*>& from)
      : book_(book),
        named_known_(std::ranges::any_of(from, [](const auto* node) { return is_named(*node); })) {}

  /// At most one that nobody named, where others are known: one attacker can make up any number.
  [[nodiscard]] bool admits(const BookedNode& node) const {
    return is_named(node) || !named_known_ || found_ == 0;
  }
  [[nodiscard]] bool admits_network(const BookedNode& node) const {
    const auto addresses = book_.addresses(node.id);
    return std::ranges::none_of(addresses, [this](const Endpoint& endpoint) {
      const auto network = network_of(endpoint);
      return network && networks_.contains(*network);
    });
  }
  void add(const BookedNode& node) {
    found_ += is_named(node) || node.vouched_by != FriendKey{} ? 0 : 1;
    for (const Endpoint& endpoint : book_.addresses(node.id)) {
      if (const auto network = network_of(endpoint)) {
        networks_.insert(*network);
      }
    }
  }

 private:
  const NodeBook& book_;
  bool named_known_;
  std::size_t found_ = 0;
  std::set<ByteArray<5>> networks_;
};

}  // namespace

std::uint32_t NodeBook::lost_now(const BookedNode& node) const {
  const std::int64_t halvings =
      std::clamp<std::int64_t>((unix_now() - node.lost_at) / lost_halves_after, 0, 31);
  return node.lost >> static_cast<unsigned>(halvings);
}

bool NodeBook::is_given_up(const BookedNode& node) const {
  return node.failures >= failures_to_give_up && unix_now() - node.silent_since >= silent_to_give_up;
}

bool NodeBook::is_good(const BookedNode& node) const {
  return lost_now(node) < lost_message && !is_given_up(node) && !node.given.empty();
}

bool NodeBook::demoted(const protocol::NodeId& id) const {
  const BookedNode* const node = find(id);
  return node != nullptr && lost_now(*node) >= lost_message;
}

bool NodeBook::given_up(const protocol::NodeId& id) const {
  const BookedNode* const node = find(id);
  return node != nullptr && is_given_up(*node);
}

bool NodeBook::answers(const BookedNode& node) const {
  return node.last_answer != UnixTime{} && node.failures == 0 && unix_now() - node.last_answer < lately;
}

std::size_t NodeBook::good() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(nodes_, [this](const auto& entry) { return is_good(entry.second); }));
}

std::vector<protocol::NodeId> NodeBook::nearest(const crypto::Point& p, std::size_t count) const {
  std::vector<std::pair<ByteArray<32>, protocol::NodeId>> order;
  for (const auto& [id, node] : nodes_) {
    const bool chosen = !node.claims.empty() || named_.contains(id);
    if (chosen && node.last_answer != UnixTime{} && is_good(node)) {
      order.emplace_back(crypto::h256({}, {p, id}), id);
    }
  }
  std::ranges::sort(order);
  std::vector<protocol::NodeId> nearest;
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) {
    nearest.push_back(order[i].second);
  }
  return nearest;
}

std::vector<protocol::NodeId> NodeBook::pick_home_nodes(std::size_t count,
                                                        std::span<const protocol::NodeId> others) {
  std::vector<BookedNode*> candidates;
  for (auto& [id, node] : nodes_) {
    const bool unnamed_now =
        node.origin == Origin::friends && node.claims.empty();  // it is not found by chance
    if (!unnamed_now && is_good(node) && answers(node) && !addresses(id).empty()) {
      candidates.push_back(&node);
    }
  }
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    std::swap(candidates[i], candidates[services_.random.below(i + 1)]);
  }
  std::stable_partition(candidates.begin(), candidates.end(),
                        [](const auto* node) { return is_named(*node); });
  Selection selection(*this, candidates);
  Claimants claimants;
  for (const auto& id : others) {
    if (BookedNode* const node = entry(id)) {
      selection.add(*node);
      claimants.hold(*node);
    }
  }
  std::vector<protocol::NodeId> picked;
  for (auto* node : candidates) {
    if (picked.size() < count && std::ranges::find(others, node->id) == others.end() &&
        selection.admits(*node) && selection.admits_network(*node) && claimants.add(*node)) {
      selection.add(*node);
      picked.push_back(node->id);
      node->vouched_by = {};
      changed(*node);
    }
  }
  for (const auto& [who, node] : claimants.vouched()) {
    if (node->vouched_by != who) {
      node->vouched_by = who;
      changed(*node);
    }
  }
  if (!picked.empty()) {
    save();  // before the home nodes that rest on it
  }
  return picked;
}

std::vector<Bytes> NodeBook::descriptors_to_share(std::size_t count) const {
  std::vector<Bytes> descriptors;
  for (const auto& [id, node] : nodes_) {
    if (descriptors.size() < count && !is_chosen(node.origin) && !homes_.contains(id) &&
        !node.described.empty() && is_good(node) && answers(node)) {
      descriptors.push_back(node.descriptor);
    }
  }
  return descriptors;
}

}  // namespace toxasync::manager
