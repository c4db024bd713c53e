// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "node/storage_quota.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {
namespace {

using node::Fill;
using node::longest_ttl;
using node::networks_of;
using node::StorageQuota;

constexpr seconds day = days(1);
constexpr UnixTime now{days(20000)};  // a slot begins
constexpr std::uint64_t capacity = 1 << 20;
constexpr Fill half{capacity / 2, capacity};
constexpr Fill over_half{capacity * 3 / 4, capacity};  // a quarter is free, a source may have 32768 of it

Endpoint ipv6(std::uint64_t first_half) {
  Endpoint endpoint{6, {}, 1};
  for (std::size_t i = 0; i < 8; ++i) {
    endpoint.ip[i] = static_cast<std::uint8_t>(first_half >> (56 - 8 * i));
  }
  return endpoint;
}
Endpoint courier(std::uint8_t key) {
  return {Endpoint::keyed, {key, 1, 2, 3, 4, 5, 6, 7, 8}, 0};
}

constexpr std::uint64_t byte_seconds(std::uint64_t bytes, seconds kept) {
  return bytes * static_cast<std::uint64_t>(kept.count());
}

struct Fixture {
  bool ready = crypto::initialise();
  StorageQuota shares{64, 4, {}};

  seconds wait(const Endpoint& source, std::size_t bytes, seconds kept = day, Fill fill = over_half,
               UnixTime at = now) {
    return shares.wait(source, bytes, at + kept, fill, at);
  }
  void charge(const Endpoint& source, std::size_t bytes, seconds kept = day) {
    shares.charge(source, bytes, now + kept, now);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_shares, Fixture)

BOOST_AUTO_TEST_CASE(mail_is_kept_for_less_time_the_fuller_the_store_is) {
  constexpr std::uint64_t full = 1'000'000;
  BOOST_TEST(longest_ttl({0, full}) == 14 * day);
  BOOST_TEST(longest_ttl({500'000, full}) == 14 * day);
  BOOST_TEST(longest_ttl({700'000, full}) == 15 * day / 2);  // half of the way from 14 days to 1
  BOOST_TEST(longest_ttl({900'000, full}) == day);
  BOOST_TEST(longest_ttl({2 * full, full}) == day);
  BOOST_TEST(longest_ttl({0, 0}) == day);
  seconds before = 15 * day;
  for (std::uint64_t used = 0; used <= full; used += 1000) {
    const seconds longest = longest_ttl({used, full});
    BOOST_TEST((longest <= before && longest >= day));
    before = longest;
  }
}

BOOST_AUTO_TEST_CASE(below_half_full_no_source_is_refused) {
  charge(ipv4(1), capacity, 14 * day);
  BOOST_TEST(wait(ipv4(1), capacity, 14 * day, half) == 0s);
  BOOST_TEST(wait(ipv4(1), 1, day, {half.used + 1, capacity}) > 0s);
}

BOOST_AUTO_TEST_CASE(a_source_may_hold_an_eighth_of_what_is_free_for_a_day) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  BOOST_TEST(wait(ipv4(1), eighth) == 0s);
  BOOST_TEST(wait(ipv4(1), eighth + 1) > 0s);
  BOOST_TEST(wait(ipv4(1), eighth / 14, 14 * day) == 0s);  // longer means less
  BOOST_TEST(wait(ipv4(1), eighth / 13, 14 * day) > 0s);
  charge(ipv4(1), eighth - 1000);
  BOOST_TEST(wait(ipv4(1), 1000) == 0s);
  BOOST_TEST(wait(ipv4(1), 1001) > 0s);
  BOOST_TEST(wait(ipv4(0x010001), eighth) == 0s);  // another network has its own
}

BOOST_AUTO_TEST_CASE(shares_hold_on_a_store_of_64_gib_and_of_one_tib) {
  for (const std::uint64_t large : {std::uint64_t{64} << 30U, std::uint64_t{1} << 40U}) {
    StorageQuota many(64, 1, {});
    const Fill fill{large * 3 / 4, large};
    const std::uint64_t eighth = fill.free() / 8;
    const auto wait = [&](std::uint64_t bytes) { return many.wait(ipv4(1), bytes, now + day, fill, now); };
    constexpr std::uint64_t each = 1ULL << 28U;
    for (std::uint64_t taken = 0; taken < eighth; taken += each) {
      BOOST_TEST_REQUIRE(wait(each) == 0s);
      many.charge(ipv4(1), each, now + day, now);
    }
    BOOST_TEST(many.charged(ipv4(1), now) == byte_seconds(eighth, day));
    BOOST_TEST(wait(1) > 0s);
    many.refund(ipv4(1), each, now + day, now);
    BOOST_TEST(many.charged(ipv4(1), now) == byte_seconds(eighth - each, day));
    BOOST_TEST(wait(each) == 0s);
    BOOST_TEST(wait(each + 1) > 0s);
    many.charge(ipv4(2), large, now + 14 * day, now);  // the most that can be kept
    BOOST_TEST(many.charged(ipv4(2), now) == byte_seconds(large, 14 * day));
  }
}

BOOST_AUTO_TEST_CASE(an_account_that_is_charged_without_end_does_not_overflow) {
  for (int quarter = 1; quarter <= 56; ++quarter) {
    for (int i = 0; i < 2; ++i) {  // what is cancelled stays charged, so it can be more than the store holds
      shares.charge(ipv4(1), SIZE_MAX, now + quarter * 6h, now);
    }
    BOOST_TEST(shares.charged(ipv4(1), now) >= byte_seconds(std::uint64_t{1} << 42U, 6h));
    BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait);
  }
}

BOOST_AUTO_TEST_CASE(space_remains_for_later_sources_however_many_there_are) {
  for (const std::uint32_t sources : {1U, 8U, 100U, 1000U}) {
    StorageQuota many(8192, 1, {});
    Fill fill = {capacity / 2 + 1, capacity};
    const std::uint64_t free_at_first = fill.free();
    bool taken = true;
    while (taken && fill.free() > 0) {  // all use what they get, in turn
      taken = false;
      for (std::uint32_t source = 0; source < sources; ++source) {
        const Endpoint from = ipv4(source << 8U);  // of other /24s; of one /16 each 256
        if (fill.free() >= 16 && many.wait(from, 16, now + day, fill, now) == 0s) {
          many.charge(from, 16, now + day, now);
          fill.used += 16;
          taken = true;
        }
      }
    }
    // n that take: each has an eighth of what is left, so 8 / (8 + n) is left; of a /16 half at most.
    const std::uint32_t halves = (sources + 255) / 256;
    const double by_sources = 8.0 / (8 + sources);
    const double by_networks = 2.0 / (2 + halves);
    const double left = static_cast<double>(fill.free()) / static_cast<double>(free_at_first);
    BOOST_TEST_MESSAGE(sources << " sources leave " << left);
    BOOST_TEST(left >= std::max(by_sources, by_networks) * 0.96);
    BOOST_TEST(many.wait(ipv6(1), fill.free() / 8, now + day, fill, now) == 0s);
  }
}

BOOST_AUTO_TEST_CASE(networks_around_a_source_have_shares_too) {
  const auto v4 = networks_of(ipv4(0x010203));
  const auto v6 = networks_of(ipv6(0x20010db801020304));
  BOOST_TEST((v4[0] == node::SourcePrefix{4, 32, 10, 1, 2, 3}));
  BOOST_TEST((v4[1] == node::SourcePrefix{4, 24, 10, 1, 2}));
  BOOST_TEST((v4[2] == node::SourcePrefix{4, 16, 10, 1}));
  BOOST_TEST((v6[0] == node::SourcePrefix{6, 56, 0x20, 1, 0xd, 0xb8, 1, 2, 3}));
  BOOST_TEST((v6[1] == node::SourcePrefix{6, 48, 0x20, 1, 0xd, 0xb8, 1, 2}));
  BOOST_TEST((v6[2] == node::SourcePrefix{6, 32, 0x20, 1, 0xd, 0xb8}));
  Endpoint mapped{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}, 1};
  BOOST_TEST((networks_of(mapped) == v4));

  constexpr std::size_t eighth = capacity / 4 / 8;
  for (std::uint64_t last = 0; last < 2; ++last) {  // two /56 of one /48 have its quarter
    charge(ipv6(0x20010db800010000 + (last << 8U)), eighth);
  }
  BOOST_TEST(wait(ipv6(0x20010db800010200), 100) > 0s);
  BOOST_TEST(wait(ipv6(0x20010db800020000), 100) == 0s);
  for (std::uint64_t site = 2; site < 4; ++site) {  // and with two more that of the /32
    charge(ipv6(0x20010db800000000 + (site << 16U)), eighth);
  }
  BOOST_TEST(wait(ipv6(0x20010db800050000), 100) > 0s);
  BOOST_TEST(wait(ipv6(0x20010db900050000), 100) == 0s);
}

BOOST_AUTO_TEST_CASE(couriers_have_a_share_of_their_own_and_one_together) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  charge(courier(1), eighth);
  BOOST_TEST(wait(courier(1), 100) > 0s);
  BOOST_TEST(wait(courier(2), eighth) == 0s);
  charge(courier(2), eighth);
  BOOST_TEST(wait(courier(3), 100) > 0s);  // keys cost nothing: all together they have a quarter
  BOOST_TEST(wait(ipv4(1), 100) == 0s);
}

BOOST_AUTO_TEST_CASE(an_account_empties_as_its_mail_expires) {
  charge(ipv4(1), 1000, day);
  charge(ipv4(1), 10, 14 * day);
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(1000, day) + byte_seconds(10, 14 * day));
  BOOST_TEST(shares.charged(ipv4(1), now + 1h) ==
             byte_seconds(1000, day - 1h) + byte_seconds(10, 14 * day - 1h));
  BOOST_TEST(shares.charged(ipv4(1), now + day) == byte_seconds(10, 13 * day));
  BOOST_TEST(shares.charged(ipv4(1), now + 14 * day) == 0U);
  shares.charge(ipv4(2), 1000, now + day + 1s, now);  // times are rounded up to a quarter of a day
  BOOST_TEST(shares.charged(ipv4(2), now) == byte_seconds(1000, day + 6h));
  BOOST_TEST(shares.charged(ipv4(1), now + 1000 * day) == 0U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumps_does_no_harm) {
  charge(ipv4(1), 1000, day);
  BOOST_TEST(shares.charged(ipv4(1), now - 6h) == byte_seconds(1000, day + 6h));
  shares.charge(ipv4(1), 1000, now - 99 * day, now - 100 * day);
  shares.charge(ipv4(1), UINT32_MAX, UnixTime::max(), now);
  shares.charge(ipv4(1), UINT32_MAX, UnixTime::min(), now);
  BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait);
  BOOST_TEST(shares.charged(ipv4(1), now + 1000 * day) == 0U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_locks_no_source_out) {
  constexpr UnixTime ahead = now + 365 * day;
  shares.charge(ipv4(1), 1000, ahead + day, ahead);
  BOOST_TEST(wait(ipv4(1), 1000) == 0s);
  BOOST_TEST(shares.charged(ipv4(1), now) == 0U);
  charge(ipv4(1), 1000, 3 * day);  // counts from now on as for anybody
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(3000, day));
  BOOST_TEST(shares.charged(ipv4(1), now + 3 * day) == 0U);
  shares.charge(ipv4(2), 1000, ahead + day, ahead);
  charge(ipv4(2), 1000, 3 * day);  // even if it is the first charge of that source since
  BOOST_TEST(shares.charged(ipv4(2), now) == byte_seconds(3000, day));
}

BOOST_AUTO_TEST_CASE(the_delay_lasts_until_enough_mail_has_expired) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  charge(ipv4(1), 2 * eighth);
  BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait);
  BOOST_TEST(wait(ipv4(1), 1, day, over_half, now + 12h - 30min) == 1801s);
  BOOST_TEST(wait(ipv4(1), 1, day, over_half, now + 12h) == StorageQuota::least_wait);
  BOOST_TEST(wait(ipv4(1), 1, day, over_half, now + 12h + 1min) == 0s);
  BOOST_TEST(wait(ipv4(2), capacity) == StorageQuota::longest_wait);  // would never fit
}

BOOST_AUTO_TEST_CASE(what_is_given_back_was_never_charged) {
  charge(ipv4(1), 1000, 3 * day);
  charge(ipv4(1), 500, 7 * day);
  constexpr UnixTime later = now + day;
  shares.refund(ipv4(1), 500, now + 7 * day, later);
  BOOST_TEST(shares.charged(ipv4(1), later) == byte_seconds(2000, day));
  shares.refund(ipv4(1), 99999, now + 3 * day, later);  // never below nothing
  BOOST_TEST(shares.charged(ipv4(1), later) == 0U);
  shares.refund(ipv4(3), 1, later + day, later);  // who has no account
}

BOOST_AUTO_TEST_CASE(mail_that_its_owner_fetched_costs_its_source_no_more) {
  const auto mailbox = numbered<store::Mailbox>(1);
  const auto id = numbered<store::RecordId>(2);
  charge(ipv4(1), 560);
  shares.remember(ipv4(1), mailbox, id, 400, now + day);
  const std::vector<store::RecordId> ids{{9}, id};
  shares.fetched(numbered<store::Mailbox>(77), ids, now);  // of another mailbox: named, but not deleted
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(560, day));
  shares.fetched(mailbox, ids, now);
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(160, day));  // the tombstone stays
  shares.fetched(mailbox, ids, now);                                   // once only
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(160, day));
}

BOOST_AUTO_TEST_CASE(extended_mail_is_refunded_by_its_later_expiry) {
  const auto mailbox = numbered<store::Mailbox>(1);
  const std::vector<store::RecordId> ids{{2}};
  shares.remember(ipv4(1), mailbox, ids[0], 400, now + day);
  charge(ipv4(1), 560, 7 * day);
  shares.extend(ipv4(2), ids[0], now + 14 * day);  // belongs to another source
  shares.extend(ipv4(1), ids[0], now + 7 * day);
  shares.extend(ipv4(1), ids[0], now + 3 * day);                        // not earlier
  shares.extend(ipv4(1), numbered<store::RecordId>(3), now + 7 * day);  // unknown
  shares.fetched(mailbox, ids, now);
  BOOST_TEST(shares.charged(ipv4(1), now) == byte_seconds(160, 7 * day));
}

BOOST_AUTO_TEST_CASE(the_quota_tables_drop_the_oldest_charges_first) {
  StorageQuota small(6, 2, {});  // two sources with their networks
  const auto charge = [&](std::uint32_t host) { small.charge(ipv4(host), 100, now + day, now); };
  charge(0x010101);
  charge(0x020202);
  charge(0x010101);
  charge(0x030303);
  BOOST_TEST(small.charged(ipv4(0x010101), now) == byte_seconds(200, day));
  BOOST_TEST(small.charged(ipv4(0x020202), now) == 0U);
  const auto mailbox = numbered<store::Mailbox>(1);
  for (std::uint8_t id = 1; id <= 3; ++id) {
    small.remember(ipv4(0x010101), mailbox, numbered<store::RecordId>(id), 50, now + day);
  }
  const std::vector<store::RecordId> ids{numbered<store::RecordId>(1), numbered<store::RecordId>(2),
                                         numbered<store::RecordId>(3)};
  small.fetched(mailbox, ids, now);  // the first is forgotten: it stays charged
  BOOST_TEST(small.charged(ipv4(0x010101), now) == byte_seconds(100, day));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
