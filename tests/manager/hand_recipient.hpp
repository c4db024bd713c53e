// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

/// A user, Bob, who writes to Eve, whose installations the test plays: it says which there are and on which
/// nodes they keep their mail, and reads what lies there.
class HandRecipient : public HandWorld {
 public:
  HandRecipient() {
    bob.crash();
    bob.config.cover = false;
    bob.config.push = false;
    bob.start();
    give_installation(99, 0, {0});
    eve.go();
    run(5s);
  }

  /// Eve says by a packet that she has this installation, in place of another (0: beside the others).
  void give_installation(std::uint64_t instance, std::uint64_t replaces,
                         const std::vector<std::size_t>& homes) {
    eve.instance = crypto::Instance{instance};
    auto head = eve.head(root, ++version_, 0);
    head.replaces = crypto::Instance{replaces};
    head.last_resort = last_resort.public_key;
    head.home_nodes.clear();
    for (const std::size_t home : homes) {
      head.home_nodes.push_back({nodes.at(home)->keys.id(), {{nodes.at(home)->endpoint}}});
    }
    eve.sign(head);
    eve.give(protocol::FriendPacketType::bundle_head, head);
    run(1s);
  }
  crypto::MessageId send(std::string_view text, seconds lifetime = 0s) {
    const auto id = bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes(text), lifetime);
    BOOST_REQUIRE(id.has_value());
    return *id;
  }
  [[nodiscard]] bool cancelled(const crypto::MessageId& id) const {
    return bob.told(id).ends_with("cancelled");
  }
  void restart_bob() {
    bob.crash();
    bob.start();
  }
  /// Texts that lie on nodes and that Eve, or whoever has an old copy of her state, can read.
  [[nodiscard]] std::size_t readable() {
    std::size_t texts = 0;
    const crypto::Epoch now = *crypto::epoch_at(clock.unix_time());
    for (const auto& node : nodes) {
      for (crypto::Epoch epoch = now - 60; epoch <= now + 1; ++epoch) {
        const auto mailbox = crypto::FriendsMailbox::derive(root, epoch)->box(bob.key);
        for (const auto& envelope : node->store.look_into(mailbox.mailbox.address.p, clock.unix_time())) {
          texts += is_text(mailbox, envelope) ? 1 : 0;
        }
      }
    }
    return texts;
  }

  crypto::KeyPair root = crypto::KeyPair::generate(eve.random());
  crypto::KeyPair last_resort = crypto::KeyPair::generate(eve.random());

 private:
  [[nodiscard]] bool is_text(const crypto::OwnedMailbox& mailbox, ByteView envelope) const {
    const auto header = crypto::open_header(mailbox, envelope);
    if (!header) {
      return false;
    }
    const auto body = crypto::open_body(mailbox, eve.pair(), last_resort, *header, envelope);
    return body && crypto::is_ordered(body->kind);
  }
  std::uint64_t version_ = 0;
};

}  // namespace toxasync::test
