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

bool may_send_now(const BookedNode::Silence& silence, SteadyTime now) {
  return silence.since == never || now - silence.since < NodeBook::silence || now >= silence.next;
}

void note_sent(BookedNode::Silence& silence, SteadyTime now, milliseconds apart) {
  silence.since = std::min(silence.since, now);
  if (now - silence.since >= NodeBook::silence) {
    silence.next = now + apart;
  }
}

/// Of an address that our user named.
void break_silence(BookedNode& node, const Endpoint& at) {
  if (const auto found = node.configured.find(at); found != node.configured.end()) {
    found->second.since = never;
  }
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
  if (node == nullptr) {
    return true;
  }
  if (is_users(*node, to)) {
    const auto found = node->configured.find(to);
    return found == node->configured.end() || may_send_now(found->second, now.steady);
  }
  if (const auto found = node->answering.find(to); found != node->answering.end()) {
    return may_send_now(found->second.silence, now.steady);
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
  if (node == nullptr || !is_usable(to)) {
    return;  // or it went to no address
  }
  if (is_users(*node, to)) {
    return note_sent(node->configured[to], now.steady, packets_to_configured_apart);
  }
  if (!node->answering.contains(to) && to != node->answered_at) {
    if (auto batch = addresses_.on_sent(to, who_names(*node, to), now); !batch.empty()) {
      services_.state.keep(std::move(batch));
    }
    return;
  }
  note_sent(node->answering[to].silence, now.steady, packets_in_silence_apart);
}

void NodeBook::on_proven(const protocol::NodeId& id, const Endpoint& at) {
  BookedNode* const node = entry(id);
  if (node == nullptr) {
    return;
  }
  if (std::ranges::find(node->given, at) != node->given.end()) {
    node->answering[at] = {{}, true};
  }
  break_silence(*node, at);
}

void NodeBook::on_heard(const protocol::NodeId& id, const Endpoint& from) {
  BookedNode* const node = entry(id);
  if (node == nullptr) {
    return;
  }
  if (const auto found = node->answering.find(from); found != node->answering.end() && found->second.proven) {
    found->second.silence.since = never;
  }
  break_silence(*node, from);
}

bool NodeBook::has_answered(const protocol::NodeId& id) const {
  const BookedNode* const node = find(id);
  return node == nullptr || node->last_answer != UnixTime{} || !node->answering.empty();
}

}  // namespace toxasync::manager
