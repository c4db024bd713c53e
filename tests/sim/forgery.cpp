// SPDX-License-Identifier: GPL-3.0-or-later
#include "forgery.hpp"

#include "tests/support/forged_envelope.hpp"

namespace toxasync::sim {

std::optional<Bytes> forge(const Forgery& forgery, const crypto::KeyPair& sender,
                           const crypto::WritableMailbox& mailbox, Random& random) {
  ByteArray<32> sk{};
  return crypto::x25519(sk, sender.secret.bytes(), forgery.pre_key)
             ? forge(forgery, sender.friend_key(), sk, mailbox, random)
             : std::nullopt;
}

std::optional<Bytes> forge(const Forgery& forgery, const crypto::FriendKey& sender, const ByteArray<32>& sk,
                           const crypto::WritableMailbox& mailbox, Random& random) {
  const auto e = crypto::KeyPair::generate(random);
  const auto& text = forgery.body.text;
  if (text.size() > limits::large_text) {
    return std::nullopt;
  }
  test::ForgedEnvelope forged;
  forged.sender = sender;
  forged.recipient = forgery.recipient;
  forged.pre_key = forgery.pre_key;
  forged.sk = sk;
  forged.body =
      test::body_plaintext(forgery.body, forgery.length.value_or(static_cast<std::uint16_t>(text.size())));
  forged.fill = forgery.padded_with_ones ? 1 : 0;
  forged.large = forgery.large || text.size() > limits::small_text;
  forged.secret = forgery.secret;
  forged.label = forgery.label;
  (void)wire::encode(forgery.header, forged.header);
  return forged.seal(mailbox, e);
}

}  // namespace toxasync::sim
