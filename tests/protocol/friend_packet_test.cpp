// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/friend_packet.hpp"

#include <boost/test/unit_test.hpp>

#include "samples.hpp"

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
  check_round_trip(FriendPacketType::bundle_taken,
                   BundleTaken{{crypto::Instance{1}, 2}, crypto::Instance{3}});
  check_round_trip(FriendPacketType::envelope, test::live_envelope());
  check_round_trip(FriendPacketType::receipt, test::live_receipt());
  check_round_trip(FriendPacketType::nack, test::live_receipt());
}

BOOST_AUTO_TEST_CASE(six_types_and_one_version_are_known) {
  Bytes packet = make_friend_packet(FriendPacketType::bundle_taken,
                                    BundleTaken{{crypto::Instance{1}, 2}, crypto::Instance{3}});
  for (int type = 0; type < 256; ++type) {
    packet[3] = static_cast<std::uint8_t>(type);
    BOOST_TEST(read_friend_packet(packet).has_value() == (type >= 1 && type <= 6), "type " << type);
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

}  // namespace
}  // namespace toxasync::protocol
