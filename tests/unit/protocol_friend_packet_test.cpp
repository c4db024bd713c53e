// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/friend_packet.hpp"

#include <boost/test/unit_test.hpp>

#include "crypto_fixture.hpp"
#include "protocol_samples.hpp"

namespace toxasync::protocol {
namespace {

template <class Message>
void check_round_trip(FriendPacketType type, const Message& message) {
  const Bytes packet = make_friend_packet(type, message);
  BOOST_TEST(packet.size() <= 1373U);
  BOOST_TEST(to_hex(ByteView(packet).first(3)) == "be7401");
  BOOST_TEST(is_friend_packet(packet));
  const auto read = read_friend_packet(packet);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((read->type == type));
  TOXASYNC_TEST_BYTES(read->message, test::encoded(message));
}

BOOST_AUTO_TEST_SUITE(friend_packets)

BOOST_AUTO_TEST_CASE(every_type_comes_back_with_its_message) {
  check_round_trip(FriendPacketType::bundle_head, test::bundle_head());
  check_round_trip(FriendPacketType::bundle_keys, test::bundle_keys());
  check_round_trip(FriendPacketType::bundle_taken, BundleVersion{1, 2});
  check_round_trip(FriendPacketType::envelope, test::live_envelope());
  check_round_trip(FriendPacketType::receipt, test::live_receipt());
}

BOOST_AUTO_TEST_CASE(five_types_and_one_version_are_known) {
  Bytes packet = make_friend_packet(FriendPacketType::bundle_taken, BundleVersion{1, 2});
  for (int type = 0; type < 256; ++type) {
    packet[3] = static_cast<std::uint8_t>(type);
    BOOST_TEST(read_friend_packet(packet).has_value() == (type >= 1 && type <= 5), "type " << type);
  }
  packet[3] = 1;
  for (int version = 0; version < 256; ++version) {
    packet[2] = static_cast<std::uint8_t>(version);
    BOOST_TEST(read_friend_packet(packet).has_value() == (version == 1), "version " << version);
    BOOST_TEST(is_friend_packet(packet));  // ours, of whatever version: not the host's
  }
}

BOOST_AUTO_TEST_CASE(the_packets_of_others_are_passed_on) {
  BOOST_TEST(!is_friend_packet({}));
  BOOST_TEST(!is_friend_packet(Bytes{190}));
  for (int id = 0; id < 256; ++id) {
    for (int magic = 0; magic < 256; ++magic) {
      const Bytes packet{static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(magic), 1, 1};
      const bool ours = id == 190 && magic == 0x74;
      BOOST_REQUIRE(is_friend_packet(packet) == ours);
      BOOST_REQUIRE(read_friend_packet(packet).has_value() == ours);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_packet_too_short_or_too_long_is_refused) {
  Bytes packet(1374);
  std::ranges::copy(Bytes{190, 0x74, 1, 1}, packet.begin());
  for (std::size_t size = 0; size <= packet.size(); ++size) {
    BOOST_REQUIRE(read_friend_packet(ByteView(packet).first(size)).has_value() ==
                  (size >= 4 && size <= 1373));
  }
}

BOOST_AUTO_TEST_CASE(a_message_past_its_limits_makes_no_packet) {
  auto receipt = test::live_receipt();
  receipt.ids.emplace_back();
  BOOST_TEST(make_friend_packet(FriendPacketType::receipt, receipt).empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(root_macs, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(a_friend_can_check_that_a_root_is_the_givers_own) {
  const auto giver = crypto::KeyPair::generate(random);
  const auto taker = crypto::KeyPair::generate(random);
  const auto root = crypto::KeyPair::generate(random);
  const BundleVersion version{11, 3};
  crypto::Point by_giver{};
  crypto::Point by_taker{};
  BOOST_TEST(crypto::x25519(by_giver, root.secret.bytes(), taker.public_key));
  BOOST_TEST(crypto::x25519(by_taker, taker.secret.bytes(), root.public_key));
  const auto mac = [&](const crypto::Point& key, const crypto::Point& m, const crypto::Point& r,
                       const crypto::Point& s, BundleVersion v) { return to_hex(root_mac(key, m, r, s, v)); };
  const auto good = mac(by_giver, root.public_key, giver.public_key, taker.public_key, version);
  BOOST_TEST(mac(by_taker, root.public_key, giver.public_key, taker.public_key, version) == good);
  BOOST_TEST(mac(by_taker, root.public_key, giver.public_key, taker.public_key, {11, 4}) != good);
  BOOST_TEST(mac(by_taker, root.public_key, giver.public_key, taker.public_key, {12, 3}) != good);
  BOOST_TEST(mac(by_taker, giver.public_key, giver.public_key, taker.public_key, version) != good);
}

BOOST_AUTO_TEST_CASE(a_root_passed_off_by_another_friend_is_refused) {
  const auto owner = crypto::KeyPair::generate(random);
  const auto villain = crypto::KeyPair::generate(random);  // the owner's friend: knows M, not m
  const auto taker = crypto::KeyPair::generate(random);
  const auto root = crypto::KeyPair::generate(random);
  const BundleVersion version{11, 3};
  crypto::Point checked{};
  BOOST_TEST(crypto::x25519(checked, taker.secret.bytes(), root.public_key));
  const auto expected =
      to_hex(root_mac(checked, root.public_key, villain.public_key, taker.public_key, version));

  // What the owner gave to the villain, handed on.
  crypto::Point given{};
  BOOST_TEST(crypto::x25519(given, root.secret.bytes(), villain.public_key));
  BOOST_TEST(to_hex(root_mac(given, root.public_key, owner.public_key, villain.public_key, version)) !=
             expected);
  // What the owner gave to the taker, replayed under the villain's name.
  BOOST_TEST(to_hex(root_mac(checked, root.public_key, owner.public_key, taker.public_key, version)) !=
             expected);
  // What the villain can compute with his own key.
  crypto::Point own{};
  BOOST_TEST(crypto::x25519(own, villain.secret.bytes(), taker.public_key));
  BOOST_TEST(to_hex(root_mac(own, root.public_key, villain.public_key, taker.public_key, version)) !=
             expected);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
