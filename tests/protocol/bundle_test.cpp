// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bundle.hpp"

#include <boost/test/unit_test.hpp>

#include "samples.hpp"
#include "tests/crypto/fixture.hpp"

// What shows that a bundle is whose it says: the root MAC and the signature.

namespace toxasync::protocol {
namespace {

struct SignedFixture : test::CryptoFixture {
  SignedFixture() { head.sign(signer, sender, receiver); }

  crypto::SigningKey signer{test::counting<32>(7)};
  crypto::FriendKey sender = crypto::KeyPair::generate(random).friend_key();
  crypto::FriendKey receiver = crypto::KeyPair::generate(random).friend_key();
  BundleHead head = test::bundle_head();
};

BOOST_FIXTURE_TEST_SUITE(bundle_signatures, SignedFixture)

BOOST_AUTO_TEST_CASE(a_signed_head_is_signed_still_when_it_has_travelled) {
  BOOST_TEST(head.is_signed(sender, receiver));
  TOXASYNC_TEST_BYTES(head.signer, signer.public_key());
  BundleHead back;
  BOOST_REQUIRE((wire::decode(test::encoded(head), back) == wire::Error::none));
  BOOST_TEST(back.is_signed(sender, receiver));
}

BOOST_AUTO_TEST_CASE(a_head_with_a_byte_flipped_anywhere_is_not_signed) {
  Bytes bytes = test::encoded(head);
  BOOST_TEST(bytes.size() == limits::bundle_head);
  std::size_t decoded = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::uint8_t bit : Bytes{0x01, 0x80}) {
      bytes[i] ^= bit;
      BundleHead back;
      if (wire::decode(bytes, back) == wire::Error::none) {
        ++decoded;
        BOOST_TEST(!back.is_signed(sender, receiver), "byte " << i);
      }
      bytes[i] ^= bit;
    }
  }
  BOOST_TEST(decoded > 2 * (bytes.size() - 20));  // all but the counts
}

BOOST_AUTO_TEST_CASE(a_head_is_signed_for_one_sender_and_one_receiver) {
  const auto other = crypto::KeyPair::generate(random).friend_key();
  BOOST_TEST(!head.is_signed(other, receiver));
  BOOST_TEST(!head.is_signed(sender, other));
  BOOST_TEST(!head.is_signed(receiver, sender));
}

BOOST_AUTO_TEST_CASE(another_signer_cannot_claim_a_signed_head) {
  const crypto::SigningKey villain(test::counting<32>(8));
  auto forged = head;
  forged.signer = villain.public_key();
  BOOST_TEST(!forged.is_signed(sender, receiver));
  forged.sign(villain, sender, receiver);  // they can only sign it again, as themselves
  BOOST_TEST(forged.is_signed(sender, receiver));
  BOOST_TEST((forged.signer != head.signer));
  forged.signer = head.signer;
  BOOST_TEST(!forged.is_signed(sender, receiver));
}

BOOST_AUTO_TEST_CASE(the_hash_of_the_keys_binds_values_number_and_order) {
  const std::vector<crypto::Point> keys = {test::counting<crypto::Point>(1), test::counting<crypto::Point>(2),
                                           test::counting<crypto::Point>(3)};
  const auto hash = one_time_hash(keys);
  Bytes joined;
  for (const auto& key : keys) {
    joined.insert(joined.end(), key.begin(), key.end());
  }
  TOXASYNC_TEST_BYTES(hash, crypto::h256({}, {joined}));
  TOXASYNC_TEST_BYTES(one_time_hash({}), crypto::h256({}, {}));
  std::vector<std::vector<crypto::Point>> others(4, keys);
  std::swap(others[0][0], others[0][1]);
  others[1].pop_back();
  others[2].push_back(keys[0]);
  others[3][2][31] ^= 1;
  for (const auto& other : others) {
    BOOST_TEST((one_time_hash(other) != hash));
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(root_macs, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(a_friend_can_check_that_a_root_is_the_givers_own) {
  const auto sender = crypto::KeyPair::generate(random);
  const auto receiver = crypto::KeyPair::generate(random);
  const auto root = crypto::KeyPair::generate(random);
  const BundleVersion version{crypto::Instance{11}, 3};
  ByteArray<32> by_sender{};
  ByteArray<32> by_receiver{};
  BOOST_TEST(crypto::x25519(by_sender, root.secret.bytes(), receiver.public_key));
  BOOST_TEST(crypto::x25519(by_receiver, receiver.secret.bytes(), root.public_key));
  const auto mac = [&](const ByteArray<32>& key, const crypto::Point& m, const crypto::FriendKey& r,
                       const crypto::FriendKey& s,
                       BundleVersion v) { return to_hex(root_mac(key, m, r, s, v)); };
  const auto good = mac(by_sender, root.public_key, sender.friend_key(), receiver.friend_key(), version);
  BOOST_TEST(mac(by_receiver, root.public_key, sender.friend_key(), receiver.friend_key(), version) == good);
  BOOST_TEST(mac(by_receiver, root.public_key, sender.friend_key(), receiver.friend_key(),
                 {crypto::Instance{11}, 4}) != good);
  BOOST_TEST(mac(by_receiver, root.public_key, sender.friend_key(), receiver.friend_key(),
                 {crypto::Instance{12}, 3}) != good);
  BOOST_TEST(mac(by_receiver, sender.public_key, sender.friend_key(), receiver.friend_key(), version) !=
             good);
}

BOOST_AUTO_TEST_CASE(a_root_passed_off_by_another_friend_is_refused) {
  const auto owner = crypto::KeyPair::generate(random);
  const auto villain = crypto::KeyPair::generate(random);  // the owner's friend: knows M, not m
  const auto receiver = crypto::KeyPair::generate(random);
  const auto root = crypto::KeyPair::generate(random);
  const BundleVersion version{crypto::Instance{11}, 3};
  ByteArray<32> checked{};
  BOOST_TEST(crypto::x25519(checked, receiver.secret.bytes(), root.public_key));
  const auto expected =
      to_hex(root_mac(checked, root.public_key, villain.friend_key(), receiver.friend_key(), version));

  // What the owner gave to the villain, handed on.
  ByteArray<32> given{};
  BOOST_TEST(crypto::x25519(given, root.secret.bytes(), villain.public_key));
  BOOST_TEST(to_hex(root_mac(given, root.public_key, owner.friend_key(), villain.friend_key(), version)) !=
             expected);
  // What the owner gave to the receiver, replayed under the villain's name.
  BOOST_TEST(to_hex(root_mac(checked, root.public_key, owner.friend_key(), receiver.friend_key(), version)) !=
             expected);
  // What the villain can compute with their own key.
  ByteArray<32> own{};
  BOOST_TEST(crypto::x25519(own, villain.secret.bytes(), receiver.public_key));
  BOOST_TEST(to_hex(root_mac(own, root.public_key, villain.friend_key(), receiver.friend_key(), version)) !=
             expected);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
