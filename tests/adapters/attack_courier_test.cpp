// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/adapters/courier_host.hpp"

// Nobody keeps all places of a node's couriers: docs/protocol.md, section 12, "Limits".

using namespace toxasync;
using namespace toxasync::test;

namespace {

struct Fixture {
  bool ready = crypto::initialise();
  Host node{End::node, FriendTransport::max_couriers};
  std::vector<crypto::Point> attackers;

  /// The node's places, filled as fast as it accepts.
  void fill() {
    while (node.transport.friends() < FriendTransport::max_couriers) {
      attackers.push_back(arrive());
    }
  }
  crypto::Point arrive() {
    const auto key = node.knock();
    node.pass(FriendTransport::next_courier);
    if (is_there(key)) {
      node.connect(key);
    }
    return key;
  }
  bool is_there(const crypto::Point& key) const { return node.number(key) != UINT32_MAX; }
  /// Frames that anybody can send.
  void chatter() {
    for (const auto& key : attackers) {
      if (is_there(key)) {
        node.receive(key, frame());
      }
    }
    node.pass(1ms);
  }
  void ask_authentically(const crypto::Point& key) {
    node.receive(key, frame());
    node.transport.on_authentic(FriendTransport::route_to_key(key));
  }
  void pass(milliseconds time) {
    for (milliseconds passed = 0ms; passed < time; passed += 10s) {
      node.pass(10s);
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_couriers)

BOOST_FIXTURE_TEST_CASE(a_packet_in_three_minutes_keeps_no_place, Fixture) {
  fill();
  for (int i = 0; i < 4; ++i) {
    chatter();
    pass(170s);
  }
  chatter();
  const auto honest = arrive();
  BOOST_TEST(is_there(honest));
}

BOOST_FIXTURE_TEST_CASE(a_courier_that_asks_stays_whoever_knocks, Fixture) {
  const auto honest = arrive();
  fill();
  for (int minute = 0; minute < 20; ++minute) {
    ask_authentically(honest);
    chatter();
    for (int i = 0; i < 30; ++i) {
      attackers.push_back(arrive());
    }
    BOOST_TEST_REQUIRE(is_there(honest));
  }
}

BOOST_FIXTURE_TEST_CASE(a_newcomer_has_time_to_ask_while_others_knock, Fixture) {
  fill();
  const auto honest = node.knock();
  for (int i = 0; i < 20; ++i) {
    attackers.push_back(arrive());
  }
  BOOST_TEST_REQUIRE(is_there(honest));  // It is not connected yet.
  node.connect(honest);
  for (int i = 0; i < 60; ++i) {
    attackers.push_back(arrive());
  }
  BOOST_TEST(is_there(honest));
}

BOOST_FIXTURE_TEST_CASE(places_change_hands_when_all_ask_authentically, Fixture) {
  fill();
  pass(FriendTransport::courier_active);
  for (const auto& key : attackers) {
    ask_authentically(key);
  }
  const auto honest = arrive();
  BOOST_TEST(is_there(honest));
  for (int i = 0; i < 80; ++i) {
    ask_authentically(honest);
    for (const auto& key : attackers) {
      if (is_there(key)) {
        ask_authentically(key);
      }
    }
    arrive();
  }
  BOOST_TEST(is_there(honest));
}

BOOST_FIXTURE_TEST_CASE(connecting_again_and_again_keeps_no_place, Fixture) {
  const auto honest = arrive();
  fill();
  for (int minute = 0; minute < 8; ++minute) {
    for (const auto& key : attackers) {
      if (is_there(key)) {
        node.connect(key, false);
        node.connect(key);
      }
    }
    ask_authentically(honest);
    chatter();
    pass(1min);
  }
  attackers.push_back(arrive());
  BOOST_TEST(is_there(attackers.back()));
  BOOST_TEST(is_there(honest));
}

BOOST_AUTO_TEST_SUITE_END()
