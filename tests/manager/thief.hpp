// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "protocol/bundle.hpp"
#include "protocol/frame.hpp"
#include "protocol/live.hpp"
#include "protocol/store_request.hpp"
#include "tests/support/forged_envelope.hpp"
#include "world.hpp"

namespace toxasync::test {

/// An envelope that somebody saw, and where it was to lie.
struct SeenEnvelope {
  crypto::Epoch epoch = 0;
  crypto::MailboxAddress address;  ///< Without W where it went to a friend.
  Bytes envelope;
};

/// What passed over the networks of a world in which `keep_friend_log` and the network's keep_log were set:
/// the envelopes on their way to nodes (opened with the nodes' stolen keys) and to friends, and the public
/// pre-keys.
class Wiretap {
 public:
  explicit Wiretap(const World& world) {
    for (const auto& packet : world.network.log()) {
      for (const auto& node : world.nodes) {
        if (node->endpoint == packet.to) {
          to_node(*node, packet.bytes);
        }
      }
    }
    for (const auto& packet : world.friend_log) {
      to_friend(packet.bytes);
    }
  }

  std::vector<SeenEnvelope> envelopes;                 ///< Each once.
  std::map<crypto::PreKeyId, crypto::Point> pre_keys;  ///< Public halves, of all bundles.
  std::vector<protocol::BundleHead> heads;

 private:
  void add(SeenEnvelope seen) {
    const bool known = std::ranges::any_of(
        envelopes, [&](const SeenEnvelope& other) { return other.envelope == seen.envelope; });
    if (!known) {
      envelopes.push_back(std::move(seen));
    }
  }
  void add_key(const crypto::Point& key) { pre_keys[crypto::pre_key_id(key)] = key; }

  void to_node(const StorageNode& node, ByteView packet) {
    const auto header = protocol::read_frame_header(packet);
    if (!header || header->kind != protocol::FrameKind::store) {
      return;
    }
    const auto& n = node.keys.current().pair;
    const auto keys = protocol::session_keys(n.secret, header->session, header->session, n.public_key);
    ByteArray<limits::plaintext> plain{};
    protocol::StoreRequest request;
    if (keys && protocol::open_frame(*header, keys->client_to_node, packet, plain) &&
        wire::decode_padded(plain, request) && request.op == protocol::StoreOp::store) {
      add({request.epoch, request.mailbox, std::move(request.payload)});
    }
  }
  void to_friend(ByteView bytes) {
    const auto packet = protocol::read_friend_packet(bytes);
    protocol::LiveEnvelope live;
    protocol::BundleHead head;
    protocol::BundleKeys part;
    if (packet->type == protocol::FriendPacketType::envelope &&
        wire::decode(packet->message, live) == wire::Error::none) {
      add({live.epoch, {live.mailbox, {}}, std::move(live.envelope)});
    } else if (packet->type == protocol::FriendPacketType::bundle_head &&
               wire::decode(packet->message, head) == wire::Error::none) {
      add_key(head.last_resort);
      heads.push_back(std::move(head));
    } else if (packet->type == protocol::FriendPacketType::bundle_keys &&
               wire::decode(packet->message, part) == wire::Error::none) {
      std::ranges::for_each(part.keys, [this](const auto& key) { add_key(key); });
    }
  }
};

/// What somebody's state file holds, opened with the stolen Tox key.
struct StolenState {
  explicit StolenState(const store::MemoryState& state) {
    entries = const_cast<store::MemoryState&>(state).load();  // it only reads
  }
  /// The first 32 bytes of each row of a table: in R, L and K they are private keys (docs/state.md).
  [[nodiscard]] std::vector<ByteArray<32>> secrets(std::string_view tables) const {
    std::vector<ByteArray<32>> found;
    for (const auto& entry : entries) {
      if (tables.find(static_cast<char>(entry.key[0])) != std::string_view::npos &&
          entry.value.size() >= 32) {
        found.push_back(to_array<32>(entry.value));
      }
    }
    return found;
  }
  /// Every 32 bytes in a row.
  [[nodiscard]] std::vector<ByteArray<32>> windows() const {
    std::set<ByteArray<32>> all;
    for (const auto& entry : entries) {
      for (std::size_t at = 0; at + 32 <= entry.value.size(); ++at) {
        all.insert(to_array<32>(ByteView(entry.value).subspan(at)));
      }
    }
    return {all.begin(), all.end()};
  }
  [[nodiscard]] bool contains(std::string_view text) const {
    const auto wanted = as_bytes(text);
    return std::ranges::any_of(entries, [&](const store::StateEntry& entry) {
      return std::search(entry.value.begin(), entry.value.end(), wanted.begin(), wanted.end()) !=
             entry.value.end();
    });
  }

  std::vector<store::StateEntry> entries;
};

}  // namespace toxasync::test
