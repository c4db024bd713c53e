// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "client/exchange.hpp"
#include "client/retrieve_operation.hpp"
#include "client/store_operation.hpp"
#include "tests/support/distribution.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {
namespace {

using client::Exchange;
using client::RetrieveOperation;
using protocol::FrameNonce;
using protocol::Page;
using Step = RetrieveOperation::Step;

struct Machines {
  const bool crypto_ready = crypto::initialise();
  SeededRandom random{1};
  Now now{SteadyTime{1s}, UnixTime{1'750'000'000s}};
  crypto::BoxName name{};  ///< Of the one box.

  [[nodiscard]] RetrieveOperation retrieve(std::uint8_t window) {
    const auto mailbox = crypto::FriendsMailbox::derive(crypto::KeyPair::generate(random), 100).value();
    const auto box = mailbox.box({});
    const client::RetrieveJob job({}, box);
    name = crypto::box_name(box.mailbox.address);
    return {client::RetrieveJob({}, box), window};
  }
  [[nodiscard]] Page page(std::uint64_t counter, std::uint8_t index, std::uint8_t count,
                          std::uint64_t cursor) {
    Page page;
    page.counter = counter;
    page.index = index;
    page.count = count;
    page.cursor = cursor;
    page.envelopes.push_back({name, Bytes(limits::small_envelope)});
    random.fill(page.envelopes.front().bytes);
    return page;
  }
};

// The state machines alone, without a client.
BOOST_FIXTURE_TEST_SUITE(client_exchange, Machines)

BOOST_AUTO_TEST_CASE(an_exchange_waits_for_what_was_sent_and_nothing_else) {
  Exchange exchange({1s, 4s, 2});
  BOOST_TEST(exchange.deadline() == never);
  exchange.sent(FrameNonce{1}, 0, ipv4(0), now, random);
  BOOST_TEST(!exchange.asked(0));
  BOOST_TEST(exchange.awaits_cookie(FrameNonce{1}));
  BOOST_TEST(!exchange.awaits_cookie(FrameNonce{2}));
  exchange.cookie_accepted();
  BOOST_TEST(!exchange.awaits_cookie(FrameNonce{1}));
  exchange.sent(FrameNonce{2}, 7, ipv4(7), now, random);
  BOOST_TEST((exchange.asked(7)->at == now.steady && exchange.asked(7)->to == ipv4(7)));
  BOOST_TEST(exchange.next_attempt());
  const Now later{now.steady + 1s, now.wall + 1s};
  exchange.sent(FrameNonce{3}, 8, ipv4(8), later, random);
  BOOST_TEST((exchange.asked(7)->at == now.steady && exchange.asked(7)->to == ipv4(7)));
  BOOST_TEST((exchange.asked(8)->at == later.steady && exchange.asked(8)->to == ipv4(8)));
  BOOST_TEST(!exchange.next_attempt());
  exchange.begin();
  BOOST_TEST(!exchange.asked(8));
  BOOST_TEST(!exchange.awaits_cookie(FrameNonce{3}));
  BOOST_TEST(exchange.deadline() == never);
}

BOOST_AUTO_TEST_CASE(an_exchange_accepts_three_cookie_replies_in_an_attempt) {
  Exchange exchange({1s, 4s, 2});
  for (std::uint8_t i = 0; i < 3; ++i) {
    exchange.sent(FrameNonce{i}, 0, ipv4(0), now, random);
    BOOST_TEST(exchange.awaits_cookie(FrameNonce{i}));
    exchange.cookie_accepted();
  }
  exchange.sent(FrameNonce{3}, 0, ipv4(0), now, random);
  BOOST_TEST(!exchange.awaits_cookie(FrameNonce{3}));
  BOOST_TEST(exchange.next_attempt());
  BOOST_TEST(exchange.awaits_cookie(FrameNonce{3}));
}

BOOST_AUTO_TEST_CASE(timeouts_of_any_configuration_are_positive_and_bounded) {
  for (const milliseconds first : {-5ms, 0ms, 1ms, milliseconds::max()}) {
    for (const milliseconds longest : {0ms, 1ms, 3ms, milliseconds{std::int64_t{1} << 40}}) {
      Exchange exchange({first, longest, 70});
      do {
        exchange.sent({}, 1, {}, now, random);
        BOOST_TEST(exchange.deadline() > now.steady);
        BOOST_TEST(exchange.deadline() - now.steady <= std::max(longest, 1ms) * 6 / 5);
      } while (exchange.next_attempt());
    }
  }
}

BOOST_AUTO_TEST_CASE(timeouts_are_spread_by_a_fifth_either_way) {
  Exchange exchange({10s, 30s, 4});
  for (const milliseconds middle : {10s, 20s, 30s}) {  // it doubles, up to the longest
    std::vector<milliseconds> timeouts;
    for (int i = 0; i < 200; ++i) {
      exchange.sent({}, 1, {}, now, random);
      timeouts.push_back(exchange.deadline() - now.steady);
    }
    check_uniform(timeouts, middle * 4 / 5, middle * 6 / 5);
    BOOST_TEST(exchange.next_attempt());
  }
}

BOOST_AUTO_TEST_CASE(a_retrieve_hands_over_a_window_and_then_deletes_it) {
  auto retrieve = this->retrieve(2);
  BOOST_TEST(retrieve.request(1).ids_to_delete.empty());
  BOOST_TEST((*retrieve.on_page(page(1, 1, 2, 20), false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(1, 0, 2, 10), false) == Step::hand_over));
  BOOST_TEST(!retrieve.is_handed_over());
  BOOST_TEST(retrieve.hand_over_envelopes().size() == 2);
  BOOST_TEST(retrieve.is_handed_over());
  retrieve.resume({});
  const auto request = retrieve.request(2);
  BOOST_TEST(request.cursor == 20);
  BOOST_TEST(request.ids_to_delete.size() == 2);
  Page end;
  end.counter = 2;
  BOOST_TEST((*retrieve.on_page(end, false) == Step::ended));
  BOOST_TEST(retrieve.result().complete);
}

BOOST_AUTO_TEST_CASE(a_retrieve_does_not_mix_the_pages_of_two_attempts) {
  auto retrieve = this->retrieve(3);
  BOOST_TEST((*retrieve.on_page(page(1, 1, 3, 20), false) == Step::wait));
  BOOST_TEST((retrieve.on_timeout(false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(2, 0, 2, 5), false) == Step::wait));
  BOOST_TEST((retrieve.on_page(page(1, 0, 3, 10), false).error() == Counter::refused_answer));
  BOOST_TEST((*retrieve.on_page(page(2, 1, 2, 6), false) == Step::hand_over));
  BOOST_TEST(retrieve.hand_over_envelopes().size() == 2);
  BOOST_TEST(retrieve.request(3).cursor == 6);
}

BOOST_AUTO_TEST_CASE(a_retrieve_uses_at_the_timeout_what_has_no_gap) {
  auto retrieve = this->retrieve(4);
  BOOST_TEST((retrieve.on_timeout(false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(1, 0, 4, 10), false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(1, 1, 4, 20), false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(1, 3, 4, 40), false) == Step::wait));
  BOOST_TEST((retrieve.on_timeout(false) == Step::hand_over));
  BOOST_TEST(retrieve.hand_over_envelopes().size() == 2);
  BOOST_TEST(retrieve.request(2).cursor == 20);
  BOOST_TEST(retrieve.request(2).ids_to_delete.size() == 2);
}

BOOST_AUTO_TEST_CASE(an_empty_page_with_more_to_come_does_not_end_a_retrieve) {
  auto retrieve = this->retrieve(4);
  Page empty = page(1, 0, 2, 10);
  empty.envelopes.clear();
  BOOST_TEST((*retrieve.on_page(empty, false) == Step::wait));
  BOOST_TEST((retrieve.on_timeout(false) == Step::request));
  BOOST_TEST(retrieve.request(2).cursor == 10);
}

BOOST_AUTO_TEST_CASE(a_page_whose_cursor_is_out_of_order_is_refused) {
  auto retrieve = this->retrieve(4);
  BOOST_TEST((*retrieve.on_page(page(1, 0, 4, 10), false) == Step::wait));
  BOOST_TEST((*retrieve.on_page(page(1, 2, 4, 30), false) == Step::wait));
  for (const std::uint64_t cursor : {0U, 10U, 30U, 31U}) {
    BOOST_TEST((retrieve.on_page(page(1, 1, 4, cursor), false).error() == Counter::refused_answer));
  }
  BOOST_TEST((retrieve.on_page(page(1, 0, 4, 10), false).error() == Counter::refused_answer));  // doubled
  BOOST_TEST(
      (retrieve.on_page(page(1, 1, 3, 20), false).error() == Counter::refused_answer));  // another count
  BOOST_TEST((*retrieve.on_page(page(1, 1, 4, 20), false) == Step::wait));
}

BOOST_AUTO_TEST_CASE(a_store_asks_for_what_its_job_says) {
  client::StoreJob job;
  job.mailbox.epoch = 77;
  job.mailbox.address = {numbered<crypto::Point>(1), numbered<crypto::Point>(2)};
  job.ttl = limits::largest_time_to_live;
  job.payload = Bytes(limits::small_envelope, 3);
  const client::StoreOperation store(std::move(job));
  const auto request = store.request(9);
  BOOST_TEST(request.counter == 9);
  BOOST_TEST(request.epoch == 77);
  BOOST_TEST(seconds{request.ttl_s} == limits::largest_time_to_live);
  BOOST_TEST((request.mailbox.w == numbered<crypto::Point>(2)));
  BOOST_TEST(request.payload.size() == limits::small_envelope);
  BOOST_TEST(store.fits());
}

BOOST_AUTO_TEST_CASE(a_cancel_names_no_epoch_and_no_time_to_live) {
  client::StoreJob job;
  job.op = protocol::StoreOp::cancel;
  job.mailbox.epoch = 77;
  job.payload = Bytes(limits::cancel_payload);
  const auto request = client::StoreOperation(std::move(job)).request(1);
  BOOST_TEST((request.op == protocol::StoreOp::cancel));
  BOOST_TEST(request.epoch == 0);
  BOOST_TEST(request.ttl_s == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
