// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include "crypto/envelope.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::bench {

/// Seconds of processor time that one call of `work` takes: the least mean of ten rounds, so that neither
/// other programs nor a slow start count.
template <class Work>
double seconds_per_call(const Work& work, int calls_per_round) {
  std::clock_t least = std::numeric_limits<std::clock_t>::max();
  for (int round = 0; round < 10; ++round) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls_per_round; ++i) {
      work();
    }
    least = std::min(least, std::clock() - start);
  }
  return static_cast<double>(least) / static_cast<double>(CLOCKS_PER_SEC) / calls_per_round;
}

/// Keys, a friend's box in a mailbox and one envelope in it.
struct Scene {
  [[nodiscard]] static crypto::EnvelopeBody body(std::size_t text_size) {
    crypto::EnvelopeBody body;
    body.text.assign(text_size, 'x');
    return body;
  }
  Bytes seal(const crypto::EnvelopeBody& body) {
    const crypto::EnvelopeHeader header{
        sender.friend_key(), crypto::Instance{1}, crypto::pre_key_id(pre_key.public_key), {}};
    return *crypto::seal_envelope(sender, recipient.friend_key(), pre_key.public_key, mailbox.mailbox, header,
                                  body, {}, random);
  }

  bool ready = crypto::initialise();  ///< First: the keys below need it.
  test::SeededRandom random{1};
  crypto::KeyPair sender = crypto::KeyPair::generate(random);
  crypto::KeyPair recipient = crypto::KeyPair::generate(random);
  crypto::KeyPair pre_key = crypto::KeyPair::generate(random);
  crypto::KeyPair root = crypto::KeyPair::generate(random);
  crypto::OwnedMailbox mailbox = crypto::FriendsMailbox::derive(root, 1000)->box(sender.friend_key());
};

}  // namespace toxasync::bench
