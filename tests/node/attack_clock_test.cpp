// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"

// A node whose wall clock is wrong for a while loses nothing: docs/store.md, "The clock".

namespace toxasync::test {
namespace {

using protocol::StoreStatus;

constexpr seconds jumps[] = {20s, days(1) + 1s, days(20), days(31), days(400), -days(365)};
constexpr seconds durations[] = {2s, 20s, 59min};

struct Fixture {
  NodeHarness node;
  HandClient owner{node, 100};
  HandClient sender{node, 500, MockTransport::route_to(ipv4(2))};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());
  std::uint64_t stored = 0;

  Fixture() {
    owner.greet();
    sender.greet();
  }
  [[nodiscard]] UnixTime wall() const { return node.clock.unix_time(); }

  std::optional<StoreStatus> store(seconds ttl = limits::default_time_to_live) {
    auto request = sender.store_request(mailbox.mailbox, test_envelope(++stored));
    request.ttl_s = ttl_s(ttl);
    sender.sign(request, mailbox.mailbox);
    const auto response = sender.ask(request);
    return response ? std::optional(response->status) : std::nullopt;
  }
  void store_some(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      BOOST_TEST_REQUIRE((store() == StoreStatus::stored));
    }
  }
  std::size_t listed() {
    std::size_t count = 0;
    std::uint64_t cursor = 0;
    for (bool more = true; more;) {
      more = false;
      for (const auto& page : owner.ask(owner.retrieve_request(mailbox, 16, cursor))) {
        count += page.envelopes.size();
        cursor = page.cursor;
        more = page.flags != 0;
      }
    }
    return count;
  }
  /// Time passes, and the node ticks.
  void pass(seconds time, seconds step = 1s) {
    for (seconds passed = 0s; passed < time; passed += step) {
      node.clock.advance(std::min(step, time - passed));
      node.tick();
    }
  }
  /// Cookies end after some minutes.
  void greet_again() {
    owner.greet();
    sender.greet();
  }
  /// With the key of a descriptor that is valid, to the mailbox of the present.
  void come_as_clients_do() {
    const auto descriptor = protocol::NodeDescriptor::decode_signed(node.node.descriptor());
    BOOST_TEST_REQUIRE(descriptor.has_value());
    BOOST_TEST(unix_time(descriptor->valid_from_s) <= wall());
    BOOST_TEST(unix_time(descriptor->valid_until_s) >= wall());
    owner.set_node_key(descriptor->key);
    sender.set_node_key(descriptor->key);
    mailbox = test_mailbox(node.epoch());
    greet_again();
  }
  void set_ahead(seconds time) { node.clock.set_unix(wall() + time); }
  [[nodiscard]] std::uint64_t sessions_opened() const { return node[Counter::sessions_opened]; }
};

void jump_and_return(bool at_start, seconds jump, seconds duration) {
  BOOST_TEST_CONTEXT((at_start ? "at the start, " : "")
                     << jump.count() << " s for " << duration.count() << " s") {
    Fixture test;
    test.store_some(26);
    test.pass(1h, 60s);
    test.greet_again();
    test.store_some(26);
    BOOST_TEST_REQUIRE(test.listed() == 52U);
    const auto key = test.node.keys.current().pair.public_key;
    test.set_ahead(jump);
    if (at_start) {
      test.node.restart();
      test.greet_again();
    }
    const auto opened = test.sessions_opened();
    test.node.tick();
    BOOST_TEST(test.listed() == 52U);
    test.pass(duration / 2, 1s);
    test.greet_again();
    test.store_some(3);  // of an epoch by a clock that is right
    BOOST_TEST(test.listed() == 55U);
    test.pass(duration - duration / 2, 1s);
    test.set_ahead(-jump);
    test.node.tick();
    test.greet_again();
    BOOST_TEST(test.listed() == 55U);
    test.store_some(1);
    test.pass(2h, 60s);
    test.greet_again();
    BOOST_TEST(test.listed() == 56U);
    BOOST_TEST(test.node[Counter::node_expired] == 0U);
    BOOST_TEST((test.node.keys.current().pair.public_key == key));
    BOOST_TEST(test.sessions_opened() - opened <= (at_start ? 2U : 0U));
    test.pass(limits::largest_time_to_live + 1h, 1h);
    if (jump == days(20)) {  // what was stored meanwhile is kept for as much longer
      test.pass(jump, 1h);
    }
    if (jump <= days(20)) {
      BOOST_TEST(test.node.store.stats().messages == 0U);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_node_clock)

BOOST_AUTO_TEST_CASE(no_jump_of_a_running_nodes_clock_expires_mail) {
  for (const seconds jump : jumps) {
    for (const seconds duration : durations) {
      jump_and_return(false, jump, duration);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_wrong_clock_at_the_start_expires_mail) {
  for (const seconds jump : jumps) {
    for (const seconds duration : durations) {
      jump_and_return(true, jump, duration);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(many_jumps_within_an_hour_are_as_one, Fixture) {
  store_some(10);
  for (int i = 0; i < 30; ++i) {
    set_ahead(seconds(23h));
    pass(2s);
  }
  BOOST_TEST(node.store.stats().messages == 10U);
  set_ahead(-30 * seconds(23h));
  pass(2h, 60s);
  BOOST_TEST(node.store.stats().messages == 10U);
}

BOOST_FIXTURE_TEST_CASE(jumps_to_and_fro_do_not_add_up_to_an_hour, Fixture) {
  store_some(10);
  for (int i = 0; i < 5; ++i) {
    set_ahead(days(20));
    pass(50min, 10s);
    set_ahead(-days(20));
    pass(1min, 10s);
  }
  BOOST_TEST(node.store.stats().messages == 10U);
}

BOOST_FIXTURE_TEST_CASE(a_clock_that_stays_is_believed_after_an_hour, Fixture) {
  store_some(10);
  set_ahead(days(20));
  pass(59min, 10s);
  BOOST_TEST(node.store.stats().messages == 10U);
  pass(2min, 10s);
  BOOST_TEST(node.store.stats().messages == 0U);  // the promise ends here
}

BOOST_FIXTURE_TEST_CASE(a_machine_that_was_off_serves_at_once, Fixture) {
  for (const seconds off : {seconds(days(2)), seconds(days(30))}) {
    BOOST_TEST_CONTEXT(off.count() / 3600 << " h") {
      const auto before = node.store.stats().messages;
      come_as_clients_do();
      store_some(5);
      set_ahead(off);
      node.restart();
      come_as_clients_do();
      store_some(5);
      BOOST_TEST(listed() == 5U);
      BOOST_TEST(node.store.stats().messages == before + 10U);  // also those that may be over
      pass(61min, 10s);
      const bool over = off > limits::default_time_to_live;
      BOOST_TEST(node.store.stats().messages == (over ? 5U : before + 10U));
      come_as_clients_do();
      BOOST_TEST(listed() == 5U);
      node.clock.advance(days(20));
      pass(10s);
      BOOST_TEST(node.store.stats().messages == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(short_runs_after_long_pauses_expire_in_the_end) {
  for (const seconds run : {seconds(20min), seconds(5min), seconds(1min)}) {
    BOOST_TEST_CONTEXT("runs of " << run.count() << " s") {
      Fixture test;
      test.store_some(10);
      // After an hour of runs in all the clock of the first is believed, after another that of the time.
      for (seconds passed = 0s; passed <= 3h; passed += run) {
        test.pass(run, 10s);
        test.set_ahead(days(3));
        test.node.restart();
      }
      BOOST_TEST(test.node.store.stats().messages == 0U);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
