// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>

#include "contact_world.hpp"

namespace toxasync::test {

/// Alice and Bob, who knows nothing of her; three nodes that both know.
struct Strangers : ContactWorld {
  explicit Strangers(std::size_t node_count = 3, std::uint64_t seed = 1) : ContactWorld(node_count, seed) {
    alice.watches = false;
    alice.crash();
    alice.start();
  }

  [[nodiscard]] bool run_until_stored(milliseconds limit = 2min) {
    const auto all = std::to_string(nodes.size());
    return run(limit, [this, last = "stored:" + all + "/" + all] { return alice.told().ends_with(last); });
  }
  [[nodiscard]] bool run_until_taken(std::size_t count = 1, milliseconds limit = 3h) {
    return run(limit, [this, count] { return bob.taken.size() >= count; });
  }
  /// Puts an envelope of a test's own making into Bob's public mailbox, on all nodes.
  void put(const crypto::KeyPair& sealed_by, const crypto::FriendKey& named, const crypto::EnvelopeBody& body,
           const crypto::MessageId& id) {
    const auto mailbox = crypto::public_mailbox(bob.key, bob.nospam, epoch());
    const crypto::KeyPair sender{sealed_by.secret.clone(), crypto::Point(named.bytes())};
    const crypto::Point pre_key(bob.key.bytes());
    const auto sealed = crypto::seal_envelope(sender, bob.key, pre_key, *mailbox,
                                              {named, crypto::Instance{}, crypto::pre_key_id(pre_key), id},
                                              body, alice.random->id<crypto::CancelSecret>(), *alice.random);
    put_bytes(*mailbox, *sealed);
  }
  void put_bytes(const crypto::WritableMailbox& mailbox, const Bytes& envelope) {
    for (const auto& node : nodes) {
      alice.client->store({node->keys.id(), mailbox.clone(), protocol::StoreOp::store, 24h, envelope}, alice,
                          clock.now());
    }
    const std::size_t before = alice.by_hand.size();
    BOOST_TEST(run(1min, [&] { return alice.by_hand.size() == before + nodes.size(); }));
  }
  static crypto::EnvelopeBody body(std::string_view text) {
    const auto bytes = as_bytes(text);
    return {0,
            0,
            1'750'000'000'000,
            UINT32_MAX,
            crypto::MessageKind::friend_request,
            0,
            1,
            Bytes(bytes.begin(), bytes.end())};
  }
  /// Somebody new asks Bob.
  void stranger_asks() {
    const auto stranger = crypto::KeyPair::generate(*alice.random);
    put(stranger, stranger.friend_key(), body("let me in"), alice.random->id<crypto::MessageId>());
  }

  Person& alice = add_person();
  Person& bob = add_person();
};

}  // namespace toxasync::test
