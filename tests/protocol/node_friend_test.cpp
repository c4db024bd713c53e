// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/node_friend.hpp"

#include <boost/test/unit_test.hpp>

#include "protocol/frame.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::protocol {
namespace {

// Computed from the Ed25519 and X25519 formulas, by a program that shares no code with this one.
constexpr std::string_view some_id = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
constexpr std::string_view some_key = "4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01";

ByteArray<32> seed() {
  ByteArray<32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i);
  }
  return bytes;
}

BOOST_AUTO_TEST_SUITE(node_friend)

BOOST_AUTO_TEST_CASE(a_nodes_tox_address_follows_from_its_id) {
  const crypto::SigningKey signer(seed());
  BOOST_TEST(to_hex(signer.public_key()) == some_id);
  const auto key = tox_key_of(NodeId(signer.public_key()));
  BOOST_REQUIRE(key.has_value());
  BOOST_TEST(to_hex(*key) == some_key);
  BOOST_TEST(to_hex(tox_address_of(*key)) == std::string(some_key).append("746f7861c637"));
}

BOOST_AUTO_TEST_CASE(the_node_has_the_secret_to_it) {
  const crypto::SigningKey signer(seed());
  const crypto::KeyPair pair = crypto::KeyPair::from_secret(signer.x25519_secret());
  BOOST_TEST(to_hex(pair.public_key) == some_key);
}

BOOST_AUTO_TEST_CASE(an_id_that_is_no_key_has_no_address) {
  const auto low_order = test::numbered<NodeId>(1);
  BOOST_TEST(!tox_key_of(low_order).has_value());
  const auto no_point = test::numbered<NodeId>(2);
  BOOST_TEST(!tox_key_of(no_point).has_value());
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_is_five_bytes) {
  const FriendAck ack = encode_friend_ack(0x01020304);
  BOOST_TEST(to_hex(ack) == "a404030201");
  BOOST_TEST(decode_friend_ack(ack).value() == 0x01020304U);
  const Bytes longer{0xa4, 1, 2, 3, 4, 5};
  const Bytes shorter{0xa4, 1, 2, 3};
  const Bytes other{0xa0, 1, 2, 3, 4};
  for (const Bytes& wrong : {longer, shorter, other, Bytes{}}) {
    BOOST_TEST(!decode_friend_ack(wrong).has_value());
  }
}

BOOST_AUTO_TEST_CASE(only_the_four_kinds_are_frames) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    Bytes packet(limits::frame, 0);
    packet[0] = static_cast<std::uint8_t>(kind);
    BOOST_TEST(is_friend_frame(packet) == (kind >= 0xa0 && kind <= 0xa3));
  }
  Bytes longer(limits::frame + 1, 0xa0);
  BOOST_TEST(!is_friend_frame(longer));
  BOOST_TEST(!is_friend_frame({}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
