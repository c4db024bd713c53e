// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "crypto/envelope.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"

// What the tests of crypto and protocol share: keys of the people who appear in them.

namespace toxasync::test {

struct CryptoFixture {
  CryptoFixture() { BOOST_REQUIRE(crypto::initialise()); }
  SeededRandom random{7};
};

inline crypto::Point hex_point(std::string_view digits) {
  return id_from_hex<crypto::Point>(digits).value();
}

/// The canonical encodings of the points of small order, of the curve and of its twist, and of p and p + 1,
/// which are 0 and 1 again (https://cr.yp.to/ecdh.html, "How do I validate Curve25519 public keys?").
inline std::vector<crypto::Point> low_order_points() {
  return {hex_point("0000000000000000000000000000000000000000000000000000000000000000"),
          hex_point("0100000000000000000000000000000000000000000000000000000000000000"),
          hex_point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
          hex_point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
          hex_point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
          hex_point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
          hex_point("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")};
}

/// Points that every operation must refuse.
inline std::vector<crypto::Point> refused_points() {
  auto points = low_order_points();
  auto with_top_bit = numbered<crypto::Point>(9);
  with_top_bit[31] = 0x80;
  points.push_back(with_top_bit);
  points.push_back(hex_point("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"));  // p + 9
  return points;
}

inline crypto::KeyPair clone(const crypto::KeyPair& key) {
  return {key.secret.clone(), key.public_key};
}

/// The box of a friend in a mailbox of ours.
inline crypto::OwnedMailbox friends_box(const crypto::KeyPair& root, const crypto::FriendKey& writer,
                                        crypto::Epoch epoch) {
  return crypto::FriendsMailbox::derive(root, epoch).value().box(writer);
}

/// A sender, a recipient with a pre-key and a friends root, and the sender's box in one of its mailboxes, for
/// sealing and opening.
struct EnvelopeFixture : CryptoFixture {
  crypto::KeyPair sender = crypto::KeyPair::generate(random);
  crypto::KeyPair recipient = crypto::KeyPair::generate(random);
  crypto::KeyPair pre_key = crypto::KeyPair::generate(random);
  crypto::KeyPair root = crypto::KeyPair::generate(random);
  crypto::Epoch epoch = 1234;
  crypto::OwnedMailbox mailbox = friends_box(root, sender.friend_key(), epoch);
  crypto::CancelSecret cancel_secret = counting<crypto::CancelSecret>(0x70);

  [[nodiscard]] crypto::EnvelopeHeader header() const {
    return {sender.friend_key(), crypto::Instance{0x1122334455667788}, crypto::pre_key_id(pre_key.public_key),
            counting<crypto::MessageId>(0x30)};
  }
  [[nodiscard]] static crypto::EnvelopeBody body(std::size_t text_size) {
    crypto::EnvelopeBody body;
    body.sequence = 5;
    body.floor = 3;
    body.sent_at_ms = 1760000000123;
    body.lifetime_s = 86400;
    body.kind = crypto::MessageKind::action;
    body.part = 1;
    body.parts = 2;
    body.text = counting_bytes(text_size);
    return body;
  }
  Result<Bytes, crypto::EnvelopeError> try_seal(const crypto::EnvelopeBody& body) {
    return crypto::seal_envelope(sender, recipient.friend_key(), pre_key.public_key, mailbox.mailbox,
                                 header(), body, cancel_secret, random);
  }
  Bytes seal(const crypto::EnvelopeBody& body) { return *try_seal(body); }

  /// Opens header and body with what the fixture holds; `none` when both open.
  [[nodiscard]] crypto::EnvelopeError open(ByteView envelope) const {
    const auto opened = crypto::open_header(mailbox, envelope);
    if (!opened) {
      return opened.error();
    }
    const auto body = crypto::open_body(mailbox, recipient, pre_key, *opened, envelope);
    return body ? crypto::EnvelopeError::none : body.error();
  }
};

}  // namespace toxasync::test
