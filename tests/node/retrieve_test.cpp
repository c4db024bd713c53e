// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"
#include "node/page_packer.hpp"

namespace toxasync::test {
namespace {

using protocol::Page;
using protocol::StoreStatus;

constexpr std::size_t small = limits::small_envelope;
constexpr std::size_t large = limits::large_envelope;

struct Fixture {
  NodeHarness node;
  HandClient client{node};
  HandClient sender{node, 500, MockTransport::route_to(ipv4(2))};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());

  Fixture() {
    client.greet();
    sender.greet();
  }
  /// Stores an envelope of each size and returns them.
  std::vector<Bytes> fill(const std::vector<std::size_t>& sizes) {
    std::vector<Bytes> envelopes;
    for (const std::size_t size : sizes) {
      envelopes.push_back(test_envelope(++seed_, size));
      const auto response = sender.ask(sender.store_request(mailbox.mailbox, envelopes.back()));
      BOOST_TEST_REQUIRE((response.value().status == StoreStatus::stored));
    }
    return envelopes;
  }
  crypto::EnvelopeId id_of(const Bytes& envelope) const {
    return crypto::envelope_id(mailbox.mailbox.address, envelope);
  }
  std::vector<Page> retrieve(std::uint8_t window = 16, std::uint64_t cursor = 0,
                             std::vector<crypto::EnvelopeId> ids = {}) {
    return client.ask(client.retrieve_request(mailbox, window, cursor, std::move(ids)));
  }

 private:
  std::uint64_t seed_ = 0;
};

std::vector<Bytes> all_of(const std::vector<Page>& pages) {
  std::vector<Bytes> envelopes;
  for (const Page& page : pages) {
    for (const auto& envelope : page.envelopes) {
      envelopes.push_back(envelope.bytes);
    }
  }
  return envelopes;
}

std::vector<std::size_t> shape_of(const std::vector<Page>& pages) {
  std::vector<std::size_t> shape;
  shape.reserve(pages.size());
  for (const Page& page : pages) {
    shape.push_back(page.envelopes.size());
  }
  return shape;
}

std::vector<store::Record> records(const std::vector<std::size_t>& sizes) {
  std::vector<store::Record> made;
  made.reserve(sizes.size());
  for (const std::size_t size : sizes) {
    made.push_back({100 + made.size(),
                    {},
                    {},
                    numbered<store::BoxKey>(static_cast<std::uint8_t>(made.size())),
                    Bytes(size)});
  }
  return made;
}

using Shape = std::vector<std::size_t>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_retrieve, Fixture)

BOOST_AUTO_TEST_CASE(mail_is_listed_deleted_and_then_gone) {
  const auto sent = fill({small, large, small});
  const auto pages = retrieve();
  BOOST_TEST((all_of(pages) == sent));
  BOOST_TEST((all_of(retrieve()) == sent));  // listing takes nothing away
  std::vector<crypto::EnvelopeId> ids;
  ids.reserve(sent.size());
  for (const Bytes& envelope : sent) {
    ids.push_back(id_of(envelope));
  }
  const auto after = retrieve(16, pages.back().cursor, ids);
  BOOST_TEST_REQUIRE(after.size() == 1U);
  BOOST_TEST(after[0].envelopes.empty());
  BOOST_TEST(after[0].cursor == pages.back().cursor);
  BOOST_TEST(retrieve().at(0).envelopes.empty());
  BOOST_TEST(node[Counter::node_deleted] == 3U);
  BOOST_TEST(node[Counter::node_listed] == 6U);
  BOOST_TEST(node.store.stats().messages == 0U);
  const auto again = sender.ask(sender.store_request(mailbox.mailbox, sent[0])).value();
  BOOST_TEST((again.status == StoreStatus::gone));
}

BOOST_AUTO_TEST_CASE(what_is_deleted_in_a_request_is_not_in_its_answer) {
  const auto sent = fill({small, small});
  const auto pages = retrieve(16, 0, {id_of(sent[0])});
  BOOST_TEST((all_of(pages) == std::vector<Bytes>{sent[1]}));
}

BOOST_AUTO_TEST_CASE(ids_of_other_mailboxes_are_not_deleted) {
  const auto sent = fill({small});
  const auto mine = test_mailbox(node.epoch(), 8);
  client.ask(client.retrieve_request(mine, 16, 0, {id_of(sent[0])}));
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_AUTO_TEST_CASE(a_page_has_counter_time_place_and_the_next_cursor) {
  fill({small, small, large, large});
  const auto request = client.retrieve_request(mailbox);
  const auto pages = client.ask(request);
  BOOST_TEST((shape_of(pages) == Shape{2, 1, 1}));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    BOOST_TEST(pages[i].valid());
    BOOST_TEST(pages[i].counter == request.counter);
    BOOST_TEST(pages[i].index == i);
    BOOST_TEST(pages[i].count == 3U);
    BOOST_TEST(pages[i].node_time_s == since_1970_s(node.clock.unix_time()));
    BOOST_TEST(pages[i].flags == 0U);
    BOOST_TEST(pages[i].retry_after_s == 0U);
    BOOST_TEST(pages[i].cursor > (i == 0 ? 0 : pages[i - 1].cursor));
  }
  // Each page's cursor is where the next one begins.
  BOOST_TEST((shape_of(retrieve(16, pages[0].cursor)) == Shape{1, 1}));
  BOOST_TEST((shape_of(retrieve(16, pages[1].cursor)) == Shape{1}));
  BOOST_TEST((shape_of(retrieve(16, pages[2].cursor)) == Shape{0}));
}

BOOST_AUTO_TEST_CASE(the_time_of_a_retrieve_is_counted_once_though_it_deletes_too) {
  const auto envelopes = fill({limits::small_envelope});
  (void)retrieve(16, 0, {id_of(envelopes.front())});
  BOOST_TEST(node.telemetry.metrics.timing(Timing::retrieve).total() == 1U);
  BOOST_TEST(node.telemetry.metrics.timing(Timing::store).total() == 1U);
}

BOOST_AUTO_TEST_CASE(windows_follow_each_other_by_cursor_until_nothing_is_left) {
  std::vector<std::size_t> sizes;
  sizes.reserve(60);
  SeededRandom random(5);
  for (int i = 0; i < 60; ++i) {
    sizes.push_back(random.chance(500) ? small : large);
  }
  const auto sent = fill(sizes);
  for (const std::uint8_t window : std::initializer_list<std::uint8_t>{1, 2, 5, 16}) {
    std::vector<Bytes> got;
    std::uint64_t cursor = 0;
    for (bool more = true; more;) {
      const auto pages = retrieve(window, cursor);
      BOOST_TEST_REQUIRE(!pages.empty());
      BOOST_TEST(pages.size() <= window);
      more = (pages[0].flags & Page::flag_more) != 0;
      for (const Page& page : pages) {
        BOOST_TEST(((page.flags & Page::flag_more) != 0) == more);  // the same on every page of a window
      }
      std::ranges::move(all_of(pages), std::back_inserter(got));
      cursor = pages.back().cursor;
    }
    BOOST_TEST((got == sent));
  }
}

BOOST_AUTO_TEST_CASE(a_window_has_one_to_sixteen_pages_whatever_is_asked_for) {
  fill(std::vector<std::size_t>(17, large));
  BOOST_TEST(retrieve(0).size() == 1U);
  BOOST_TEST(retrieve(1).size() == 1U);
  BOOST_TEST(retrieve(16).size() == 16U);
  BOOST_TEST(retrieve(17).size() == 16U);
  BOOST_TEST(retrieve(255).size() == 16U);
  BOOST_TEST(retrieve(255)[15].flags == Page::flag_more);
  BOOST_TEST(node[Counter::node_pages] == 66U);
}

BOOST_AUTO_TEST_CASE(an_empty_mailbox_gives_one_empty_page_with_the_same_cursor) {
  const auto pages = retrieve(16, 12345);
  BOOST_TEST_REQUIRE(pages.size() == 1U);
  BOOST_TEST(pages[0].envelopes.empty());
  BOOST_TEST(pages[0].cursor == 12345U);
  BOOST_TEST(pages[0].flags == 0U);
}

BOOST_AUTO_TEST_CASE(what_lies_in_a_box_that_is_not_named_is_not_listed) {
  fill({small});
  auto request = client.retrieve_request(mailbox);
  request.boxes[0][2] ^= 1U;
  client.sign(request, mailbox);
  BOOST_TEST(client.ask(request).at(0).envelopes.empty());
  BOOST_TEST(node[Counter::refused_owner_tag] == 0U);
}

BOOST_AUTO_TEST_CASE(expired_mail_is_not_listed_before_it_is_dropped) {
  fill({small});
  node.clock.advance(limits::default_time_to_live);
  client.greet();
  BOOST_TEST(retrieve().at(0).envelopes.empty());
}

BOOST_AUTO_TEST_CASE(a_failed_deletion_deletes_nothing_and_lists_nothing) {
  const auto sent = fill({small, small});
  node.store.fail_next(1);  // the deletion; the listing would work
  const auto pages = retrieve(16, 3, {id_of(sent[0])});
  BOOST_TEST_REQUIRE(pages.size() == 1U);
  BOOST_TEST(pages[0].flags == Page::flag_try_later);
  BOOST_TEST(pages[0].retry_after_s > 0U);
  BOOST_TEST(pages[0].envelopes.empty());
  BOOST_TEST(pages[0].cursor == 3U);
  BOOST_TEST(node[Counter::store_failed] == 1U);
  BOOST_TEST((all_of(retrieve()) == sent));
}

BOOST_AUTO_TEST_CASE(a_failed_listing_is_answered_by_try_later) {
  const auto sent = fill({small});
  node.store.fail_next(1);
  const auto pages = retrieve();
  BOOST_TEST_REQUIRE(pages.size() == 1U);
  BOOST_TEST(pages[0].flags == Page::flag_try_later);
  BOOST_TEST((all_of(retrieve()) == sent));
}

BOOST_AUTO_TEST_CASE(the_answer_waits_until_the_deletion_is_durable) {
  const auto sent = fill({small, small});
  node.store.hold_completions(true);
  BOOST_TEST(retrieve(16, 0, {id_of(sent[0])}).empty());
  node.store.hold_completions(false);
  BOOST_TEST(node.tick().size() == 1U);
}

BOOST_AUTO_TEST_CASE(unknown_operations_get_the_empty_page) {
  fill({small});
  for (const int op : {3, 255}) {
    auto request = client.retrieve_request(mailbox);
    request.op = static_cast<protocol::RetrieveOp>(op);
    client.sign(request, mailbox);
    const auto pages = client.ask(request);
    BOOST_TEST_REQUIRE(pages.size() == 1U);
    BOOST_TEST(pages[0].envelopes.empty());
    BOOST_TEST(pages[0].flags == 0U);
  }
  BOOST_TEST(node[Counter::refused_operation] == 2U);
}

BOOST_AUTO_TEST_CASE(a_page_holds_one_large_or_up_to_three_small_envelopes) {
  const auto shape = [](const std::vector<std::size_t>& sizes) {
    return shape_of(node::pack_pages(records(sizes), false, 0, 16));
  };
  BOOST_TEST((shape({}) == Shape{0}));
  BOOST_TEST((shape({small, small, small}) == Shape{3}));
  BOOST_TEST((shape({small, small, small, small}) == Shape{3, 1}));
  BOOST_TEST((shape({large, large}) == Shape{1, 1}));
  BOOST_TEST((shape({small, large, small, small}) == Shape{1, 1, 2}));
  BOOST_TEST((shape({large, small, large}) == Shape{1, 1, 1}));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_into_the_window_is_announced) {
  const auto pages = node::pack_pages(records({small, large, small}), false, 0, 2);
  BOOST_TEST((pages[1].envelopes.at(0).box == numbered<crypto::BoxName>(1)));
  BOOST_TEST((shape_of(pages) == Shape{1, 1}));
  BOOST_TEST(pages[0].flags == Page::flag_more);
  BOOST_TEST(pages[1].flags == Page::flag_more);
  BOOST_TEST(pages[1].cursor == 101U);
}

BOOST_AUTO_TEST_CASE(a_record_of_no_envelope_size_is_skipped) {
  const auto pages = node::pack_pages(records({399, small, 5, small, 0}), false, 7, 1);
  BOOST_TEST((shape_of(pages) == Shape{2}));
  BOOST_TEST(pages[0].cursor == 104U);
  BOOST_TEST(node::pack_pages(records({399}), true, 7, 1)[0].cursor == 100U);
}

BOOST_AUTO_TEST_CASE(the_listing_is_never_the_reason_for_a_page_less_than_fits) {
  for (std::uint8_t window = 1; window <= limits::window; ++window) {
    const auto limits = node::window_limits(window);
    BOOST_TEST(limits.max_records >= window * 3U);
    BOOST_TEST(limits.max_bytes >= window * std::max(large, 3 * small));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
