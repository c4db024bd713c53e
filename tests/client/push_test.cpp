// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "rig.hpp"

// Announcements: docs/protocol.md, section 6.

namespace toxasync::test {
namespace {

using protocol::Page;
using protocol::RetrieveOp;

/// A client whose retrieve of a mailbox has left a subscription at an honest node.
struct Subscribed : Rig {
  Subscribed() : Subscribed(client::ClientConfig{}) {}
  explicit Subscribed(const client::ClientConfig& config) : Rig(1, config) { subscribe(); }

  client::OperationId subscribe(std::uint64_t mailbox_number = 0) {
    last = retrieve(node, mailbox_number, true);
    run();
    BOOST_TEST_REQUIRE(complete(last));
    asked = node.requests.back();
    return last;
  }
  /// As the node seals it.
  void send(const Page& page) { node.answer(transport.endpoint(), asked.header, page); }
  void announce(std::uint64_t counter) {
    send(Page::announcement(counter, since_1970_s(clock.unix_time())));
    run();
  }
  void announce() { announce(asked.counter); }
  [[nodiscard]] std::uint64_t refused() const { return telemetry[Counter::refused_answer]; }

  ScriptedNode& node = add_node();
  client::OperationId last{};
  ScriptedNode::Seen asked;
};

using Ids = std::vector<client::OperationId>;

}  // namespace

BOOST_AUTO_TEST_SUITE(client_push)

BOOST_FIXTURE_TEST_CASE(an_announcement_is_reported_once_for_its_retrieve, Subscribed) {
  BOOST_TEST(listener.announced.empty());
  announce();
  BOOST_TEST((listener.announced == Ids{last}));
  for (int i = 0; i < 1000; ++i) {
    announce();
  }
  BOOST_TEST((listener.announced == Ids{last}));
  BOOST_TEST(refused() == 1000U);
  BOOST_TEST(telemetry[Counter::client_announced] == 1U);
  const auto first = last;
  const auto next = subscribe();
  announce();
  BOOST_TEST((listener.announced == (Ids{first, next})));
  BOOST_TEST(listener.called_inside == 0U);
  BOOST_TEST(client->operations() == 0U);
}

BOOST_AUTO_TEST_CASE(all_requests_of_a_retrieve_subscribe_or_none) {
  for (const bool subscribe : {false, true}) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    rig.fill(node, 60);
    rig.retrieve(node, 0, subscribe);
    rig.run();
    BOOST_TEST(node.retrieves.size() > 3U);
    for (const auto& request : node.retrieves) {
      BOOST_TEST((request.op == (subscribe ? RetrieveOp::subscribe : RetrieveOp::list)));
    }
    BOOST_TEST(rig.telemetry[Counter::client_subscribed] == (subscribe ? 1U : 0U));
  }
}

BOOST_AUTO_TEST_CASE(a_retrieve_without_subscription_sends_plain_list_requests) {
  // The same random numbers, the same mail: every byte of the requests but the operation.
  const auto plaintexts = [](bool subscribe) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    rig.fill(node, 10);
    rig.retrieve(node, 0, subscribe);
    rig.run();
    std::vector<Bytes> all;
    for (auto request : node.retrieves) {
      BOOST_TEST(static_cast<int>(request.op) == (subscribe ? 1 : 0));
      request.op = RetrieveOp::list;
      request.owner_tag = {};
      Bytes plain(limits::plaintext);
      BOOST_TEST_REQUIRE(wire::encode_padded(request, plain).has_value());
      all.push_back(std::move(plain));
    }
    return all;
  };
  BOOST_TEST((plaintexts(false) == plaintexts(true)));
}

BOOST_AUTO_TEST_CASE(without_a_subscription_no_announcement_is_reported) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  node.answer(rig.transport.endpoint(), node.requests.back().header,
              Page::announcement(node.requests.back().counter, 0));
  rig.run();
  BOOST_TEST(rig.listener.announced.empty());
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_abandoned_retrieve_is_announced_nothing, Subscribed) {
  client->abandon(last, clock.now());
  announce();
  BOOST_TEST(listener.announced.empty());
}

BOOST_FIXTURE_TEST_CASE(an_announcement_with_another_counter_is_refused, Subscribed) {
  for (const std::uint64_t counter : {std::uint64_t{0}, asked.counter - 1, asked.counter + 1, UINT64_MAX}) {
    announce(counter);
  }
  BOOST_TEST(listener.announced.empty());
  BOOST_TEST(refused() == 4U);
  announce();
  BOOST_TEST(listener.announced.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_announcement_that_the_node_did_not_seal_is_refused, Subscribed) {
  network.clear_log();
  network.set_filter([](auto& packet) {
    packet.bytes.back() ^= 1U;
    return false;
  });
  announce();
  network.set_filter({});
  BOOST_TEST(listener.announced.empty());
  BOOST_TEST(telemetry[Counter::refused_frame_forged] == 1U);
  announce();
  BOOST_TEST(listener.announced.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_replayed_announcement_is_ignored_by_a_new_subscription, Subscribed) {
  network.clear_log();
  announce();
  const Bytes packet = network.log().back().bytes;
  const auto replay = [&] {
    network.inject(node.endpoints()[0], transport.endpoint(), packet);
    run();
  };
  replay();
  subscribe();
  replay();
  BOOST_TEST(listener.announced.size() == 1U);
  announce();
  BOOST_TEST(listener.announced.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(what_says_more_than_that_mail_has_come_is_refused, Subscribed) {
  Page page = Page::announcement(asked.counter, 0);
  page.envelopes.push_back({{}, envelope()});
  send(page);
  page = Page::announcement(asked.counter, 0);
  page.flags |= Page::flag_more;
  send(page);
  page = Page::announcement(asked.counter, 0);
  page.count = 2;
  send(page);
  run();
  BOOST_TEST(listener.announced.empty());
  BOOST_TEST(telemetry[Counter::refused_message_malformed] == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_subscription_ends_after_its_time, Subscribed) {
  clock.advance(limits::subscription);
  announce();
  BOOST_TEST(listener.announced.empty());
  subscribe();
  clock.advance(limits::subscription - 100ms);
  announce();
  BOOST_TEST(listener.announced.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_new_retrieve_replaces_an_old_subscription, Subscribed) {
  const auto before = asked.counter;
  node.silent = true;
  retrieve(node, 0, true);
  run(100ms);
  announce(before);
  run();
  BOOST_TEST(listener.announced.empty());  // the result of the new retrieve is newer
  BOOST_TEST(client->operations() == 0U);
}

BOOST_FIXTURE_TEST_CASE(an_announcement_that_overtakes_the_answer_comes_after_it, Subscribed) {
  node.pages_hook = [&](const protocol::RetrieveRequest& request, std::vector<Page>&) {
    node.answer(transport.endpoint(), asked.header, Page::announcement(request.counter, 0));
  };
  const auto next = subscribe();
  node.pages_hook = nullptr;
  BOOST_TEST((listener.announced == Ids{next}));
  BOOST_TEST(listener.called_inside == 0U);
  announce();
  BOOST_TEST((listener.announced == Ids{next}));  // it was the one that there is
}

BOOST_FIXTURE_TEST_CASE(the_answer_to_any_attempt_may_have_left_the_subscription, Subscribed) {
  for (const unsigned of_attempt : {1U, 2U}) {
    unsigned answers = 0;
    network.set_filter(
        [&](const auto& packet) { return packet.to == transport.endpoint() && ++answers == 1; });
    const auto id = subscribe();
    network.set_filter({});
    announce(asked.counter + of_attempt - 2);
    BOOST_TEST((listener.announced.back() == id));
  }
  BOOST_TEST(listener.announced.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_retrieve_that_was_not_complete_leaves_no_subscription) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.pages_hook = [](const auto&, auto& pages) { pages[0].flags = Page::flag_try_later; };
  const auto id = rig.retrieve(node, 0, true);
  rig.run();
  BOOST_TEST(rig.listener.retrieved.contains(id));
  node.answer(rig.transport.endpoint(), node.requests.back().header,
              Page::announcement(node.requests.back().counter, 0));
  rig.run();
  BOOST_TEST(rig.listener.announced.empty());
}

BOOST_FIXTURE_TEST_CASE(each_mailbox_has_a_subscription_of_its_own, Subscribed) {
  const auto first = last;
  const auto first_asked = asked;
  const auto second = subscribe(1);
  announce();
  asked = first_asked;
  announce();
  BOOST_TEST((listener.announced == Ids{second, first}));
}

BOOST_AUTO_TEST_CASE(a_subscription_ends_with_its_session) {
  client::ClientConfig config;
  config.sessions = 2;
  config.operations_in_flight = 1;
  Subscribed rig(config);
  const auto old = rig.asked;
  rig.subscribe(1);
  rig.subscribe(2);
  rig.asked = old;
  rig.announce();
  BOOST_TEST(rig.listener.announced.empty());
  BOOST_TEST(rig.refused() == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_announcement_of_a_forgotten_node_is_ignored, Subscribed) {
  client->forget_node(node.id(), clock.now());
  announce();
  BOOST_TEST(listener.announced.empty());
}

BOOST_FIXTURE_TEST_CASE(an_announcement_brings_a_cookie_and_moves_no_address, Subscribed) {
  node.age_cookies();
  node.cookie_replies = 0;
  network.clear_log();
  network.set_filter([](const auto&) { return true; });
  announce();
  network.set_filter({});
  network.inject(ipv4(999), transport.endpoint(), network.log().back().bytes);
  run();
  BOOST_TEST(listener.announced.size() == 1U);
  subscribe();
  BOOST_TEST(node.cookie_replies == 0U);
  BOOST_TEST(client->node_status(node.id())->failures_in_a_row == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
