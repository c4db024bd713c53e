// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"
#include "node/subscription_table.hpp"
#include "tests/support/samples.hpp"

// Announcements: docs/protocol.md, section 6.

namespace toxasync::test {
namespace {

using protocol::Page;
using protocol::RetrieveOp;
using protocol::StoreStatus;

struct Fixture {
  NodeHarness node;
  HandClient owner{node};
  HandClient sender{node, 500, MockTransport::route_to(ipv4(2))};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());

  explicit Fixture(const node::NodeConfig& config = {}) : node(config) {
    owner.greet();
    sender.greet();
  }

  protocol::RetrieveRequest request(HandClient& who, RetrieveOp op = RetrieveOp::subscribe,
                                    std::uint8_t window = 16, std::uint64_t cursor = 0) {
    auto request = who.retrieve_request(mailbox, window, cursor);
    request.op = op;
    who.sign(request, mailbox);
    return request;
  }
  /// The counter of a subscription that was left.
  std::uint64_t subscribe(HandClient& who) {
    const auto asked = request(who);
    const auto pages = who.ask(asked);
    BOOST_TEST_REQUIRE(pages.size() == 1U);
    BOOST_TEST_REQUIRE(pages[0].valid());
    return asked.counter;
  }

  /// What the node has sent since the last call: the sender's status, and what `who` can open.
  struct Sent {
    std::optional<StoreStatus> status;
    std::vector<Page> announcements;
    std::vector<RecordingTransport::Sent> packets;
  };
  Sent look(HandClient& who) {
    node.node.tick(node.clock.now());
    Sent sent;
    sent.packets = node.transport.take();
    for (const auto& [to, packet] : sent.packets) {
      if (const auto response = sender.read<protocol::StoreResponse>(packet)) {
        sent.status = response->status;
        sender.learn({packet});
      } else if (const auto page = who.read<Page>(packet)) {
        sent.announcements.push_back(*page);
      }
    }
    return sent;
  }
  void put(const Bytes& envelope) {
    const auto asked = sender.store_request(mailbox.mailbox, envelope);
    node.node.on_packet(node.transport, sender.route(), sender.seal(asked), node.clock.now());
  }
  Sent store(HandClient& who, std::uint64_t seed) {
    put(test_envelope(seed));
    return look(who);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_push, Fixture)

BOOST_AUTO_TEST_CASE(new_mail_is_announced_by_one_packet_to_who_subscribed) {
  const auto counter = subscribe(owner);
  const auto sent = store(owner, 1);
  BOOST_TEST((sent.status == StoreStatus::stored));
  BOOST_TEST_REQUIRE(sent.announcements.size() == 1U);
  BOOST_TEST(sent.announcements[0].is_announcement());
  BOOST_TEST(sent.announcements[0].counter == counter);
  BOOST_TEST(sent.announcements[0].node_time_s == since_1970_s(node.clock.unix_time()));
  BOOST_TEST_REQUIRE(sent.packets.size() == 2U);
  BOOST_TEST((sent.packets[1].to.endpoint == owner.route().endpoint));
  BOOST_TEST(sent.packets[1].packet.size() == limits::frame);
  BOOST_TEST((must(protocol::read_frame_header(sent.packets[1].packet)).kind ==
              protocol::FrameKind::retrieve_response));
  BOOST_TEST(node[Counter::node_subscribed] == 1U);
  BOOST_TEST(node[Counter::node_announced] == 1U);
  owner.learn({sent.packets[1].packet});  // its cookie is good
  BOOST_TEST(owner.ask(request(owner)).at(0).envelopes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(one_announcement_ends_a_subscription_until_the_next) {
  subscribe(owner);
  BOOST_TEST(store(owner, 1).announcements.size() == 1U);
  BOOST_TEST(store(owner, 2).announcements.empty());
  const auto pages = owner.ask(request(owner));
  std::uint64_t last = 0;
  for (const Page& page : pages) {
    last = page.cursor;
  }
  BOOST_TEST(store(owner, 3).announcements.empty());  // the owner has mail to fetch, and so asks again
  const auto rest = owner.ask(request(owner, RetrieveOp::subscribe, 16, last));
  BOOST_TEST(rest.at(0).envelopes.size() == 1U);
  const auto asked = request(owner, RetrieveOp::subscribe, 16, rest.at(0).cursor);
  BOOST_TEST(owner.ask(asked).at(0).envelopes.empty());
  const auto sent = store(owner, 4);
  BOOST_TEST_REQUIRE(sent.announcements.size() == 1U);
  BOOST_TEST(sent.announcements[0].counter == asked.counter);
}

BOOST_AUTO_TEST_CASE(a_list_request_gets_no_announcement) {
  BOOST_TEST(owner.ask(request(owner, RetrieveOp::list)).size() == 1U);
  BOOST_TEST(store(owner, 1).packets.size() == 1U);
  BOOST_TEST(node[Counter::node_subscribed] == 0U);
}

BOOST_AUTO_TEST_CASE(to_subscribe_lists_and_deletes_as_a_list_does) {
  const auto envelope = test_envelope(1);
  put(envelope);
  look(owner);
  const auto pages = owner.ask(request(owner));
  BOOST_TEST_REQUIRE(pages.at(0).envelopes.size() == 1U);
  BOOST_TEST((pages[0].envelopes[0].bytes == envelope));
  auto asked = owner.retrieve_request(mailbox, 16, pages[0].cursor,
                                      {crypto::envelope_id(mailbox.mailbox.address, envelope)});
  asked.op = RetrieveOp::subscribe;
  owner.sign(asked, mailbox);
  BOOST_TEST(owner.ask(asked).at(0).cursor == pages[0].cursor);
  BOOST_TEST(node.store.stats().messages == 0U);
  BOOST_TEST(node[Counter::node_subscribed] == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_is_announced_before_the_disk_has_it) {
  subscribe(owner);
  node.store.hold_completions(true);
  BOOST_TEST(store(owner, 1).packets.empty());
  node.store.hold_completions(false);
  BOOST_TEST(look(owner).announcements.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_not_stored_is_not_announced) {
  subscribe(owner);
  node.store.fail_next(1);
  const auto failed = store(owner, 1);
  BOOST_TEST((failed.status == StoreStatus::try_later));
  BOOST_TEST(failed.announcements.empty());
  BOOST_TEST(store(owner, 1).announcements.size() == 1U);
}

BOOST_AUTO_TEST_CASE(neither_a_duplicate_nor_what_is_gone_is_announced) {
  const auto envelope = test_envelope(1);
  put(envelope);
  look(owner);
  const auto id = crypto::envelope_id(mailbox.mailbox.address, envelope);
  const auto cursor = owner.ask(request(owner)).at(0).cursor;
  BOOST_TEST(owner.ask(request(owner, RetrieveOp::subscribe, 16, cursor)).size() == 1U);
  const auto again = store(owner, 1);
  BOOST_TEST((again.status == StoreStatus::duplicate));
  BOOST_TEST(again.announcements.empty());
  owner.ask(owner.retrieve_request(mailbox, 16, cursor, {id}));
  const auto gone = store(owner, 1);
  BOOST_TEST((gone.status == StoreStatus::gone));
  BOOST_TEST(gone.announcements.empty());
}

BOOST_AUTO_TEST_CASE(mail_of_another_mailbox_is_not_announced) {
  subscribe(owner);
  const auto other = test_mailbox(node.epoch(), 8);
  const auto asked = sender.store_request(other.mailbox, test_envelope(1));
  node.node.on_packet(node.transport, sender.route(), sender.seal(asked), node.clock.now());
  BOOST_TEST(look(owner).packets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(who_has_no_right_to_the_mailbox_leaves_no_subscription) {
  auto forged = request(owner);
  forged.owner_tag[0] ^= 1U;
  BOOST_TEST(owner.ask(forged).size() == 1U);
  BOOST_TEST(store(owner, 1).packets.size() == 1U);
  BOOST_TEST(node[Counter::refused_owner_tag] == 1U);
  BOOST_TEST(node[Counter::node_subscribed] == 0U);
}

BOOST_AUTO_TEST_CASE(who_has_shown_no_cookie_leaves_no_subscription) {
  HandClient spoofed{node, 600, MockTransport::route_to(ipv4(3))};  // a source that never answered
  const auto replies = node.exchange(spoofed.route(), spoofed.seal(request(spoofed)));
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  BOOST_TEST(replies[0].size() < limits::frame);
  BOOST_TEST(store(spoofed, 1).packets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_replayed_subscription_leaves_none) {
  const auto asked = request(owner);
  const auto packet = owner.seal(asked);
  BOOST_TEST(owner.exchange(packet).size() == 1U);
  BOOST_TEST(store(owner, 1).announcements.size() == 1U);
  BOOST_TEST(node.exchange(owner.route(), packet).size() <= 1U);  // at most a cookie reply
  BOOST_TEST(store(owner, 2).packets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_last_subscriber_gets_the_announcement_by_their_route) {
  subscribe(owner);
  HandClient later{node, 700, MockTransport::route_to(ipv4(4))};
  later.greet();
  const auto counter = subscribe(later);
  const auto sent = store(later, 1);
  BOOST_TEST_REQUIRE(sent.announcements.size() == 1U);
  BOOST_TEST(sent.announcements[0].counter == counter);
  BOOST_TEST_REQUIRE(sent.packets.size() == 2U);
  BOOST_TEST((sent.packets[1].to.endpoint == later.route().endpoint));
}

BOOST_AUTO_TEST_CASE(a_subscription_ends_after_ten_minutes) {
  subscribe(owner);
  node.clock.advance(limits::subscription);
  sender.greet();
  BOOST_TEST(store(owner, 1).packets.size() == 1U);
  owner.greet();
  owner.ask(owner.retrieve_request(mailbox, 16, 0,
                                   {crypto::envelope_id(mailbox.mailbox.address, test_envelope(1))}));
  subscribe(owner);
  node.clock.advance(limits::subscription - 1s);
  sender.greet();
  BOOST_TEST(store(owner, 2).announcements.size() == 1U);
}

BOOST_AUTO_TEST_CASE(mail_is_either_in_the_listing_or_announced) {
  // All in one turn of the disk, so that neither has an answer before the other was asked.
  const auto before = test_envelope(1);
  put(before);
  node.node.on_packet(node.transport, owner.route(), owner.seal(request(owner)), node.clock.now());
  const auto first = look(owner);
  BOOST_TEST_REQUIRE(first.announcements.size() == 1U);
  BOOST_TEST(first.announcements[0].envelopes.size() == 1U);
  BOOST_TEST(first.announcements[0].valid());

  const auto asked = request(owner, RetrieveOp::subscribe, 16, first.announcements[0].cursor);
  node.node.on_packet(node.transport, owner.route(), owner.seal(asked), node.clock.now());
  put(test_envelope(2));
  const auto second = look(owner);
  BOOST_TEST_REQUIRE(second.announcements.size() == 2U);
  BOOST_TEST(second.announcements[0].envelopes.empty());
  BOOST_TEST(second.announcements[0].valid());
  BOOST_TEST(second.announcements[1].is_announcement());
}

BOOST_AUTO_TEST_CASE(a_dropped_session_gets_no_announcement) {
  node::NodeConfig config;
  config.sessions = 2;
  Fixture small(config);
  small.subscribe(small.owner);
  BOOST_TEST(small.store(small.owner, 1).announcements.size() == 1U);
  const auto cursor = small.owner.ask(small.request(small.owner)).at(0).cursor;
  BOOST_TEST(small.owner.ask(small.request(small.owner, RetrieveOp::subscribe, 16, cursor)).size() == 1U);
  HandClient other{small.node, 800, MockTransport::route_to(ipv4(5))};
  other.greet();
  const auto elsewhere = test_mailbox(small.node.epoch(), 9);
  other.ask(other.retrieve_request(elsewhere));  // takes the sender's place
  BOOST_TEST((small.store(small.owner, 2).status ==
              StoreStatus::stored));  // and its session replaces that of the owner
  BOOST_TEST(small.node[Counter::node_announced] == 1U);
}

BOOST_AUTO_TEST_CASE(a_session_whose_key_expired_gets_no_announcement) {
  node.clock.advance(node::NodeKeys::key_lifetime);
  node.tick();
  node.clock.advance(node::NodeKeys::key_overlap - 1min);
  mailbox = test_mailbox(node.epoch());
  owner.greet();
  subscribe(owner);  // with the N before the present one, in its last minute
  BOOST_TEST(node[Counter::node_subscribed] == 1U);
  node.clock.advance(1min);
  sender.set_node_key(node.keys.current().pair.public_key);
  sender.greet();
  BOOST_TEST((store(owner, 1).status == StoreStatus::stored));
  BOOST_TEST(node[Counter::node_announced] == 0U);
}

BOOST_AUTO_TEST_CASE(a_subscription_does_not_pass_to_a_new_session_of_its_x) {
  node.clock.advance(node::NodeKeys::key_lifetime - 1min);
  mailbox = test_mailbox(node.epoch());
  owner.greet();
  subscribe(owner);
  node.clock.advance(1min);
  node.tick();
  for (HandClient* who : {&owner, &sender}) {
    who->set_node_key(node.keys.current().pair.public_key);
    who->greet();
  }
  BOOST_TEST(owner.ask(request(owner, RetrieveOp::list)).size() == 1U);
  const auto sent = store(owner, 1);
  BOOST_TEST((sent.status == StoreStatus::stored));
  BOOST_TEST(sent.packets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_node_that_was_started_anew_knows_of_no_subscription) {
  subscribe(owner);
  node::Node again(node.store, node.keys, node.random, node.telemetry.get(), {}, node.clock.now());
  const auto greeted = [&](const Bytes& packet) {
    again.on_packet(node.transport, sender.route(), packet, node.clock.now());
    again.tick(node.clock.now());
    return node.transport.take();
  };
  const auto hello = greeted(sender.unknowing_frame());
  BOOST_TEST_REQUIRE(hello.size() == 1U);
  sender.learn({hello[0].packet});
  const auto sent = greeted(sender.seal(sender.store_request(mailbox.mailbox, test_envelope(1))));
  BOOST_TEST_REQUIRE(sent.size() == 1U);
  BOOST_TEST((sender.read<protocol::StoreResponse>(sent[0].packet)->status == StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_transport_that_is_gone_is_not_used_for_an_announcement) {
  subscribe(owner);
  node.node.drop_transport(node.transport);
  BOOST_TEST(store(owner, 1).packets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_pending_store_does_not_delay_a_cancel_in_its_mailbox) {
  const auto secret = counting<crypto::CancelSecret>(1);
  const auto first = test_envelope(1, limits::small_envelope, secret);
  put(first);
  look(owner);
  put(test_envelope(2));
  const auto id = crypto::envelope_id(mailbox.mailbox.address, first);
  const auto cancel = sender.cancel_request(mailbox.mailbox, id, secret);
  node.node.on_packet(node.transport, sender.route(), sender.seal(cancel), node.clock.now());
  BOOST_TEST((look(owner).status == StoreStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(the_table_is_bounded_and_the_oldest_subscription_goes) {
  node::SubscriptionTable table(2, {});
  const auto path = [](std::uint64_t counter) {
    node::ReplyPath path;
    path.counter = counter;
    return path;
  };
  const auto add = [&](std::uint8_t mailbox, std::uint64_t counter) {
    table.add(numbered<store::Mailbox>(mailbox), path(counter), {crypto::BoxTag{}}, SteadyTime{});
  };
  const auto spend = [&](std::uint8_t mailbox) {
    return table.spend({numbered<store::Mailbox>(mailbox), {}}, SteadyTime{1ms});
  };
  add(1, 1);
  add(2, 2);
  add(1, 3);  // in place of the first
  add(3, 4);
  BOOST_TEST(table.size() == 2U);
  BOOST_TEST(!spend(2).has_value());
  BOOST_TEST(spend(1).value().counter == 3U);
  BOOST_TEST(!spend(1).has_value());
  BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
