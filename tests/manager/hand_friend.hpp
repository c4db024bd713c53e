// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "protocol/bundle.hpp"
#include "protocol/live.hpp"
#include "world.hpp"

namespace toxasync::test {

/// A friend of a user, played by the test packet by packet, who may be hostile.
class HandFriend {
 public:
  struct Letter {
    std::string text = "hello";
    std::uint64_t sequence = 1;
    std::uint64_t floor = 1;
    crypto::MessageKind kind = crypto::MessageKind::normal;
    std::uint8_t part = 0;
    std::uint8_t parts = 1;
    std::optional<crypto::MessageId> id = std::nullopt;
    std::optional<crypto::Point> pre_key = std::nullopt;  ///< The next unused one-time key when not set.
    int epochs_ahead = 0;
    std::optional<UnixTimeMs> sent_at = std::nullopt;  ///< Now when not set.
    seconds lifetime = 24h;
  };
  struct Sealed {
    protocol::LiveEnvelope live;
    crypto::MailboxAddress address;
    crypto::MessageId id{};
    crypto::Point pre_key{};
  };

  HandFriend(World& world, User& peer, std::uint64_t seed = 4711)
      : world_(world), peer_(peer), random_(seed), self_(crypto::KeyPair::generate(random_)) {
    world_.by_hand[key()];
    peer_.friends.insert(key());
    peer_.manager->on_friend_added(key());
  }

  [[nodiscard]] manager::FriendKey key() const noexcept { return self_.friend_key(); }
  [[nodiscard]] const crypto::KeyPair& pair() const noexcept { return self_; }
  SeededRandom& random() noexcept { return random_; }

  void come() { peer_.manager->on_friend_presence(key(), true); }
  void go() { peer_.manager->on_friend_presence(key(), false); }

  /// Packets of a type that the peer has sent since the last call.
  template <class Message>
  std::vector<Message> take(protocol::FriendPacketType type) {
    std::vector<Message> messages;
    std::erase_if(world_.by_hand[key()], [&](const Bytes& bytes) {
      const auto packet = protocol::read_friend_packet(bytes);
      if (!packet || packet->type != type) {
        return false;
      }
      Message message;
      if (wire::decode(packet->message, message) != wire::Error::none) {
        throw std::runtime_error("the user sent a malformed friend packet");
      }
      messages.push_back(std::move(message));
      return true;
    });
    return messages;
  }
  template <class Message>
  void give(protocol::FriendPacketType type, const Message& message) {
    peer_.manager->on_friend_packet(key(), protocol::make_friend_packet(type, message));
  }

  /// Comes online and takes bundles until one brings one-time keys.
  void take_bundle() {
    come();
    for (int i = 0; i < 10 && keys.empty(); ++i) {
      world_.run(300ms);
      take_what_came();
    }
    if (keys.empty()) {
      throw std::runtime_error("no one-time keys came");
    }
  }
  void take_what_came() {
    for (auto& head : take<protocol::BundleHead>(protocol::FriendPacketType::bundle_head)) {
      bundle = head;
      give(protocol::FriendPacketType::bundle_taken, protocol::BundleTaken{head.version, instance});
    }
    for (const auto& part : take<protocol::BundleKeys>(protocol::FriendPacketType::bundle_keys)) {
      keys.insert(keys.end(), part.keys.begin(), part.keys.end());
    }
  }
  std::vector<crypto::MessageId> take_receipts() {
    std::vector<crypto::MessageId> ids;
    for (const auto& receipt : take<protocol::LiveReceipt>(protocol::FriendPacketType::receipt)) {
      ids.insert(ids.end(), receipt.ids.begin(), receipt.ids.end());
    }
    return ids;
  }

  Sealed seal(const Letter& letter) { return seal_as(self_, letter); }
  /// As somebody else would seal it.
  Sealed seal_as(const crypto::KeyPair& sender, const Letter& letter) {
    const auto now = world_.clock.unix_time();
    const auto epoch =
        static_cast<crypto::Epoch>(static_cast<int>(*crypto::epoch_at(now)) + letter.epochs_ahead);
    const auto mailbox = crypto::friends_mailbox(bundle.root, epoch).value();
    const auto pre_key = letter.pre_key ? *letter.pre_key : keys.at(used_++);
    const auto id = letter.id ? *letter.id : crypto::MessageId(random_.array<16>());
    const crypto::EnvelopeHeader header{sender.friend_key(), instance, crypto::pre_key_id(pre_key), id};
    crypto::EnvelopeBody body;
    body.sequence = letter.sequence;
    body.floor = letter.floor;
    body.sent_at_ms = since_1970_ms(letter.sent_at.value_or(world_.clock.now().wall));
    body.lifetime_s = clamped_count<std::uint32_t, seconds>(letter.lifetime);
    body.kind = letter.kind;
    body.part = letter.part;
    body.parts = letter.parts;
    body.text.assign(letter.text.begin(), letter.text.end());
    auto envelope = crypto::seal_envelope(sender, peer_.key, pre_key, mailbox, header, body, {}, random_);
    if (!envelope) {
      throw std::runtime_error("the letter cannot be sealed");
    }
    return {{epoch, mailbox.address.p, std::move(*envelope)}, mailbox.address, id, pre_key};
  }
  /// By the friend channel.
  Sealed send(const Letter& letter) {
    auto sealed = seal(letter);
    give(protocol::FriendPacketType::envelope, sealed.live);
    return sealed;
  }
  /// By a node.
  void store(StorageNode& node, const Sealed& sealed) {
    const auto now = world_.clock.unix_time();
    node.put(sealed.address, sealed.live.envelope, now + 24h, now);
  }

  /// A bundle of ours for the peer, whose M is `root`'s.
  protocol::BundleHead head(const crypto::KeyPair& root, std::uint64_t version, std::uint16_t count) {
    protocol::BundleHead made;
    made.version = {instance, version};
    made.root = crypto::friends_root(root, peer_.key);
    ByteArray<32> shared{};
    if (!crypto::x25519(shared, root.secret.bytes(), crypto::Point(peer_.key.bytes()))) {
      throw std::runtime_error("point");
    }
    made.root_mac = protocol::root_mac(shared, made.root.m, key(), peer_.key, made.version);
    made.last_resort = crypto::KeyPair::generate(random_).public_key;
    made.use_until_s = since_1970_s(world_.clock.unix_time() + days(28));
    made.one_time_count = count;
    made.home_nodes.push_back({world_.nodes.at(0)->keys.id(), {{world_.nodes.at(0)->endpoint}}});
    made.keys_hash = protocol::one_time_hash({});
    sign(made);
    return made;
  }
  /// To be called again after the head was changed.
  void sign(protocol::BundleHead& head) { head.sign(signer, key(), peer_.key); }
  /// Makes the head announce `keys`.
  void announce(protocol::BundleHead& head, const std::vector<crypto::Point>& keys) {
    head.one_time_count = static_cast<std::uint16_t>(keys.size());
    head.keys_hash = protocol::one_time_hash(keys);
    sign(head);
  }
  protocol::BundleKeys some_keys(std::uint64_t version, std::uint16_t first, std::size_t count) {
    protocol::BundleKeys made;
    made.version = {instance, version};
    made.first = first;
    for (std::size_t i = 0; i < count; ++i) {
      made.keys.push_back(crypto::KeyPair::generate(random_).public_key);
    }
    return made;
  }

  crypto::Instance instance{99};
  crypto::SigningKey signer{ByteArray<32>{7}};
  protocol::BundleHead bundle;      ///< The last one that the peer gave.
  std::vector<crypto::Point> keys;  ///< One-time keys that the peer gave.

 private:
  World& world_;
  User& peer_;
  SeededRandom random_;
  crypto::KeyPair self_;
  std::size_t used_ = 0;
};

/// A user with home nodes and a friend who is played by the test, and has taken the user's bundle.
struct HandWorld : World {
  explicit HandWorld(std::uint64_t seed = 1) : World(seed) {
    for (int i = 0; i < 3; ++i) {
      add_node();
    }
    give_nodes(bob);
    eve.take_bundle();
  }
  /// What was refused while `action` ran, and for a second after it.
  std::uint64_t refused(Counter counter, const std::function<void()>& action) {
    const auto before = bob[counter];
    action();
    run(1s);
    return bob[counter] - before;
  }

  User& bob = add_user();
  HandFriend eve{*this, bob};
};

}  // namespace toxasync::test
