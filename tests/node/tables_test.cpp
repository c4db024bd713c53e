// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "node/lru_table.hpp"
#include "node/pending_table.hpp"
#include "node/shared_table.hpp"
#include "node/token_bucket.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::test {
namespace {

using node::LruTable;
using node::Pending;
using node::PendingTable;
using node::SharedTable;
using node::Source;
using node::TokenBuckets;

using Key = ByteArray<4>;

Endpoint ipv6(std::uint8_t last_of_56, std::uint8_t first_of_host) {
  Endpoint endpoint{6, {0x20, 1, 0xd, 0xb8}, 1};
  endpoint.ip[6] = last_of_56;
  endpoint.ip[7] = first_of_host;
  return endpoint;
}

node::SourcePrefix of(const Endpoint& source) {
  return node::Source(source).payer();
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
}

BOOST_AUTO_TEST_CASE(an_lru_table_of_no_capacity_holds_one) {
  LruTable<Key, int> table(0, {});
  table.insert({1}, 1);
  BOOST_TEST(table.insert({2}, 2).value == 2);
  BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_shared_table_drops_from_who_holds_most) {
  SharedTable<Key, int> table(4, {});
  const SteadyTime now{5s};
  BOOST_TEST(!table.insert({1}, 1, ipv4(0x010101), now).evicted);
  table.insert({2}, 2, ipv4(0x020202), now);
  table.insert({3}, 3, ipv4(0x020202), now);
  table.insert({4}, 4, ipv4(0x030303), now);
  table.touch({2});
  BOOST_TEST(table.insert({5}, 5, ipv4(0x040404), now).evicted);
  BOOST_TEST(table.find({3}) == nullptr);  // untouched for longest of those of one source
  BOOST_TEST(table.size() == 4U);
  table.prove({1}, now);
  BOOST_TEST(
      table.insert({6}, 6, ipv4(0x050505), now).evicted);  // all hold one: who proved nothing, the first
  BOOST_TEST(*table.find({1}) == 1);
  BOOST_TEST(table.find({2}) == nullptr);
  BOOST_TEST(!table.insert({6}, 66, ipv4(0x060606), now).evicted);  // replaced, and from elsewhere
  BOOST_TEST(*table.find({6}) == 66);
  table.erase_if([](int value) { return value > 4; });
  BOOST_TEST(table.size() == 2U);
  table.erase({4});
  table.erase({4});
  BOOST_TEST(*table.find({1}) == 1);
  BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_proof_counts_for_half_an_hour) {
  using Table = SharedTable<Key, int>;
  for (const milliseconds since : {Table::lately - 1ms, Table::lately}) {
    Table table(3, {});
    SteadyTime now{5s};
    table.insert({1}, 1, ipv4(1), now);
    table.prove({1}, now);
    now += since;
    table.insert({2}, 2, ipv4(1), now);
    table.insert({3}, 3, ipv4(1), now);
    BOOST_TEST(table.insert({4}, 4, ipv4(1), now).evicted);
    BOOST_TEST((table.find({1}) != nullptr) == (since < Table::lately));
  }
}

BOOST_AUTO_TEST_CASE(networks_of_every_size_hold_no_more_than_others) {
  // One address, one /24 and one /16 fill a table from which others were driven out before.
  SharedTable<Key, int> table(64, {});
  const SteadyTime now{5s};
  std::uint32_t number = 0;
  const auto come = [&](const Endpoint& from) {
    Key key{};
    store_le(++number, key.data());
    table.insert(key, static_cast<int>(from.ip[1]), from, now);
  };
  for (std::uint32_t i = 0; i < 256; ++i) {
    come(ipv4(0x010101));
    come(ipv4(0x020200 + i));
    come(ipv4(0x030000 + 256 * i));
  }
  std::array<std::size_t, 4> held{};
  table.erase_if([&](int network) {
    ++held.at(static_cast<std::size_t>(network));
    return true;
  });
  BOOST_TEST(table.size() == 0U);
  BOOST_TEST(held[1] + held[2] + held[3] == 64U);
  BOOST_TEST(held[1] >= 8U);  // as 1 : 2 : 4
  BOOST_TEST(held[1] <= 10U);
  BOOST_TEST(held[2] >= 17U);
  BOOST_TEST(held[2] <= 19U);
}

BOOST_AUTO_TEST_CASE(a_shared_table_keeps_its_order_whatever_happens) {
  SharedTable<Key, std::uint32_t> table(50, {});
  std::map<Key, std::uint32_t> model;
  SeededRandom random(3);
  SteadyTime now{5s};
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    now += 1s;
    Key key{static_cast<std::uint8_t>(random.below(100))};
    switch (random.below(5)) {
      case 0:
        table.erase(key);
        model.erase(key);
        break;
      case 1:
        table.touch(key);
        break;
      case 2:
        table.prove(key, now);
        break;
      default:
        const auto from =
            static_cast<std::uint32_t>(random.below(3) << 16U | random.below(3) << 8U | random.below(3));
        const std::size_t before = table.size();
        const bool known = table.find(key) != nullptr;
        const bool evicted = table.insert(key, i, ipv4(from), now).evicted;
        model[key] = i;
        BOOST_TEST_REQUIRE(evicted == (!known && before == 50U));
    }
    BOOST_TEST_REQUIRE(table.size() <= 50U);
    if (const auto* value = table.find(key)) {
      BOOST_TEST_REQUIRE(*value == model.at(key));
    }
  }
  std::size_t left = 0;
  table.erase_if([&](std::uint32_t) { return ++left != 0; });
  BOOST_TEST(left <= 50U);
  BOOST_TEST(table.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_bucket_gives_its_burst_and_then_its_rate) {
  TokenBuckets buckets(10, {.burst = 3, .per_minute = 8}, {});
  const Endpoint source = ipv4(1);
  SteadyTime now{5s};
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(buckets.consume(of(source), now));
  }
  BOOST_TEST(!buckets.consume(of(source), now));
  BOOST_TEST(buckets.retry_after(of(source), now) == 8s);
  int taken = 0;
  for (milliseconds passed = 0ms; passed < 1min; passed += 100ms) {
    taken += buckets.consume(of(source), now += 100ms) ? 1 : 0;
  }
  BOOST_TEST(taken == 8);
  now += 1h;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(buckets.consume(of(source), now));
  }
  BOOST_TEST(!buckets.consume(of(source), now));  // never more than the burst
  BOOST_TEST(!buckets.consume(of(source), now - 10s));
}

BOOST_AUTO_TEST_CASE(a_bucket_survives_extreme_rates_and_times) {
  TokenBuckets none(10, {.burst = 0, .per_minute = 0}, {});
  BOOST_TEST(!none.consume(of(ipv4(1)), SteadyTime{}));
  BOOST_TEST(!none.consume(of(ipv4(1)), SteadyTime{milliseconds::max() / 2}));
  BOOST_TEST(none.retry_after(of(ipv4(1)), SteadyTime{}) == 65535s);
  TokenBuckets most(10, {.burst = UINT32_MAX, .per_minute = UINT32_MAX}, {});
  BOOST_TEST(most.consume(of(ipv4(1)), SteadyTime{}));
  BOOST_TEST(most.consume(of(ipv4(1)), SteadyTime{milliseconds::max() / 2}));
  BOOST_TEST(most.retry_after(of(ipv4(1)), SteadyTime{}) == 1s);
}

BOOST_AUTO_TEST_CASE(a_source_is_an_ipv4_address_or_an_ipv6_56) {
  TokenBuckets buckets(10, {.burst = 1, .per_minute = 0}, {});
  BOOST_TEST(buckets.consume(of(ipv4(1, 1)), SteadyTime{}));
  BOOST_TEST(!buckets.consume(of(ipv4(1, 2)), SteadyTime{}));  // another port
  BOOST_TEST(buckets.consume(of(ipv4(2)), SteadyTime{}));
  BOOST_TEST(buckets.consume(of(ipv6(1, 1)), SteadyTime{}));
  BOOST_TEST(!buckets.consume(of(ipv6(1, 2)), SteadyTime{}));  // the same /56
  BOOST_TEST(buckets.consume(of(ipv6(2, 1)), SteadyTime{}));
  Endpoint mapped{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, 1};
  BOOST_TEST(!buckets.consume(of(mapped), SteadyTime{}));  // 10.0.0.1 again
  mapped.ip[15] = 3;
  BOOST_TEST(buckets.consume(of(mapped), SteadyTime{}));
}

BOOST_AUTO_TEST_CASE(the_table_of_buckets_is_bounded) {
  TokenBuckets buckets(2, {.burst = 1, .per_minute = 0}, {});
  BOOST_TEST(buckets.consume(of(ipv4(1)), SteadyTime{}));
  BOOST_TEST(buckets.consume(of(ipv4(2)), SteadyTime{}));
  BOOST_TEST(!buckets.consume(of(ipv4(1)), SteadyTime{}));
  BOOST_TEST(buckets.consume(of(ipv4(3)), SteadyTime{}));  // in place of 2
  BOOST_TEST(!buckets.consume(of(ipv4(1)), SteadyTime{}));
  BOOST_TEST(buckets.consume(of(ipv4(2)), SteadyTime{}));
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
