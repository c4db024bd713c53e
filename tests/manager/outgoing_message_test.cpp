// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_message.hpp"

#include <boost/test/unit_test.hpp>
#include "tests/support/samples.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::manager {
namespace {

constexpr Now now{SteadyTime{1000s}, UnixTime{1'750'000'000s}};

struct Fixture {
  Fixture() {
    message.ttl = limits::default_time_to_live;
    message.sent_at = now.wall;
  }
  OutgoingMessage::Target& add_target(std::size_t copies = 0, bool complete = false) {
    auto& target = message.targets.emplace_back();
    for (std::size_t i = 0; i < copies; ++i) {
      target.copies.emplace_back(test::numbered<protocol::NodeId>(static_cast<std::uint8_t>(i))).complete =
          complete;
    }
    return target;
  }
  OutgoingMessage message;
};

BOOST_FIXTURE_TEST_SUITE(outgoing_message, Fixture)

BOOST_AUTO_TEST_CASE(a_text_is_done_when_all_installations_confirmed) {
  add_target(1, true).confirmed = true;
  add_target(1, true);
  message.delivered = true;
  BOOST_TEST(!message.is_done());
  message.targets[1].confirmed = true;
  BOOST_TEST(message.is_done());
}

BOOST_AUTO_TEST_CASE(an_installation_with_bad_keys_is_not_waited_for) {
  add_target().confirmed = true;
  add_target().refused = true;
  message.delivered = true;
  BOOST_TEST(message.is_done());
}

BOOST_AUTO_TEST_CASE(a_stored_text_that_nobody_confirmed_is_not_done) {
  add_target(3, true);
  BOOST_TEST(!message.is_done());
}

BOOST_AUTO_TEST_CASE(a_receipt_is_done_when_it_is_on_all_nodes) {
  message.kind = crypto::MessageKind::receipt;
  BOOST_TEST(!message.is_done());  // not sealed yet
  auto& target = add_target(3, true);
  BOOST_TEST(message.is_done());
  target.copies[1].complete = false;
  BOOST_TEST(!message.is_done());
}

BOOST_AUTO_TEST_CASE(a_bundle_is_not_done_by_being_stored) {
  message.kind = crypto::MessageKind::bundle;
  add_target(3, true);
  BOOST_TEST(!message.is_done());
}

BOOST_AUTO_TEST_CASE(the_next_step_is_the_earliest_of_what_is_due) {
  BOOST_TEST(message.next_step(now) == now.steady + OutgoingMessage::look_again);
  message.sent_at = now.wall - message.ttl + 500ms;  // it expires soon
  BOOST_TEST(message.next_step(now) == now.steady + 500ms);

  auto& target = add_target(2);
  target.copies[0].retry_at = now.steady + 400ms;
  target.copies[1].complete = true;
  target.copies[1].offer_again = now.steady + 300ms;
  BOOST_TEST(message.next_step(now) == now.steady + 300ms);
  target.copies[1].in_flight = 1;
  BOOST_TEST(message.next_step(now) == now.steady + 400ms);
  target.live_until = now.steady + 200ms;
  BOOST_TEST(message.next_step(now) == now.steady + 200ms);
}

BOOST_AUTO_TEST_CASE(a_copy_is_due_when_it_must_be_renewed) {
  add_target(1, true).copies[0].renew_at = now.unix_time() + 7s;
  BOOST_TEST(message.next_step(now) == now.steady + 7s);
  message.targets[0].confirmed = true;
  BOOST_TEST(message.next_step(now) == now.steady + OutgoingMessage::look_again);
}

BOOST_AUTO_TEST_CASE(a_cancel_is_due_when_it_is_retried) {
  message.cancel_retry = now.steady + 900ms;
  BOOST_TEST(message.next_step(now) == now.steady + OutgoingMessage::look_again);
  message.stage = OutgoingMessage::Stage::cancelling;
  BOOST_TEST(message.next_step(now) == now.steady + 900ms);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
