// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/nodes/node_book.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

namespace toxasync::manager {

namespace {

struct NodeRecord {
  Origin origin = Origin::dht;
  UnixTime learnt{};
  std::vector<protocol::Address> heard;
  Bytes descriptor;
  protocol::Address answered_at;
  UnixTime last_answer{}, silent_since{};
  std::uint32_t failures = 0, lost = 0;
  UnixTime lost_at{}, asked{}, ask_at{};
  FriendKey vouched_by{};

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.origin, self.learnt, wire::bounded<limits::addresses_per_node>(self.heard),
                 wire::bounded<limits::descriptor>(self.descriptor), self.answered_at, self.last_answer,
                 self.silent_since, self.failures, self.lost, self.lost_at, self.asked, self.ask_at,
                 self.vouched_by);
  }
};

void append(std::vector<Endpoint>& to, const Endpoint& endpoint, std::size_t most) {
  if (endpoint.family != 0 && to.size() < most && std::ranges::find(to, endpoint) == to.end()) {
    to.push_back(endpoint);
  }
}

void append(std::vector<Endpoint>& to, const std::vector<Endpoint>& endpoints, std::size_t most) {
  for (const Endpoint& endpoint : endpoints) {
    append(to, endpoint, most);
  }
}

}  // namespace

bool NodeBook::load(const store::StateEntry& row) {
  if (static_cast<Table>(row.key[0]) == Table::host) {
    return addresses_.load(services_.telemetry, row, services_.clock.now());
  }
  const ByteView name = ByteView(row.key).subspan(1);
  if (name.size() != sizeof(protocol::NodeId)) {
    return false;
  }
  NodeRecord record;
  if (!read_record(services_.telemetry, row, record)) {
    return true;
  }
  BookedNode node;
  node.id = id_from<protocol::NodeId>(name);
  node.origin = std::min(record.origin, Origin::dht);
  node.learnt = record.learnt;
  for (const auto& address : record.heard) {
    node.heard.push_back(address.endpoint);
  }
  node.answered_at = record.answered_at.endpoint;
  node.last_answer = record.last_answer;
  node.silent_since = record.silent_since;
  node.failures = record.failures;
  node.lost = record.lost;
  node.lost_at = record.lost_at;
  node.asked = record.asked;
  node.ask_at = record.ask_at;
  node.vouched_by = record.vouched_by;
  describe(node, std::move(record.descriptor));
  const auto known = nodes_.find(node.id);
  if (known != nodes_.end() && known->second.origin <= node.origin) {  // the home nodes' table came first
    node.origin = known->second.origin;
    node.heard = known->second.heard;
  }
  BookedNode& placed = nodes_[node.id] = std::move(node);
  update_client(placed);
  return true;
}

void NodeBook::set_self(const protocol::NodeId& id) {
  self_ = id;
  if (nodes_.contains(id)) {
    forget(id);
  }
}

void NodeBook::set_home(const protocol::NodeId& id, bool home) {
  if (home) {
    homes_.insert(id);
  } else {
    homes_.erase(id);
  }
}

void NodeBook::set_named(const protocol::NodeId& id, bool named) {
  if (named) {
    named_.insert(id);
  } else {
    named_.erase(id);
  }
}

// --- Learning of nodes ---

void NodeBook::learn(const client::KnownNode& known, Origin origin) {
  auto endpoints = usable(known.endpoints);
  if (endpoints.empty()) {
    return;
  }
  BookedNode* node = entry(known.id);
  if (node == nullptr) {
    node = add(known.id, origin);
  }
  if (node == nullptr) {
    return;
  }
  if (origin <= node->origin || node->heard.empty()) {
    if (node->heard != endpoints || origin < node->origin) {
      node->heard = std::move(endpoints);
      changed(*node);
    }
    node->origin = std::min(node->origin, origin);
  }
  update_client(*node);
  make_room();
}

void NodeBook::learn(ByteView bytes, const Endpoint& at, Origin origin) {
  const auto descriptor = protocol::NodeDescriptor::decode_signed(bytes);
  if (!descriptor) {
    return;
  }
  client::KnownNode known{descriptor->id, {}};
  for (const auto& address : descriptor->addresses) {
    if (is_usable(address.endpoint)) {
      append(known.endpoints, address.endpoint, limits::addresses_per_node - 1);
    }
  }
  append(known.endpoints, at, limits::addresses_per_node);
  learn(known, origin);
}

void NodeBook::claim(const FriendKey& whose, std::span<const protocol::HomeNode> homes) {
  std::vector<protocol::NodeId> claimed;
  for (const auto& home : homes) {
    claimed.push_back(home.id);
  }
  for (const auto& id : std::exchange(claimed_[whose], std::move(claimed))) {
    BookedNode* const node = entry(id);
    if (node != nullptr && std::ranges::find(claimed_[whose], id) == claimed_[whose].end()) {
      drop_claim(*node, whose);
    }
  }
  if (homes.empty()) {
    claimed_.erase(whose);
    addresses_.forget(whose);
  }
  for (const auto& home : homes) {
    BookedNode* node = entry(home.id);
    if (node == nullptr) {
      node = add(home.id, Origin::friends);
    }
    if (node == nullptr) {
      continue;  // our own
    }
    std::vector<Endpoint> endpoints;
    for (const auto& address : home.addresses) {
      endpoints.push_back(address.endpoint);
    }
    node->claims[whose] = usable(std::move(endpoints));
    if (node->origin > Origin::friends) {
      node->origin = Origin::friends;
      changed(*node);
    }
    update_client(*node);
  }
  make_room();
}

/// What the friend said stays as a last resort where nothing better is known: mail may still be there.
void NodeBook::drop_claim(BookedNode& node, const FriendKey& whose) {
  auto endpoints = std::move(node.claims[whose]);
  node.claims.erase(whose);
  if (node.heard.empty() && node.described.empty()) {
    node.heard = std::move(endpoints);
    changed(node);
  }
  update_client(node);
}

BookedNode* NodeBook::add(const protocol::NodeId& id, Origin origin) {
  if (self_ == id) {
    return nullptr;
  }
  BookedNode& node = nodes_[id];
  node.id = id;
  node.origin = origin;
  node.learnt = unix_now();
  changed(node);
  return &node;
}

BookedNode* NodeBook::entry(const protocol::NodeId& id) {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

const BookedNode* NodeBook::find(const protocol::NodeId& id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

void NodeBook::describe(BookedNode& node, Bytes descriptor) const {
  const auto read = protocol::NodeDescriptor::decode_signed(descriptor);
  if (!read || read->id != node.id) {
    return;
  }
  node.descriptor = std::move(descriptor);
  node.described.clear();
  for (const auto& address : read->addresses) {
    if (is_usable(address.endpoint)) {
      append(node.described, address.endpoint, limits::addresses_per_node);
    }
  }
}

// --- Answers and failures ---

void NodeBook::on_news(const client::NodeNews& news, Now now) {
  BookedNode* const node = entry(news.node);
  if (node == nullptr) {
    return;
  }
  if (!news.answered) {
    const SteadyTime network_answered = answered_last_ == news.node ? other_answered_ : answered_;
    const bool network = network_answered != long_ago && now.steady - network_answered < failures_apart;
    const bool counts = node->failed == long_ago || now.steady - node->failed >= failures_apart;
    if (network && counts) {
      node->failed = now.steady;
      node->silent_since = node->silent_since == UnixTime{} ? now.unix_time() : node->silent_since;
      ++node->failures;
      changed(*node);
    }
    return;
  }
  if (answered_last_ != news.node) {
    other_answered_ = answered_;
    answered_last_ = news.node;
  }
  answered_ = now.steady;
  constexpr seconds coarse = 1h;  // on disk
  if (now.unix_time() - node->last_answer >= coarse || node->failures != 0 || !news.descriptor.empty()) {
    changed(*node);
  }
  node->last_answer = now.unix_time();
  node->silent_since = UnixTime{};
  node->failures = 0;
  if (is_usable(news.from)) {
    node->answered_at = news.from;
  }
  if (!news.descriptor.empty()) {
    describe(*node, news.descriptor);
  }
  update_client(*node);
}

void NodeBook::on_message_lost(const protocol::NodeId& id) {
  if (BookedNode* const node = entry(id)) {
    node->lost = std::min(lost_now(*node) + lost_message, lost_at_most);
    node->lost_at = unix_now();
    changed(*node);
    save();
  }
}

void NodeBook::set_asked(const protocol::NodeId& id, UnixTime ask_at) {
  if (BookedNode* const node = entry(id)) {
    node->asked = unix_now();
    node->ask_at = ask_at;
    changed(*node);
  }
}

void NodeBook::clamp(const CertainDate& date) {
  for (auto& [id, node] : nodes_) {
    for (UnixTime* const mark : {&node.learnt, &node.silent_since, &node.lost_at, &node.asked}) {
      *mark = date.clamped(*mark);
    }
    if (date.clamped(node.last_answer) != node.last_answer) {
      node.last_answer = date.now() - lately;  // it is not known when
    }
  }
  store::StateBatch batch;
  addresses_.forget_full(services_.clock.now().steady, batch);
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

// --- Addresses ---

bool NodeBook::is_usable(const Endpoint& endpoint) const noexcept {
  return protocol::is_usable_address(endpoint, services_.config.allow_local_addresses);
}

std::vector<Endpoint> NodeBook::usable(std::vector<Endpoint> endpoints) const {
  std::erase_if(endpoints, [this](const Endpoint& endpoint) { return !is_usable(endpoint); });
  endpoints.resize(std::min(endpoints.size(), limits::addresses_per_node));
  return endpoints;
}

std::vector<Endpoint> NodeBook::to_try(const BookedNode& node) const {
  std::vector<Endpoint> endpoints;
  append(endpoints, node.described, endpoints_tried);
  append(endpoints, node.answered_at, endpoints_tried);
  if (node.origin == Origin::configured) {
    append(endpoints, node.heard, endpoints_tried);
  }
  for (std::size_t turn = 0; turn < limits::addresses_per_node; ++turn) {
    for (const auto& [whose, claimed] : node.claims) {
      if (turn < claimed.size()) {
        append(endpoints, claimed[turn], endpoints_tried);
      }
    }
  }
  append(endpoints, node.heard, endpoints_tried);
  return endpoints;
}

void NodeBook::update_client(BookedNode& node) {
  auto endpoints = to_try(node);
  if (endpoints != node.given) {
    node.given = std::move(endpoints);
    std::erase_if(node.configured, [&](const auto& entry) {
      return std::ranges::find(node.heard, entry.first) == node.heard.end();
    });
    std::erase_if(node.answering, [&](const auto& entry) {
      return std::ranges::find(node.given, entry.first) == node.given.end();
    });
    services_.client.set_node({node.id, node.given});
  }
}

std::vector<Endpoint> NodeBook::addresses(const protocol::NodeId& id) const {
  std::vector<Endpoint> endpoints;
  if (const BookedNode* const node = find(id)) {
    append(endpoints, node->described, limits::addresses_per_node);
    if (endpoints.empty() || node->origin == Origin::configured) {
      append(endpoints, node->heard, limits::addresses_per_node);
    }
    if (endpoints.empty()) {
      append(endpoints, node->answered_at, limits::addresses_per_node);
    }
  }
  return endpoints;
}

// --- Bounds, and the disk ---

/// Keeps most_unused of the nodes that nobody uses.
void NodeBook::make_room() {
  if (nodes_.size() <= most_unused) {
    return;
  }
  std::vector<const BookedNode*> unused;
  for (const auto& [id, node] : nodes_) {
    if (node.claims.empty() && !homes_.contains(id)) {
      unused.push_back(&node);
    }
  }
  while (unused.size() > most_unused) {
    const auto worth = [this](const BookedNode* node) {
      return std::tuple(is_good(*node), node->last_answer != UnixTime{}, is_chosen(node->origin),
                        std::max(node->last_answer, node->learnt));
    };
    const auto least = std::ranges::min_element(unused, {}, worth);
    const protocol::NodeId id = (*least)->id;
    unused.erase(least);
    forget(id);
  }
}

void NodeBook::forget(const protocol::NodeId& id) {
  services_.state.keep({erase_record(state_key(Table::node, {id}))});
  services_.client.forget_node(id, services_.clock.now());
  nodes_.erase(id);
}

void NodeBook::changed(BookedNode& node) {
  node.unsaved = true;
  save_at_ = std::min(save_at_, services_.clock.now().steady + save_after);
}

void NodeBook::save() {
  save_at_ = never;
  store::StateBatch batch;
  for (auto& [id, node] : nodes_) {
    if (!node.unsaved) {
      continue;
    }
    node.unsaved = false;
    NodeRecord record{
        node.origin,       node.learnt,   {},        node.descriptor, {node.answered_at}, node.last_answer,
        node.silent_since, node.failures, node.lost, node.lost_at,    node.asked,         node.ask_at,
        node.vouched_by};
    for (const auto& endpoint : node.heard) {
      record.heard.push_back({endpoint});
    }
    batch.push_back(put_record(state_key(Table::node, {id}), record));
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

void NodeBook::tick(Now now) {
  if (now.steady >= save_at_) {
    save();
  }
}

}  // namespace toxasync::manager
