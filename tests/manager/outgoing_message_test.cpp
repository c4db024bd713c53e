// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_message.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/samples.hpp"

namespace toxasync::manager {
namespace {

constexpr Now now{1'000'000, 1'750'000'000'000};

struct Fixture {
  Fixture() {
    message.ttl_s = limits::default_time_to_live_s;
    message.sent_at_ms = now.unix_ms;
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
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + OutgoingMessage::look_again_ms);
  message.sent_at_ms = now.unix_ms - std::int64_t{message.ttl_s} * 1000 + 500;  // it expires soon
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 500);

  auto& target = add_target(2);
  target.copies[0].retry_at_ms = now.steady_ms + 400;
  target.copies[1].complete = true;
  target.copies[1].offer_again_ms = now.steady_ms + 300;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 300);
  target.copies[1].in_flight = 1;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 400);
  target.live_until_ms = now.steady_ms + 200;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 200);
}

BOOST_AUTO_TEST_CASE(a_copy_is_due_when_it_must_be_renewed) {
  add_target(1, true).copies[0].renew_at_s = now.unix_s() + 7;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 7000);
  message.targets[0].confirmed = true;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + OutgoingMessage::look_again_ms);
}

BOOST_AUTO_TEST_CASE(a_cancel_is_due_when_it_is_retried) {
  message.cancel_retry_ms = now.steady_ms + 900;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + OutgoingMessage::look_again_ms);
  message.stage = OutgoingMessage::Stage::cancelling;
  BOOST_TEST(message.next_step_ms(now) == now.steady_ms + 900);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
