// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/message_reporter.hpp"

#include <boost/test/unit_test.hpp>

#include "outbox_parts.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::test {
namespace {

using manager::FailReason;
using manager::MessageReporter;
using manager::MessageState;

struct Reporting : OutboxParts {
  /// A target with so many complete copies.
  static Target& add_stored(Message& message, std::uint64_t instance, std::size_t complete) {
    Target& target = message.targets.emplace_back();
    target.instance = crypto::Instance{instance};
    for (std::size_t i = 0; i < complete; ++i) {
      target.copies.emplace_back(counting<protocol::NodeId>(static_cast<std::uint8_t>(i))).complete = true;
    }
    return target;
  }
  [[nodiscard]] static std::pair<int, int> nodes(const manager::MessageStatus& status) {
    return {status.stored, status.wanted};
  }

  MessageReporter reporter{friends, events, telemetry};
};

BOOST_FIXTURE_TEST_SUITE(message_reporter, Reporting)

BOOST_AUTO_TEST_CASE(a_status_counts_the_nodes_that_have_the_whole) {
  add_device(1, 3);
  Message& message = add_message();
  Target& target = add_stored(message, 1, 2);
  target.copies.emplace_back(counting<protocol::NodeId>(9));  // has a part of it
  BOOST_TEST((nodes(reporter.present_status(message)) == std::pair{2, 3}));
  BOOST_TEST((reporter.present_status(message).state == MessageState::stored));
  target.copies.clear();
  BOOST_TEST((nodes(reporter.present_status(message)) == std::pair{0, 3}));
  BOOST_TEST((reporter.present_status(message).state == MessageState::queued));
}

BOOST_AUTO_TEST_CASE(of_several_installations_the_one_stored_most_counts) {
  add_device(1, 5);
  add_device(2, 3);
  Message& message = add_message();
  add_stored(message, 1, 1);
  add_stored(message, 2, 3);
  BOOST_TEST((nodes(reporter.present_status(message)) == std::pair{3, 5}));
}

BOOST_AUTO_TEST_CASE(former_home_nodes_count_as_wanted) {
  add_device(1, 1);
  Message& message = add_message();
  add_stored(message, 1, 3);
  BOOST_TEST((nodes(reporter.present_status(message)) == std::pair{3, 3}));
}

BOOST_AUTO_TEST_CASE(stored_is_reported_at_each_further_node) {
  add_device(1, 3);
  Message& message = add_message();
  Target& target = add_stored(message, 1, 1);
  reporter.report_stored(message);
  reporter.report_stored(message);  // no further node
  target.copies.emplace_back(counting<protocol::NodeId>(9)).complete = true;
  reporter.report_stored(message);
  events.deliver();
  BOOST_REQUIRE(states.size() == 2U);
  BOOST_TEST((nodes(states[1]) == std::pair{2, 3}));
  BOOST_TEST((*this)[Counter::messages_stored] == 2U);

  message.delivered = true;
  target.copies.emplace_back(counting<protocol::NodeId>(10)).complete = true;
  reporter.report_stored(message);
  BOOST_TEST(events.next_deadline() == never);
}

BOOST_AUTO_TEST_CASE(the_end_stays_on_disk_until_it_was_reported) {
  Message& message = add_message();
  store::StateBatch batch;
  reporter.report_end(message, MessageState::failed, FailReason::friend_removed, batch);
  state.keep(std::move(batch));
  BOOST_TEST(rows('E') == 1U);
  events.deliver();
  BOOST_REQUIRE(states.size() == 1U);
  BOOST_TEST((states[0].id == message.id && states[0].state == MessageState::failed));
  BOOST_TEST((states[0].reason == FailReason::friend_removed));
  BOOST_TEST((*this)[Counter::messages_failed] == 1U);
  BOOST_TEST(rows('E') == 0U);
}

BOOST_AUTO_TEST_CASE(service_messages_are_not_reported) {
  reporter.report(add_message("ids", crypto::MessageKind::receipt), MessageState::queued);
  BOOST_TEST(events.next_deadline() == never);
  BOOST_TEST((*this)[Counter::messages_queued] == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
