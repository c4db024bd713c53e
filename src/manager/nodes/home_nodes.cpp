// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/home_nodes.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

namespace {

struct HomeNodeRecord {
  std::vector<protocol::Address> addresses;
  UnixTime added{};
  UnixTime retired{};
  ChosenBy by = ChosenBy::user;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::bounded<limits::addresses_per_node>(self.addresses), self.added, self.retired,
                 self.by);
  }
};

}  // namespace

bool HomeNodes::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(protocol::NodeId)) {
    return false;
  }
  HomeNodeRecord record;
  if (read_record(services_.telemetry, entry, record)) {
    OwnHomeNode node{{id_from<protocol::NodeId>(name), {}}, record.added, record.retired, record.by};
    for (const auto& address : record.addresses) {
      node.known.endpoints.push_back(address.endpoint);
    }
    place(std::move(node));
  }
  return true;
}

/// What the user says is the book's first source; what the selector chose was in the book, and still is
/// unless its record was damaged.
OwnHomeNode& HomeNodes::place(OwnHomeNode node) {
  OwnHomeNode& placed = nodes_[node.known.id];
  placed = std::move(node);
  book_.set_home(placed.known.id, true);
  book_.set_named(placed.known.id, placed.by == ChosenBy::user && placed.retired == UnixTime{});
  book_.learn(placed.known, placed.by == ChosenBy::user ? Origin::configured : Origin::dht);
  return placed;
}

void HomeNodes::save(const OwnHomeNode& node) {
  HomeNodeRecord record{{}, node.added, node.retired, node.by};
  for (const auto& endpoint : node.known.endpoints) {
    record.addresses.push_back({endpoint});
  }
  services_.state.keep({put_record(state_key(Table::home_node, {node.known.id}), record)});
}

Result<bool, NodeError> HomeNodes::add(const client::KnownNode& node, ChosenBy by) {
  const auto usable = [this](const Endpoint& endpoint) {
    return protocol::is_usable_address(endpoint, services_.config.allow_local_addresses);
  };
  if (node.endpoints.empty() || node.endpoints.size() > limits::addresses_per_node ||
      !std::ranges::all_of(node.endpoints, usable)) {
    return NodeError::bad_address;
  }
  const auto found = nodes_.find(node.id);
  const bool used = found != nodes_.end() && found->second.retired == UnixTime{};
  if (used && (by == ChosenBy::selector ||
               (found->second.by == ChosenBy::user && found->second.known.endpoints == node.endpoints))) {
    return false;
  }
  if (!used && in_use().size() >= limits::home_nodes) {
    const auto chosen = chosen_by_selector();
    if (by == ChosenBy::selector || chosen.empty()) {
      return NodeError::too_many;
    }
    (void)remove(chosen.front());
  }
  const UnixTime added = found != nodes_.end() ? found->second.added : UnixTime{};
  save(place({node, added == UnixTime{} ? services_.clock.now().unix_time() : added, {}, by}));
  changed_ = true;
  return true;
}

Result<bool, NodeError> HomeNodes::remove(const protocol::NodeId& id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end() || found->second.retired != UnixTime{}) {
    return NodeError::unknown;
  }
  found->second.retired = services_.clock.stamp();
  book_.set_named(id, false);
  save(found->second);
  changed_ = true;
  return true;
}

void HomeNodes::announce() {
  if (std::exchange(changed_, false)) {
    listener_.on_home_nodes_changed();
  }
}

std::vector<protocol::NodeId> HomeNodes::forget_retired(const CertainDate& date, store::StateBatch& batch) {
  std::vector<std::pair<UnixTime, protocol::NodeId>> retired;  // the oldest first
  for (const auto& [id, node] : nodes_) {
    if (node.retired != UnixTime{}) {
      retired.emplace_back(node.retired, id);
    }
  }
  std::ranges::sort(retired);
  std::vector<protocol::NodeId> forgotten;
  for (const auto& [retired_at, id] : retired) {
    const std::size_t left = retired.size() - forgotten.size();
    if (left <= most_retired && retired_at + retired_kept >= date.passed()) {
      break;
    }
    batch.push_back(erase_record(state_key(Table::home_node, {id})));
    nodes_.erase(id);
    book_.set_home(id, false);
    forgotten.push_back(id);
  }
  return forgotten;
}

void HomeNodes::clamp(const CertainDate& date) {
  for (auto& [id, node] : nodes_) {
    const bool ahead = date.clamped(node.added) != node.added;
    const UnixTime added = ahead ? date.now() - limits::largest_time_to_live : node.added;
    const UnixTime retired = date.clamped(node.retired);
    if (added != node.added || retired != node.retired) {
      node.added = added;
      node.retired = retired;
      save(node);
    }
  }
}

std::vector<protocol::NodeId> HomeNodes::ids_in_use() const {
  std::vector<protocol::NodeId> ids;
  for (const auto& [id, node] : nodes_) {
    if (node.retired == UnixTime{}) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::vector<protocol::HomeNode> HomeNodes::in_use() const {
  std::vector<protocol::HomeNode> homes;
  for (const auto& [id, node] : nodes_) {
    if (node.retired == UnixTime{}) {
      protocol::HomeNode home{id, {}};
      const auto addresses = book_.addresses(id);  // where it is now, if it has said so
      for (const auto& endpoint : addresses.empty() ? node.known.endpoints : addresses) {
        home.addresses.push_back({endpoint});
      }
      homes.push_back(std::move(home));
    }
  }
  return homes;
}

std::vector<protocol::NodeId> HomeNodes::named() const {
  std::vector<protocol::NodeId> ids;
  for (const auto& [id, node] : nodes_) {
    if (node.retired == UnixTime{} && node.by == ChosenBy::user) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::vector<protocol::NodeId> HomeNodes::chosen_by_selector() const {
  std::vector<protocol::NodeId> ids;
  for (const auto& [id, node] : nodes_) {
    if (node.retired == UnixTime{} && node.by == ChosenBy::selector) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::vector<HomeNodeStatus> HomeNodes::status() const {
  std::vector<HomeNodeStatus> all;
  for (const auto& [id, node] : nodes_) {
    if (node.retired == UnixTime{}) {
      all.push_back({node.known, services_.client.node_status(id).value_or(client::NodeStatus{}),
                     node.by == ChosenBy::selector});
    }
  }
  return all;
}

}  // namespace toxasync::manager
