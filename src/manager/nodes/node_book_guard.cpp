// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "manager/nodes/node_book.hpp"

// NodeBook, what may be sent to the addresses of nodes: docs/protocol.md, section 7, "Addresses".

namespace toxasync::manager {

namespace {

bool is_users(const BookedNode& node, const Endpoint& address) {
  return node.origin == Origin::configured && std::ranges::find(node.heard, address) != node.heard.end();
}

AddressBudget::Named who_names(const BookedNode& node, const Endpoint& address) {
  AddressBudget::Named named;
  for (const auto& [whose, claimed] : node.claims) {
    if (std::ranges::find(claimed, address) != claimed.end()) {
      named.by.push_back(whose);
    }
  }
  if (named.by.empty()) {  // the node names it itself: it counts for whoever vouches for the node, too
    named.by_node = node.id;
    for (const auto& [whose, claimed] : node.claims) {
      named.by.push_back(whose);
    }
  }
  return named;
}

}  // namespace

bool NodeBook::may_send(const protocol::NodeId& id, const Endpoint& to, Now now) const {
  const BookedNode* const node = find(id);
  if (node == nullptr || is_users(*node, to)) {
    return true;
  }
  if (const auto found = node->answering.find(to); found != node->answering.end()) {
    const auto& [silent_since, next, proven] = found->second;
    return silent_since == never || now.steady - silent_since < silence || now.steady >= next;
  }
  return to == node->answered_at || addresses_.may_send(to, who_names(*node, to), now.steady);
}

bool NodeBook::is_proven(const protocol::NodeId& id, const Endpoint& at) const {
  const BookedNode* const node = find(id);
  if (node == nullptr || !is_usable(at) || is_users(*node, at)) {
    return true;
  }
  const auto found = node->answering.find(at);
  return found != node->answering.end() && found->second.proven;
}

void NodeBook::on_sent(const protocol::NodeId& id, const Endpoint& to, Now now) {
  BookedNode* const node = entry(id);
  if (node == nullptr || is_users(*node, to) || !is_usable(to)) {
    return;  // or it went to no address
  }
  if (!node->answering.contains(to) && to != node->answered_at) {
    if (auto batch = addresses_.on_sent(to, who_names(*node, to), now); !batch.empty()) {
      services_.state.keep(std::move(batch));
    }
    return;
  }
  auto& [silent_since, next, proven] = node->answering[to];
  silent_since = std::min(silent_since, now.steady);
  if (now.steady - silent_since >= silence) {
    next = now.steady + packets_in_silence_apart;
  }
}

void NodeBook::on_proven(const protocol::NodeId& id, const Endpoint& at) {
  BookedNode* const node = entry(id);
  if (node != nullptr && std::ranges::find(node->given, at) != node->given.end()) {
    node->answering[at] = {never, {}, true};
  }
}

void NodeBook::on_heard(const protocol::NodeId& id, const Endpoint& from) {
  BookedNode* const node = entry(id);
  if (node == nullptr) {
    return;
  }
  if (const auto found = node->answering.find(from); found != node->answering.end() && found->second.proven) {
    found->second.silent_since = never;
  }
}

bool NodeBook::has_answered(const protocol::NodeId& id) const {
  const BookedNode* const node = find(id);
  return node == nullptr || node->last_answer != UnixTime{} || !node->answering.empty();
}

}  // namespace toxasync::manager
