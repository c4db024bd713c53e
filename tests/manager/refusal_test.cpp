// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"

namespace toxasync::test {

BOOST_AUTO_TEST_SUITE(manager_refusal)

BOOST_FIXTURE_TEST_CASE(an_envelope_of_another_friend_on_the_live_channel_is_refused, HandWorld) {
  HandFriend carol(*this, bob, 777);
  carol.take_bundle();
  const auto hers = carol.seal({});
  BOOST_TEST(refused(Counter::refused_envelope_header,
                     [&] { eve.give(protocol::FriendPacketType::envelope, hers.live); }) == 1);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(an_envelope_for_a_mailbox_that_is_not_ours_is_refused, HandWorld) {
  auto foreign = eve.seal({}).live;
  foreign.mailbox[3] ^= 1;
  BOOST_TEST(refused(Counter::refused_envelope_header,
                     [&] { eve.give(protocol::FriendPacketType::envelope, foreign); }) == 1);
  auto far = eve.seal({.epochs_ahead = 5}).live;
  BOOST_TEST(refused(Counter::refused_envelope_header,
                     [&] { eve.give(protocol::FriendPacketType::envelope, far); }) == 1);
  auto spoilt = eve.seal({}).live;
  spoilt.envelope[300] ^= 1;
  BOOST_TEST(refused(Counter::refused_envelope_body,
                     [&] { eve.give(protocol::FriendPacketType::envelope, spoilt); }) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_replayed_message_is_shown_once_and_confirmed_again, HandWorld) {
  const auto sealed = eve.send({});
  eve.give(protocol::FriendPacketType::envelope, sealed.live);
  eve.store(*nodes[0], sealed);
  eve.store(*nodes[1], eve.seal({.id = sealed.id, .pre_key = sealed.pre_key}));  // sealed again
  BOOST_TEST(run(10min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST(bob[Counter::duplicates_dropped] == 3);
  BOOST_TEST(eve.take_receipts().size() >= 1);
  bob.crash();
  bob.start();
  eve.come();
  eve.give(protocol::FriendPacketType::envelope, sealed.live);
  run(1s);
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST(eve.take_receipts().size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_one_time_key_opens_one_message_of_its_friend, HandWorld) {
  HandFriend carol(*this, bob, 777);
  carol.take_bundle();
  BOOST_TEST(refused(Counter::refused_pre_key_unknown, [&] { carol.send({.pre_key = eve.keys.back()}); }) ==
             1);
  const auto used = eve.send({});
  BOOST_TEST(refused(Counter::refused_pre_key_unknown, [&] {  // before the first is on disk, and after
               eve.send({.sequence = 2, .pre_key = used.pre_key});
             }) == 1);
  BOOST_TEST(refused(Counter::refused_pre_key_unknown,
                     [&] { eve.send({.sequence = 3, .pre_key = used.pre_key}); }) == 1);
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(text_that_is_not_utf8_is_refused, HandWorld) {
  BOOST_TEST(refused(Counter::refused_message_text, [&] { eve.send({.text = "a\xff"}); }) == 1);
  BOOST_TEST(refused(Counter::refused_message_text, [&] { eve.send({.text = "", .sequence = 2}); }) == 1);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(service_messages_of_the_wrong_content_are_refused, HandWorld) {
  BOOST_TEST(refused(Counter::refused_operation, [&] {
               eve.send({.text = "seventeen bytes..", .kind = crypto::MessageKind::nack});
             }) == 1);
  BOOST_TEST(refused(Counter::refused_bundle,
                     [&] { eve.send({.text = "not a bundle", .kind = crypto::MessageKind::bundle}); }) == 1);
  BOOST_TEST(refused(Counter::refused_operation, [&] {  // a receipt that is not made of ids
               eve.send({.text = "seventeen bytes..", .kind = crypto::MessageKind::receipt});
             }) == 1);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(malformed_friend_packets_and_those_of_strangers_are_refused, HandWorld) {
  BOOST_TEST(refused(Counter::refused_friend_packet, [&] {
               bob.manager->on_friend_packet(eve.key(), Bytes{190, 0x74, 9, 1});
               bob.manager->on_friend_packet(eve.key(), Bytes{190, 0x74, 1, 99});
               bob.manager->on_friend_packet(eve.key(), Bytes{190, 0x74, 1, 4, 0});
               bob.manager->on_friend_packet(eve.key(), Bytes{190, 0x74, 1, 5, 0, 0});
               bob.manager->on_friend_packet({}, Bytes{190, 0x74, 1, 1});
             }) == 5);
}

BOOST_FIXTURE_TEST_CASE(a_receipt_for_somebody_elses_message_counts_for_nothing, Pair) {
  HandFriend eve(*this, alice);
  bob.crash();
  const auto id = alice.send(bob, "for bob");
  run(5s);
  eve.come();
  eve.give(protocol::FriendPacketType::receipt, protocol::LiveReceipt{crypto::Instance{99}, {id}});
  run(1s);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
}

BOOST_FIXTURE_TEST_CASE(a_time_of_sending_in_the_future_is_shown_as_now, HandWorld) {
  eve.send({.sent_at = clock.now().wall + 1000s});
  run(1s);
  BOOST_REQUIRE(bob.shown.size() == 1);
  BOOST_TEST(bob.shown[0].sent_at <= clock.now().wall);
}

BOOST_FIXTURE_TEST_CASE(mail_of_a_removed_friend_is_not_even_fetched, Pair) {
  bob.crash();
  alice.send(bob, "unwanted");
  alice.send(bob, "unwanted too");
  run(5s);
  alice.crash();
  bob.friends.erase(alice.key);
  bob.start();
  const auto records = live_records();
  run(10min);
  BOOST_TEST(live_records() >= records);  // it lies in a box that counts no longer, until it expires
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_FIXTURE_TEST_CASE(mail_not_yet_on_disk_of_a_removed_friend_is_not_shown, HandWorld) {
  bob.state->hold_commits(true);
  eve.send({});
  run(1s);
  bob.friends.erase(eve.key());
  bob.manager->on_friend_removed(eve.key());
  bob.state->hold_commits(false);
  run(1s);
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.rows('I') == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
