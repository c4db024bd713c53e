// SPDX-License-Identifier: GPL-3.0-or-later
#include "hostile_client.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

constexpr std::size_t remembered_frames = 16;
constexpr std::size_t remembered_envelopes = 64;
constexpr std::size_t known_nodes = 64;

/// Everybody who is played by hand has an address of their own.
Endpoint address_of(const test::World& world) {
  return test::ipv4(static_cast<std::uint32_t>(5000 + world.by_hand.size()));
}

}  // namespace

HostileClient::HostileClient(test::World& world, std::uint64_t seed)
    : world_(world),
      random_(seed),
      self_(crypto::KeyPair::generate(random_)),
      transport_(((void)world.by_hand[self_.friend_key()], world.network.add(address_of(world)))),
      client_(sender_, random_, Telemetry(metrics_, log_), nullptr),
      raw_(sender_, random_) {
  transport_.set_receiver(this);
}

HostileClient::~HostileClient() {
  world_.network.remove(Endpoint(transport_.endpoint()));
}

void HostileClient::tick() {
  if (client_.next_deadline() <= world_.clock.steady()) {
    client_.tick(world_.clock.now());
  }
}

// --- Nodes ---

void HostileClient::knows(const client::KnownNode& node) {
  const bool known = std::ranges::any_of(nodes_, [&](const auto& other) { return other.id == node.id; });
  if (!known && nodes_.size() < known_nodes && !node.endpoints.empty()) {
    nodes_.push_back(node);
    client_.set_node(node);
  }
}

void HostileClient::find_nodes() {
  for (const auto& node : world_.nodes) {
    const auto now = node->known();
    knows(now);
    const auto found = std::ranges::find(nodes_, now.id, &client::KnownNode::id);
    if (found != nodes_.end() && found->endpoints != now.endpoints) {  // it has moved
      *found = now;
      client_.set_node(now);
    }
  }
}

const client::KnownNode* HostileClient::any_node() {
  find_nodes();
  return nodes_.empty() ? nullptr : &one_of(random_, nodes_);
}

// --- Mail ---

void HostileClient::store(const protocol::NodeId& node, const crypto::WritableMailbox& mailbox,
                          Bytes envelope, const crypto::CancelSecret& secret, seconds ttl) {
  if (busy()) {
    return;
  }
  client_.store({node, mailbox.clone(), protocol::StoreOp::store, ttl, envelope}, *this, world_.clock.now());
  remember(stored_, Stored{node, mailbox.clone(), std::move(envelope), secret}, remembered_envelopes);
}

HostileClient::Stored* HostileClient::any_stored() {
  return stored_.empty() ? nullptr : &one_of(random_, stored_);
}

void HostileClient::store_again(const Stored& stored, const protocol::NodeId& node) {
  if (!busy()) {
    client_.store({node, stored.mailbox.clone(), protocol::StoreOp::store, days(1), stored.envelope}, *this,
                  world_.clock.now());
  }
}

void HostileClient::cancel(const Stored& stored, const protocol::NodeId& node,
                           const crypto::CancelSecret& secret) {
  if (busy()) {
    return;
  }
  const auto id = crypto::envelope_id(stored.mailbox.address, stored.envelope);
  Bytes payload(id.begin(), id.end());
  payload.insert(payload.end(), secret.begin(), secret.end());
  client_.store({node, stored.mailbox.clone(), protocol::StoreOp::cancel, 0s, std::move(payload)}, *this,
                world_.clock.now());
}

void HostileClient::read(const protocol::NodeId& node, const crypto::OwnedMailbox& mailbox, bool deletes,
                         bool subscribes, Reader reader) {
  if (!busy()) {
    const auto id = client_.retrieve({node, mailbox, subscribes}, *this, world_.clock.now());
    readings_[id] = {mailbox.mailbox.address, {deletes, std::move(reader)}};
  }
}

void HostileClient::ask_for_nodes(const protocol::NodeId& node) {
  if (!busy()) {
    client_.peers(node, *this, world_.clock.now());
  }
}

// --- Packets and outcomes ---

bool HostileClient::Sender::send(const Route& to, ByteView packet) noexcept {
  remember(sent, {to.endpoint, Bytes(packet.begin(), packet.end())}, remembered_frames);
  return transport.send(to, packet);
}

void HostileClient::on_packet(const Route& from, ByteView packet) noexcept {
  if (!raw_.on_packet(packet)) {
    client_.on_packet(from, packet, world_.clock.now());
  }
}

void HostileClient::on_stored(client::OperationId /*id*/, const client::StoreResult& /*result*/,
                              Now /*now*/) noexcept {}

void HostileClient::on_envelopes(client::OperationId id, std::vector<client::FetchedEnvelope> envelopes,
                                 Now now) noexcept {
  std::vector<crypto::EnvelopeId> keep;
  const auto found = readings_.find(id);
  if (found != readings_.end()) {
    const auto& [address, reading] = found->second;
    for (const auto& envelope : envelopes) {
      reading.reader(envelope.bytes);
      if (!reading.deletes) {
        keep.push_back(crypto::envelope_id({address.p, envelope.w}, envelope.bytes));
      }
    }
  }
  client_.continue_retrieve(id, now, keep);
}

void HostileClient::on_retrieved(client::OperationId id, const client::RetrieveResult& /*result*/,
                                 Now /*now*/) noexcept {
  readings_.erase(id);
}

void HostileClient::on_peers(client::OperationId /*id*/, const client::PeersResult& /*result*/,
                             Now /*now*/) noexcept {}

}  // namespace toxasync::sim
