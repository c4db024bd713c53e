// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "protocol/frame.hpp"
#include "protocol/page.hpp"
#include "protocol/retrieve_request.hpp"
#include "world.hpp"

namespace toxasync::test {

/// The nodes' view of who asks what: opens the requests on their way with the nodes' keys.
class Eye {
 public:
  struct Request {
    StorageNode* node = nullptr;
    protocol::FrameKind kind{};
    crypto::Point session{};
    std::uint64_t counter = 0;
    crypto::Point mailbox{};  ///< P
    UnixTimeMs wall{};
    std::uint8_t operation = 0;
    std::uint8_t window = 0;   ///< Retrieves.
    seconds ttl = 0s;          ///< Stores.
    std::size_t envelope = 0;  ///< Stores: its size.
    std::size_t deletes = 0;   ///< Retrieves: how many envelopes.
  };

  explicit Eye(World& world) : world_(world) {
    world.network.set_filter([this](auto& packet) { return on_packet(packet); });
  }

  /// Else it is a store, or the question for other nodes.
  static bool is_poll(const Request& request) {
    return request.kind == protocol::FrameKind::retrieve &&
           request.operation != static_cast<std::uint8_t>(protocol::RetrieveOp::peers);
  }
  static bool subscribes(const Request& request) {
    return is_poll(request) &&
           request.operation == static_cast<std::uint8_t>(protocol::RetrieveOp::subscribe);
  }
  /// Lies to who asked this: as the node would say that mail has come since.
  void announce(const Request& request, const Endpoint& to) {
    ByteArray<limits::plaintext> plain{};
    (void)wire::encode_padded(
        protocol::Page::announcement(request.counter, since_1970_s(world_.clock.unix_time())), plain);
    protocol::FrameHeader header;
    header.kind = protocol::FrameKind::retrieve_response;
    header.session = request.session;
    random_.fill(header.nonce);
    protocol::FrameBytes frame;
    const auto n = request.node->keys.current().pair.public_key;
    protocol::seal_frame(header, sessions_.at({n, request.session}).node_to_client, plain, frame);
    world_.network.inject(request.node->endpoint, to, frame);
  }
  [[nodiscard]] std::set<crypto::Point> polled() const {
    std::set<crypto::Point> mailboxes;
    for (const auto& request : requests) {
      if (is_poll(request)) {
        mailboxes.insert(request.mailbox);
      }
    }
    return mailboxes;
  }

  std::vector<Request> requests;
  std::set<std::size_t> sizes;  ///< Of packets to nodes and from them, cookie replies aside.
  std::function<bool(const Request&)> drops;

 private:
  bool on_packet(MockNetwork::Packet& packet) {
    if (packet.bytes.size() > limits::frame_header + limits::descriptor) {
      sizes.insert(packet.bytes.size());
    }
    const auto node = std::ranges::find(world_.nodes, packet.to, [](const auto& n) { return n->endpoint; });
    const auto header = protocol::read_frame_header(packet.bytes);
    if (node == world_.nodes.end() || !header) {
      return false;
    }
    const auto& n = (*node)->keys.current().pair;
    const auto name = std::pair{n.public_key, header->session};
    auto session = sessions_.find(name);
    if (session == sessions_.end()) {
      auto keys = protocol::session_keys(n.secret, header->session, header->session, n.public_key);
      session = sessions_.emplace(name, std::move(keys.value())).first;
    }
    ByteArray<limits::plaintext> plain{};
    if (!protocol::open_frame(*header, session->second.client_to_node, packet.bytes, plain)) {
      return false;  // a first packet, which says nothing
    }
    Request seen{.node = node->get(),
                 .kind = header->kind,
                 .session = header->session,
                 .wall = world_.clock.now().wall};
    protocol::StoreRequest store;
    protocol::RetrieveRequest retrieve;
    if (header->kind == protocol::FrameKind::store && wire::decode_padded(plain, store)) {
      seen.mailbox = store.mailbox.p;
      seen.counter = store.counter;
      seen.operation = static_cast<std::uint8_t>(store.op);
      seen.ttl = seconds(store.ttl_s);
      seen.envelope = store.payload.size();
    } else if (wire::decode_padded(plain, retrieve)) {
      seen.mailbox = retrieve.mailbox;
      seen.counter = retrieve.counter;
      seen.operation = static_cast<std::uint8_t>(retrieve.op);
      seen.window = retrieve.window;
      seen.deletes = retrieve.ids_to_delete.size();
    }
    requests.push_back(seen);
    return drops && drops(seen);
  }

  World& world_;
  SeededRandom random_{17};
  std::map<std::pair<crypto::Point, crypto::Point>, protocol::SessionKeys> sessions_;
};

/// Roots of a user as they are on the disk, the cover root of each beside it. The latest has no follower.
struct RootPair {
  crypto::KeyPair real;
  crypto::KeyPair cover;
};
inline std::vector<RootPair> roots_of(const User& user) {
  std::vector<RootPair> roots;
  for (const auto& entry : user.state->load()) {
    if (entry.key[0] == 'R') {
      auto real = crypto::KeyPair::from_secret(crypto::Secret<32>(to_array<32>(entry.value)));
      auto cover = crypto::KeyPair::from_secret(
          crypto::Secret<32>(crypto::h256(real.secret.view(), {as_bytes("toxasync/1 cover root")})));
      roots.push_back({std::move(real), std::move(cover)});
    }
  }
  return roots;
}

/// A friend's box in it; {}: the one for loop messages, if the root is a cover root.
inline crypto::MailboxAddress box_in(const crypto::KeyPair& root, crypto::Epoch epoch,
                                     const manager::FriendKey& writer = {}) {
  return crypto::FriendsMailbox::derive(root, epoch)->box(writer).mailbox.address;
}
/// P
inline crypto::Point address(const crypto::KeyPair& root, crypto::Epoch epoch) {
  return crypto::FriendsMailbox::derive(root, epoch).value().p();
}
inline crypto::Epoch now_epoch(const World& world) {
  return crypto::epoch_at(world.clock.unix_time()).value();
}

/// Copies in a mailbox, on all nodes.
inline std::size_t copies_in(const World& world, const crypto::Point& where) {
  std::size_t records = 0;
  for (const auto& node : world.nodes) {
    records += node->store.live_in(where);
  }
  return records;
}

/// A user with three home nodes and no friends: all traffic is polls and cover.
struct Lone : World {
  explicit Lone(std::uint64_t seed = 1, std::size_t node_count = 3) : World(seed) {
    for (std::size_t i = 0; i < node_count; ++i) {
      add_node();
    }
    give_nodes(bob);
  }
  void restart_with(const std::function<void(manager::ManagerConfig&)>& change) {
    bob.crash();
    change(bob.config);
    bob.start();
  }
  /// All copies of a loop message wait on the nodes: nothing has been fetched yet.
  [[nodiscard]] bool run_to_loop(milliseconds limit = days(10)) {
    return run(limit, [this] { return live_records() == nodes.size(); });
  }
  User& bob = add_user();
};

}  // namespace toxasync::test
