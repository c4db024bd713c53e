// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/live_sender.hpp"

#include <boost/test/unit_test.hpp>

#include "outbox_parts.hpp"
#include "protocol/live.hpp"

namespace toxasync::test {
namespace {

using manager::LiveSender;

struct Live : OutboxParts {
  Live() {
    add_device(1);
    bob().online = true;
  }
  Target& target(std::size_t parts) {
    Message& message = add_message();
    add_target(message, device(0), epoch(), parts);
    last = &message;
    return message.targets[0];
  }
  void offer(Target& target) { sender.offer(*last, target, bob(), clock.now()); }

  LiveSender sender{friends, mailboxes, telemetry};
  const Message* last = nullptr;
};

BOOST_FIXTURE_TEST_SUITE(live_sender, Live)

BOOST_AUTO_TEST_CASE(the_envelopes_go_by_the_friend_channel) {
  Target& sent = target(2);
  offer(sent);
  friends.tick(clock.now());
  BOOST_REQUIRE(channel_packets.size() == 2U);
  const auto packet = protocol::read_friend_packet(channel_packets[1]);
  protocol::LiveEnvelope live;
  BOOST_REQUIRE(packet.has_value());
  BOOST_TEST((packet->type == protocol::FriendPacketType::envelope));
  BOOST_REQUIRE((wire::decode(packet->message, live) == wire::Error::none));
  BOOST_TEST((live.envelope == sent.envelopes[1].bytes));
  BOOST_TEST(live.epoch == sent.epoch);
  BOOST_TEST((live.mailbox == crypto::friends_mailbox(sent.root, sent.epoch)->address.p));
  BOOST_TEST((*this)[Counter::live_sent] == 2U);
}

BOOST_AUTO_TEST_CASE(the_receipt_is_waited_for) {
  Target& sent = target(1);
  offer(sent);
  BOOST_TEST(sent.offered_live);
  BOOST_TEST(sent.live_until == clock.steady() + LiveSender::live_receipt);
  LiveSender::reset(sent);
  BOOST_TEST(!sent.offered_live);
  BOOST_TEST(sent.live_until == SteadyTime{});
}

BOOST_AUTO_TEST_CASE(what_the_channel_does_not_take_is_not_waited_for) {
  bob().online = false;
  Target& sent = target(1);
  offer(sent);
  BOOST_TEST(sent.offered_live);  // once is enough
  BOOST_TEST(sent.live_until == SteadyTime{});
  BOOST_TEST((*this)[Counter::live_sent] == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
