// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/send_window.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/samples.hpp"

namespace toxasync::manager {
namespace {

struct Window : SendWindow {
  static OutgoingMessage message(std::uint64_t sequence) {
    OutgoingMessage message;
    message.id = test::counting<crypto::MessageId>(static_cast<std::uint8_t>(100 - sequence));
    message.to = test::counting<FriendKey>(1);
    message.sequence = sequence;
    return message;
  }
  void begin_many(std::size_t operations) {
    for (std::size_t i = 0; i < operations; ++i) {
      begin(bob, node);
    }
  }
  const FriendKey bob = test::counting<FriendKey>(1);
  const FriendKey eve = test::counting<FriendKey>(2);
  const protocol::NodeId node = test::counting<protocol::NodeId>(3);
  const protocol::NodeId other = test::counting<protocol::NodeId>(4);
};

BOOST_FIXTURE_TEST_SUITE(send_window, Window)

BOOST_AUTO_TEST_CASE(the_window_of_a_friend_at_a_node_is_limited) {
  begin_many(parts_in_flight - 2);
  BOOST_TEST(has_room(bob, node, 2));
  BOOST_TEST(!has_room(bob, node, 3));
  BOOST_TEST(!full(bob, node));
  begin_many(2);
  BOOST_TEST(full(bob, node));
  BOOST_TEST(has_room(eve, node, parts_in_flight));  // others have windows of their own
  BOOST_TEST(has_room(bob, other, parts_in_flight));
}

BOOST_AUTO_TEST_CASE(what_has_ended_makes_room) {
  begin_many(parts_in_flight);
  for (int i = 0; i < 10; ++i) {
    end(bob, node);
  }
  end(bob, other);
  BOOST_TEST(has_room(bob, node, 10));
  BOOST_TEST(!has_room(bob, node, 11));
  for (std::size_t i = 0; i < parts_in_flight; ++i) {
    end(bob, node);  // more than there are: none are left
  }
  BOOST_TEST(has_room(bob, node, parts_in_flight));
}

BOOST_AUTO_TEST_CASE(a_message_larger_than_the_window_goes_alone) {
  BOOST_TEST(has_room(bob, node, parts_in_flight + 1));
  begin_many(1);
  BOOST_TEST(!has_room(bob, node, parts_in_flight));
}

BOOST_AUTO_TEST_CASE(messages_wait_at_each_node_in_the_order_of_sending) {
  wait(message(7), node);
  wait(message(3), node);
  wait(message(5), other);
  BOOST_TEST((first_waiting(bob, node) == message(3).place()));
  BOOST_TEST((first_waiting(bob, other) == message(5).place()));
  BOOST_TEST(waited_for(bob).size() == 2U);
  stop_waiting(bob, message(3).place());
  BOOST_TEST(!is_waiting(bob, node, message(3).place()));
  BOOST_TEST((first_waiting(bob, node) == message(7).place()));
  stop_waiting(bob, message(5).place());
  BOOST_TEST((waited_for(bob) == std::vector{node}));
  BOOST_TEST(!first_waiting(eve, node).has_value());
}

BOOST_AUTO_TEST_CASE(noted_friends_are_taken_once) {
  BOOST_TEST(!has_noted());
  note_room(bob);
  note_room(bob);
  BOOST_TEST(has_noted());
  BOOST_TEST((take_noted() == std::set{bob}));
  BOOST_TEST(!has_noted());
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_a_friend_who_is_forgotten) {
  begin_many(parts_in_flight);
  wait(message(1), node);
  note_room(bob);
  forget(bob);
  BOOST_TEST(!full(bob, node));
  BOOST_TEST(!first_waiting(bob, node).has_value());
  BOOST_TEST(!has_noted());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
