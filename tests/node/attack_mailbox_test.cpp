// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "client/retrieve_operation.hpp"
#include "harness.hpp"
#include "node/subscription_table.hpp"

// What one writer, or the owner, of a mailbox can do to the others who use it: docs/protocol.md, section 6.

namespace toxasync::test {
namespace {

using node::NodeConfig;
using protocol::RetrieveOp;
using protocol::StoreStatus;

const auto secret = counting<crypto::CancelSecret>(1);

struct Fixture {
  NodeHarness node;
  HandClient owner{node};
  HandClient attacker{node, 300, MockTransport::route_to(ipv4(0x010203))};
  HandClient sender{node, 500, MockTransport::route_to(ipv4(0x090807))};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());

  explicit Fixture(const NodeConfig& config = {}, const store::StoreLimits& limits = {})
      : node(config, limits) {
    owner.greet();
    attacker.greet();
    sender.greet();
  }

  StoreStatus store(HandClient& who, const crypto::WritableMailbox& into, std::uint64_t seed,
                    std::size_t size = limits::small_envelope) {
    const auto response = who.ask(who.store_request(into, test_envelope(seed, size, secret)));
    BOOST_TEST_REQUIRE(response.has_value());
    return response->status;
  }
  /// So many envelopes that expire in an hour.
  void store_for_an_hour(const crypto::WritableMailbox& into, std::uint64_t count) {
    for (std::uint64_t seed = 0; seed < count; ++seed) {
      auto request = attacker.store_request(into, test_envelope(seed));
      request.ttl_s = ttl_s(1h);
      attacker.sign(request, into);
      BOOST_TEST_REQUIRE((attacker.ask(request).value().status == StoreStatus::stored));
    }
  }
  StoreStatus cancel(HandClient& who, const crypto::WritableMailbox& in, std::uint64_t seed) {
    return who.ask(who.cancel_request(in, id(in, seed), secret)).value().status;
  }
  static crypto::EnvelopeId id(const crypto::WritableMailbox& in, std::uint64_t seed) {
    return crypto::envelope_id(in.address, test_envelope(seed, limits::small_envelope, secret));
  }
  protocol::RetrieveRequest request(const std::vector<crypto::WritableMailbox>& boxes,
                                    RetrieveOp op = RetrieveOp::list, std::uint64_t cursor = 0) {
    auto request = owner.retrieve_request(mailbox, limits::window, cursor);
    request.op = op;
    request.boxes = {};
    std::size_t place = 0;
    for (const auto& box : boxes) {
      request.boxes.at(place++) = crypto::box_tag(box.address);
    }
    owner.sign(request, mailbox);
    return request;
  }
  /// The place of the box of each envelope that is listed.
  std::vector<int> places(const std::vector<crypto::WritableMailbox>& boxes) {
    std::vector<int> found;
    for (const auto& page : owner.ask(request(boxes))) {
      for (const auto& envelope : page.envelopes) {
        const auto at = std::ranges::find(boxes, envelope.box,
                                          [](const auto& box) { return crypto::box_name(box.address); });
        found.push_back(static_cast<int>(at - boxes.begin()));
      }
    }
    return found;
  }
  std::vector<crypto::WritableMailbox> writers(std::uint64_t first, std::uint64_t count) const {
    std::vector<crypto::WritableMailbox> boxes;
    for (std::uint64_t i = first; i < first + count; ++i) {
      boxes.push_back(other_box(mailbox, i));
    }
    return boxes;
  }
  /// Whether mail in the box is announced.
  bool announces(const crypto::WritableMailbox& box, std::uint64_t seed) {
    const auto sent = sender.learn(
        node.exchange(sender.route(), sender.seal(sender.store_request(box, test_envelope(seed)))));
    BOOST_TEST_REQUIRE(!sent.empty());
    BOOST_TEST((sender.read<protocol::StoreResponse>(sent[0]).value().status == StoreStatus::stored));
    return sent.size() == 2;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attack_node_mailbox, Fixture)

BOOST_AUTO_TEST_CASE(a_writer_who_fills_a_box_takes_no_room_of_others) {
  store::StoreLimits limits;
  limits.box_messages = 5;
  Fixture small({}, limits);
  const auto hostile = other_box(small.mailbox, 1);
  for (std::uint64_t i = 0; i < 5; ++i) {
    BOOST_TEST((small.store(small.attacker, hostile, i) == StoreStatus::stored));
  }
  BOOST_TEST((small.store(small.attacker, hostile, 5) == StoreStatus::mailbox_full));
  BOOST_TEST((small.store(small.sender, small.mailbox.mailbox, 5) == StoreStatus::stored));
  BOOST_TEST(small.places({}).empty());
  std::vector<crypto::WritableMailbox> both;
  both.push_back(hostile.clone());
  both.push_back(small.mailbox.mailbox.clone());
  BOOST_TEST((small.places(both) == std::vector<int>{0, 0, 0, 0, 0, 1}));
}

// A node that has not dropped them yet lists them in pieces, as empty pages with `more`; the client goes on.
BOOST_AUTO_TEST_CASE(a_client_reads_on_behind_what_has_expired) {
  NodeConfig config;
  config.expire_every = 24h;
  Fixture slow(config);
  const crypto::OwnedMailbox& mailbox = slow.mailbox;
  slow.store_for_an_hour(mailbox.mailbox, 600);
  BOOST_TEST((slow.store(slow.sender, mailbox.mailbox, 1000) == StoreStatus::stored));
  slow.node.clock.advance(1h);
  slow.owner.greet();
  BOOST_TEST(slow.node.store.stats().messages == 601U);
  using Step = client::RetrieveOperation::Step;
  client::RetrieveOperation retrieve(client::RetrieveJob(slow.node.keys.id(), mailbox, true), limits::window);
  std::vector<std::size_t> listed;
  std::size_t fetched = 0;
  for (Step step = Step::request; step != Step::ended;) {
    BOOST_TEST_REQUIRE(listed.size() < 10U);
    auto request = retrieve.request(slow.owner.next_counter());
    slow.owner.sign(request, mailbox);
    const auto pages = slow.owner.ask(request);
    BOOST_TEST_REQUIRE(pages.size() == 1U);
    listed.push_back(pages[0].envelopes.size());
    const auto next = retrieve.on_page(pages[0], false);
    BOOST_TEST_REQUIRE(next.has_value());
    step = *next;
    if (step == Step::hand_over) {
      fetched += retrieve.hand_over_envelopes().size();
      retrieve.resume({});
    }
  }
  BOOST_TEST((listed == std::vector<std::size_t>{0, 0, 1, 0}));  // 256, 256, 88 and the mail, nothing more
  BOOST_TEST(retrieve.result().complete);
  BOOST_TEST(fetched == 1U);
  BOOST_TEST(slow.node[Counter::node_subscribed] == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_due_is_dropped_without_a_pause) {
  store_for_an_hour(mailbox.mailbox, 1000);
  store_for_an_hour(other_box(mailbox, 1), 1000);
  node.clock.advance(1h);
  int ticks = 0;
  for (; node.node.next_deadline() <= node.clock.steady() && ticks < 100; ++ticks) {
    node.tick();
  }
  BOOST_TEST(node.store.stats().messages == 0U);
  BOOST_TEST(ticks == 4);  // 512 rows each, and then no more until the next second
}

BOOST_AUTO_TEST_CASE(boxes_that_are_not_named_are_neither_listed_nor_announced) {
  const auto boxes = writers(0, 5);
  for (std::uint64_t i = 0; i < boxes.size(); ++i) {
    BOOST_TEST((store(attacker, boxes[i], i) == StoreStatus::stored));
  }
  const auto page = owner.ask(request(writers(10, 2), RetrieveOp::subscribe)).at(0);
  BOOST_TEST(page.envelopes.empty());
  BOOST_TEST(page.flags == 0U);
  BOOST_TEST(node[Counter::node_subscribed] == 1U);
  BOOST_TEST(!announces(boxes[0], 50));
  BOOST_TEST(announces(other_box(mailbox, 11), 51));
}

BOOST_AUTO_TEST_CASE(a_cancel_is_gone_however_much_was_handed_out) {
  NodeConfig config;
  config.longest_ttl = days(1);
  store::StoreLimits limits;
  limits.capacity_bytes = 1ULL << 30U;
  limits.box_messages = 20000;
  limits.box_records = 20000;
  limits.box_bytes = 1ULL << 30U;
  Fixture large(config, limits);
  const auto& box = large.mailbox.mailbox;
  BOOST_TEST((large.store(large.sender, box, 0) == StoreStatus::stored));
  BOOST_TEST(large.places({}).empty());
  // More than were remembered once, past the node: what it is about is the listing.
  for (std::uint64_t i = 1; i <= 17000; ++i) {
    const auto envelope = test_envelope(i);
    large.node.store.put(std::uint64_t{1} << 60U, store::box_of(box.address),
                         crypto::envelope_id(box.address, envelope), envelope,
                         large.node.clock.unix_time() + days(1), large.node.clock.unix_time());
    if (i % 1000 == 0) {
      large.node.store.submit();
      large.node.tick();
    }
  }
  std::vector<crypto::WritableMailbox> named;
  named.push_back(box.clone());
  std::size_t listed = 0;
  std::uint64_t cursor = 0;
  for (bool more = true; more;) {
    const auto pages = large.owner.ask(large.request(named, RetrieveOp::list, cursor));
    BOOST_TEST_REQUIRE(!pages.empty());
    for (const auto& page : pages) {
      listed += page.envelopes.size();
      cursor = page.cursor;
    }
    more = (pages.back().flags & protocol::Page::flag_more) != 0;
  }
  BOOST_TEST(listed == 17001U);
  BOOST_TEST((large.cancel(large.sender, box, 0) == StoreStatus::gone));
}

BOOST_AUTO_TEST_CASE(a_cancel_is_gone_after_the_node_was_started_anew) {
  BOOST_TEST((store(sender, mailbox.mailbox, 1) == StoreStatus::stored));
  std::vector<crypto::WritableMailbox> named;
  named.push_back(mailbox.mailbox.clone());
  BOOST_TEST(places(named).size() == 1U);
  node::Node again(node.store, node.keys, node.random, node.telemetry.get(), {}, node.clock.now());
  const auto exchange = [&](const Bytes& packet) {
    again.on_packet(node.transport, sender.route(), packet, node.clock.now());
    again.tick(node.clock.now());
    auto sent = node.transport.take();
    BOOST_TEST_REQUIRE(sent.size() == 1U);
    sender.learn({sent[0].packet});
    return sent[0].packet;
  };
  exchange(sender.unknowing_frame());
  const auto answer =
      exchange(sender.seal(sender.cancel_request(mailbox.mailbox, id(mailbox.mailbox, 1), secret)));
  BOOST_TEST((sender.read<protocol::StoreResponse>(answer).value().status == StoreStatus::gone));
}

BOOST_AUTO_TEST_CASE(a_cancel_behind_a_listing_under_way_is_gone) {
  BOOST_TEST((store(sender, mailbox.mailbox, 1) == StoreStatus::stored));
  BOOST_TEST((store(sender, mailbox.mailbox, 2) == StoreStatus::stored));
  BOOST_TEST((cancel(sender, mailbox.mailbox, 2) == StoreStatus::cancelled));
  std::vector<crypto::WritableMailbox> named;
  named.push_back(mailbox.mailbox.clone());
  node.store.hold_completions(true);
  BOOST_TEST(owner.exchange(owner.seal(request(named))).empty());
  BOOST_TEST(
      sender.exchange(sender.seal(sender.cancel_request(mailbox.mailbox, id(mailbox.mailbox, 1), secret)))
          .empty());
  node.store.hold_completions(false);
  const auto replies = node.tick();
  BOOST_TEST_REQUIRE(replies.size() == 2U);
  BOOST_TEST(owner.read<protocol::Page>(replies[0]).value().envelopes.size() == 1U);
  BOOST_TEST((sender.read<protocol::StoreResponse>(replies[1]).value().status == StoreStatus::gone));
}

BOOST_AUTO_TEST_CASE(tombstones_are_charged_to_who_made_them) {
  for (const bool by_cancel : {true, false}) {
    store::StoreLimits limits;
    limits.capacity_bytes = 200'000;
    NodeConfig config;
    config.key_agreements_burst = 1'000'000;
    Fixture small(config, limits);
    const auto& box = small.mailbox.mailbox;
    std::uint64_t made = 0;
    StoreStatus status = StoreStatus::stored;
    for (; made < 4000 && status == StoreStatus::stored; ++made) {
      status = small.store(small.attacker, box, made);
      if (status == StoreStatus::stored && by_cancel) {
        BOOST_TEST((small.cancel(small.attacker, box, made) == StoreStatus::cancelled));
      } else if (status == StoreStatus::stored) {  // the attacker owns the mailbox too
        small.owner.ask(small.owner.retrieve_request(small.mailbox, 1, 0, {small.id(box, made)}));
      }
    }
    // Refused soon after the store is half full, and others are not.
    BOOST_TEST((status == StoreStatus::node_full));
    BOOST_TEST(small.node.store.stats().used_bytes() < 0.65 * 200'000);
    BOOST_TEST(small.node.store.stats().messages == 0U);
    BOOST_TEST(small.node[Counter::refused_share] == 1U);
    BOOST_TEST((small.store(small.sender, other_box(small.mailbox, 1), 1) == StoreStatus::stored));
  }
}

BOOST_AUTO_TEST_CASE(tombstones_fill_no_more_than_a_box) {
  store::StoreLimits limits;
  limits.box_records = 30;
  Fixture small({}, limits);
  const auto hostile = other_box(small.mailbox, 1);
  for (std::uint64_t i = 0; i < 30; ++i) {
    BOOST_TEST((small.store(small.attacker, hostile, i) == StoreStatus::stored));
    BOOST_TEST((small.cancel(small.attacker, hostile, i) == StoreStatus::cancelled));
  }
  BOOST_TEST((small.store(small.attacker, hostile, 30) == StoreStatus::mailbox_full));
  BOOST_TEST(small.node[Counter::refused_mailbox_full] == 1U);
  BOOST_TEST((small.store(small.sender, small.mailbox.mailbox, 30) == StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_subscription_is_for_the_boxes_of_all_lists_of_a_session) {
  owner.ask(request(writers(0, 2), RetrieveOp::subscribe));
  const auto last = request(writers(2, 2), RetrieveOp::subscribe);
  owner.ask(last);
  owner.ask(request(writers(4, 2)));  // a list only
  BOOST_TEST(node[Counter::node_subscribed] == 2U);
  BOOST_TEST(!announces(other_box(mailbox, 5), 1));
  node.transport.take();
  const auto asked = sender.store_request(other_box(mailbox, 0), test_envelope(2));
  const auto sent = node.exchange(sender.route(), sender.seal(asked));
  BOOST_TEST_REQUIRE(sent.size() == 2U);
  const auto page = owner.read<protocol::Page>(sent[1]);
  BOOST_TEST_REQUIRE(page.has_value());
  BOOST_TEST(page->is_announcement());
  BOOST_TEST(page->counter == last.counter);
  BOOST_TEST(!announces(other_box(mailbox, 2), 3));  // one announcement ends all of it
}

BOOST_AUTO_TEST_CASE(a_subscription_has_eight_lists_and_one_session) {
  node::SubscriptionTable table(4, {});
  const auto mailbox_point = numbered<store::Mailbox>(1);
  node::ReplyPath path;
  const auto add = [&](std::uint8_t box) {
    table.add(mailbox_point, path, {numbered<crypto::BoxTag>(box)}, SteadyTime{});
  };
  const auto announced = [&](std::uint8_t box) {
    store::Box in{mailbox_point, {}};
    in.key[0] = box;
    return table.spend(in, SteadyTime{1ms}).has_value();
  };
  const auto add_all = [&](std::uint8_t lists) {
    for (std::uint8_t box = 1; box <= lists; ++box) {
      add(box);
      add(box);  // replaces itself
    }
  };
  add_all(9);
  BOOST_TEST(!announced(1));
  BOOST_TEST(announced(2));
  BOOST_TEST(!announced(3));
  add_all(8);
  BOOST_TEST(announced(1));
  add(1);
  ++path.session_serial;
  add(2);
  BOOST_TEST(!announced(1));
  BOOST_TEST(announced(2));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
