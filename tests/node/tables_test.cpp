// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "node/lru_table.hpp"
#include "node/pending_table.hpp"
#include "node/token_bucket.hpp"
#include "tests/support/mock_transport.hpp"

namespace toxasync::test {
namespace {

using node::LruTable;
using node::Pending;
using node::PendingTable;
using node::TokenBuckets;

using Key = ByteArray<4>;

Endpoint ipv6(std::uint8_t last_of_56, std::uint8_t first_of_host) {
  Endpoint endpoint{6, {0x20, 1, 0xd, 0xb8}, 1};
  endpoint.ip[6] = last_of_56;
  endpoint.ip[7] = first_of_host;
  return endpoint;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_tables)

BOOST_AUTO_TEST_CASE(an_lru_table_drops_the_one_untouched_for_longest) {
  BOOST_TEST(crypto::initialise());
  LruTable<Key, int> table(3, {});
  BOOST_TEST(!table.insert({1}, 1).evicted);
  table.insert({2}, 2);
  table.insert({3}, 3);
  table.touch({1});
  BOOST_TEST(!table.insert({3}, 33).evicted);  // replaced
  BOOST_TEST(table.insert({4}, 4).evicted);
  BOOST_TEST(table.find({2}) == nullptr);
  BOOST_TEST(*table.find({1}) == 1);
  BOOST_TEST(*table.find({3}) == 33);
  BOOST_TEST(table.size() == 3U);
  table.erase_if([](int value) { return value > 3; });
  BOOST_TEST(table.size() == 1U);
  BOOST_TEST(*table.find({1}) == 1);
}

BOOST_AUTO_TEST_CASE(an_lru_table_of_no_capacity_holds_one) {
  LruTable<Key, int> table(0, {});
  table.insert({1}, 1);
  BOOST_TEST(table.insert({2}, 2).value == 2);
  BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_bucket_gives_its_burst_and_then_its_rate) {
  TokenBuckets buckets(10, {.burst = 3, .per_minute = 8}, {});
  const Endpoint source = ipv4(1);
  SteadyTime now{5s};
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(buckets.consume(source, now));
  }
  BOOST_TEST(!buckets.consume(source, now));
  BOOST_TEST(buckets.retry_after(source, now) == 8s);
  int taken = 0;
  for (milliseconds passed = 0ms; passed < 1min; passed += 100ms) {
    taken += buckets.consume(source, now += 100ms) ? 1 : 0;
  }
  BOOST_TEST(taken == 8);
  now += 1h;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(buckets.consume(source, now));
  }
  BOOST_TEST(!buckets.consume(source, now));  // never more than the burst
  BOOST_TEST(!buckets.consume(source, now - 10s));
}

BOOST_AUTO_TEST_CASE(a_bucket_survives_extreme_rates_and_times) {
  TokenBuckets none(10, {.burst = 0, .per_minute = 0}, {});
  BOOST_TEST(!none.consume(ipv4(1), SteadyTime{}));
  BOOST_TEST(!none.consume(ipv4(1), SteadyTime{milliseconds::max() / 2}));
  BOOST_TEST(none.retry_after(ipv4(1), SteadyTime{}) == 65535s);
  TokenBuckets most(10, {.burst = UINT32_MAX, .per_minute = UINT32_MAX}, {});
  BOOST_TEST(most.consume(ipv4(1), SteadyTime{}));
  BOOST_TEST(most.consume(ipv4(1), SteadyTime{milliseconds::max() / 2}));
  BOOST_TEST(most.retry_after(ipv4(1), SteadyTime{}) == 1s);
}

BOOST_AUTO_TEST_CASE(a_source_is_an_ipv4_address_or_an_ipv6_56) {
  TokenBuckets buckets(10, {.burst = 1, .per_minute = 0}, {});
  BOOST_TEST(buckets.consume(ipv4(1, 1), SteadyTime{}));
  BOOST_TEST(!buckets.consume(ipv4(1, 2), SteadyTime{}));  // another port
  BOOST_TEST(buckets.consume(ipv4(2), SteadyTime{}));
  BOOST_TEST(buckets.consume(ipv6(1, 1), SteadyTime{}));
  BOOST_TEST(!buckets.consume(ipv6(1, 2), SteadyTime{}));  // the same /56
  BOOST_TEST(buckets.consume(ipv6(2, 1), SteadyTime{}));
  Endpoint mapped{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, 1};
  BOOST_TEST(!buckets.consume(mapped, SteadyTime{}));  // 10.0.0.1 again
  mapped.ip[15] = 3;
  BOOST_TEST(buckets.consume(mapped, SteadyTime{}));
}

BOOST_AUTO_TEST_CASE(the_table_of_buckets_is_bounded) {
  TokenBuckets buckets(2, {.burst = 1, .per_minute = 0}, {});
  BOOST_TEST(buckets.consume(ipv4(1), SteadyTime{}));
  BOOST_TEST(buckets.consume(ipv4(2), SteadyTime{}));
  BOOST_TEST(!buckets.consume(ipv4(1), SteadyTime{}));
  BOOST_TEST(buckets.consume(ipv4(3), SteadyTime{}));  // in place of 2
  BOOST_TEST(!buckets.consume(ipv4(1), SteadyTime{}));
  BOOST_TEST(buckets.consume(ipv4(2), SteadyTime{}));
}

BOOST_AUTO_TEST_CASE(a_token_finds_its_request_until_it_is_removed) {
  PendingTable table(3);
  std::set<store::Token> seen;
  for (std::uint64_t round = 0; round < 100; ++round) {
    const auto first = table.add(Pending{.path = {}, .cursor = round});
    const auto second = table.add(Pending{.path = {}, .cursor = round + 1000});
    BOOST_TEST(seen.insert(first).second);
    BOOST_TEST(seen.insert(second).second);
    BOOST_TEST(table.find(first)->cursor == round);
    BOOST_TEST(table.find(second)->cursor == round + 1000);
    table.remove(first);
    table.remove(first);
    BOOST_TEST(table.find(first) == nullptr);
    table.remove(second);
  }
  BOOST_TEST(table.size() == 0U);
  BOOST_TEST(table.find(~store::Token{0}) == nullptr);
}

BOOST_AUTO_TEST_CASE(the_table_of_requests_is_bounded) {
  PendingTable table(2);
  table.add({});
  BOOST_TEST(!table.full());
  const auto token = table.add({});
  BOOST_TEST(table.full());
  table.remove(token);
  BOOST_TEST(!table.full());
  BOOST_TEST(PendingTable(0).full());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
