// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "node/storage_quota.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::test {
namespace {

using node::Fill;
using node::longest_ttl_s;
using node::networks_of;
using node::StorageQuota;

constexpr std::int64_t day_s = 86400;
constexpr std::int64_t now_s = 20000 * day_s;  // a slot begins
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

struct Fixture {
  bool ready = crypto::initialise();
  StorageQuota shares{64, 4, {}};

  std::uint16_t wait(const Endpoint& source, std::size_t bytes, std::int64_t days = 1, Fill fill = over_half,
                     std::int64_t at_s = now_s) {
    return shares.wait_s(source, bytes, at_s + days * day_s, fill, at_s);
  }
  void charge(const Endpoint& source, std::size_t bytes, std::int64_t days = 1) {
    shares.charge(source, bytes, now_s + days * day_s, now_s);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_shares, Fixture)

BOOST_AUTO_TEST_CASE(mail_is_kept_for_less_time_the_fuller_the_store_is) {
  constexpr std::uint64_t full = 1'000'000;
  BOOST_TEST(longest_ttl_s({0, full}) == 14U * day_s);
  BOOST_TEST(longest_ttl_s({500'000, full}) == 14U * day_s);
  BOOST_TEST(longest_ttl_s({700'000, full}) == 15U * day_s / 2);  // half of the way from 14 days to 1
  BOOST_TEST(longest_ttl_s({900'000, full}) == day_s);
  BOOST_TEST(longest_ttl_s({2 * full, full}) == day_s);
  BOOST_TEST(longest_ttl_s({0, 0}) == day_s);
  std::uint32_t before = 15 * day_s;
  for (std::uint64_t used = 0; used <= full; used += 1000) {
    const std::uint32_t longest = longest_ttl_s({used, full});
    BOOST_TEST((longest <= before && longest >= day_s));
    before = longest;
  }
}

BOOST_AUTO_TEST_CASE(below_half_full_no_source_is_refused) {
  charge(ipv4(1), capacity, 14);
  BOOST_TEST(wait(ipv4(1), capacity, 14, half) == 0U);
  BOOST_TEST(wait(ipv4(1), 1, 1, {half.used + 1, capacity}) > 0U);
}

BOOST_AUTO_TEST_CASE(a_source_may_hold_an_eighth_of_what_is_free_for_a_day) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  BOOST_TEST(wait(ipv4(1), eighth) == 0U);
  BOOST_TEST(wait(ipv4(1), eighth + 1) > 0U);
  BOOST_TEST(wait(ipv4(1), eighth / 14, 14) == 0U);  // longer means less
  BOOST_TEST(wait(ipv4(1), eighth / 13, 14) > 0U);
  charge(ipv4(1), eighth - 1000);
  BOOST_TEST(wait(ipv4(1), 1000) == 0U);
  BOOST_TEST(wait(ipv4(1), 1001) > 0U);
  BOOST_TEST(wait(ipv4(0x010001), eighth) == 0U);  // another network has its own
}

BOOST_AUTO_TEST_CASE(shares_hold_on_a_store_of_64_gib_and_of_one_tib) {
  for (const std::uint64_t large : {std::uint64_t{64} << 30U, std::uint64_t{1} << 40U}) {
    StorageQuota many(64, 1, {});
    const Fill fill{large * 3 / 4, large};
    const std::uint64_t eighth = fill.free() / 8;
    const auto wait_s = [&](std::uint64_t bytes, std::int64_t days) {
      return many.wait_s(ipv4(1), bytes, now_s + days * day_s, fill, now_s);
    };
    constexpr std::uint64_t each = 1ULL << 28U;
    for (std::uint64_t taken = 0; taken < eighth; taken += each) {
      BOOST_TEST_REQUIRE(wait_s(each, 1) == 0U);
      many.charge(ipv4(1), each, now_s + day_s, now_s);
    }
    BOOST_TEST(many.charged(ipv4(1), now_s) == eighth * day_s);
    BOOST_TEST(wait_s(1, 1) > 0U);
    many.refund(ipv4(1), each, now_s + day_s, now_s);
    BOOST_TEST(many.charged(ipv4(1), now_s) == (eighth - each) * day_s);
    BOOST_TEST(wait_s(each, 1) == 0U);
    BOOST_TEST(wait_s(each + 1, 1) > 0U);
    many.charge(ipv4(2), large, now_s + 14 * day_s, now_s);  // the most that can be kept
    BOOST_TEST(many.charged(ipv4(2), now_s) == large * 14 * day_s);
  }
}

BOOST_AUTO_TEST_CASE(an_account_that_is_charged_without_end_does_not_overflow) {
  for (std::int64_t quarter = 1; quarter <= 56; ++quarter) {
    for (int i = 0; i < 2; ++i) {  // what is cancelled stays charged, so it can be more than the store holds
      shares.charge(ipv4(1), SIZE_MAX, now_s + quarter * 21600, now_s);
    }
    BOOST_TEST(shares.charged(ipv4(1), now_s) >= (std::uint64_t{1} << 42U) * 21600);
    BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait_s);
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
        if (fill.free() >= 16 && many.wait_s(from, 16, now_s + day_s, fill, now_s) == 0) {
          many.charge(from, 16, now_s + day_s, now_s);
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
    BOOST_TEST(many.wait_s(ipv6(1), fill.free() / 8, now_s + day_s, fill, now_s) == 0U);
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
  BOOST_TEST(wait(ipv6(0x20010db800010200), 100) > 0U);
  BOOST_TEST(wait(ipv6(0x20010db800020000), 100) == 0U);
  for (std::uint64_t site = 2; site < 4; ++site) {  // and with two more that of the /32
    charge(ipv6(0x20010db800000000 + (site << 16U)), eighth);
  }
  BOOST_TEST(wait(ipv6(0x20010db800050000), 100) > 0U);
  BOOST_TEST(wait(ipv6(0x20010db900050000), 100) == 0U);
}

BOOST_AUTO_TEST_CASE(couriers_have_a_share_of_their_own_and_one_together) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  charge(courier(1), eighth);
  BOOST_TEST(wait(courier(1), 100) > 0U);
  BOOST_TEST(wait(courier(2), eighth) == 0U);
  charge(courier(2), eighth);
  BOOST_TEST(wait(courier(3), 100) > 0U);  // keys cost nothing: all together they have a quarter
  BOOST_TEST(wait(ipv4(1), 100) == 0U);
}

BOOST_AUTO_TEST_CASE(an_account_empties_as_its_mail_expires) {
  charge(ipv4(1), 1000, 1);
  charge(ipv4(1), 10, 14);
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 1000U * day_s + std::int64_t{140} * day_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s + 3600) ==
             1000U * (day_s - 3600) + std::int64_t{10} * (14 * day_s - 3600));
  BOOST_TEST(shares.charged(ipv4(1), now_s + day_s) == std::int64_t{130} * day_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s + 14 * day_s) == 0U);
  shares.charge(ipv4(2), 1000, now_s + day_s + 1, now_s);  // times are rounded up to a quarter of a day
  BOOST_TEST(shares.charged(ipv4(2), now_s) == 1000U * (day_s + 21600));
  BOOST_TEST(shares.charged(ipv4(1), now_s + 1000 * day_s) == 0U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumps_does_no_harm) {
  charge(ipv4(1), 1000, 1);
  BOOST_TEST(shares.charged(ipv4(1), now_s - 21600) == 1000U * (day_s + 21600));
  shares.charge(ipv4(1), 1000, now_s - 99 * day_s, now_s - 100 * day_s);
  shares.charge(ipv4(1), UINT32_MAX, INT64_MAX, now_s);
  shares.charge(ipv4(1), UINT32_MAX, INT64_MIN, now_s);
  BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s + 1000 * day_s) == 0U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_locks_no_source_out) {
  constexpr std::int64_t ahead_s = now_s + 365 * day_s;
  shares.charge(ipv4(1), 1000, ahead_s + day_s, ahead_s);
  BOOST_TEST(wait(ipv4(1), 1000) == 0U);
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 0U);
  charge(ipv4(1), 1000, 3);  // counts from now on as for anybody
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 3000U * day_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s + 3 * day_s) == 0U);
  shares.charge(ipv4(2), 1000, ahead_s + day_s, ahead_s);
  charge(ipv4(2), 1000, 3);  // even if it is the first charge of that source since
  BOOST_TEST(shares.charged(ipv4(2), now_s) == 3000U * day_s);
}

BOOST_AUTO_TEST_CASE(the_delay_lasts_until_enough_mail_has_expired) {
  constexpr std::size_t eighth = capacity / 4 / 8;
  charge(ipv4(1), 2 * eighth);
  BOOST_TEST(wait(ipv4(1), 1) == StorageQuota::longest_wait_s);
  BOOST_TEST(wait(ipv4(1), 1, 1, over_half, now_s + 43200 - 1800) == 1801U);
  BOOST_TEST(wait(ipv4(1), 1, 1, over_half, now_s + 43200) == StorageQuota::least_wait_s);
  BOOST_TEST(wait(ipv4(1), 1, 1, over_half, now_s + 43200 + 60) == 0U);
  BOOST_TEST(wait(ipv4(2), capacity) == StorageQuota::longest_wait_s);  // would never fit
}

BOOST_AUTO_TEST_CASE(what_is_given_back_was_never_charged) {
  charge(ipv4(1), 1000, 3);
  charge(ipv4(1), 500, 7);
  constexpr std::int64_t later_s = now_s + day_s;
  shares.refund(ipv4(1), 500, now_s + 7 * day_s, later_s);
  BOOST_TEST(shares.charged(ipv4(1), later_s) == 2000U * day_s);
  shares.refund(ipv4(1), 99999, now_s + 3 * day_s, later_s);  // never below nothing
  BOOST_TEST(shares.charged(ipv4(1), later_s) == 0U);
  shares.refund(ipv4(3), 1, later_s + day_s, later_s);  // who has no account
}

BOOST_AUTO_TEST_CASE(mail_that_its_owner_fetched_costs_its_source_no_more) {
  const auto mailbox = numbered<store::MailboxKey>(1);
  const auto id = numbered<store::RecordId>(2);
  charge(ipv4(1), 560);
  shares.remember(ipv4(1), mailbox, id, 400, now_s + day_s);
  const std::vector<store::RecordId> ids{{9}, id};
  shares.fetched(numbered<store::MailboxKey>(77), ids, now_s);  // of another mailbox: named, but not deleted
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 560U * day_s);
  shares.fetched(mailbox, ids, now_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 160U * day_s);  // the tombstone stays
  shares.fetched(mailbox, ids, now_s);                         // once only
  BOOST_TEST(shares.charged(ipv4(1), now_s) == 160U * day_s);
}

BOOST_AUTO_TEST_CASE(extended_mail_is_refunded_by_its_later_expiry) {
  const auto mailbox = numbered<store::MailboxKey>(1);
  const std::vector<store::RecordId> ids{{2}};
  shares.remember(ipv4(1), mailbox, ids[0], 400, now_s + day_s);
  charge(ipv4(1), 560, 7);
  shares.extend(ipv4(2), ids[0], now_s + 14 * day_s);  // belongs to another source
  shares.extend(ipv4(1), ids[0], now_s + 7 * day_s);
  shares.extend(ipv4(1), ids[0], now_s + 3 * day_s);                        // not earlier
  shares.extend(ipv4(1), numbered<store::RecordId>(3), now_s + 7 * day_s);  // unknown
  shares.fetched(mailbox, ids, now_s);
  BOOST_TEST(shares.charged(ipv4(1), now_s) == std::int64_t{160} * 7 * day_s);
}

BOOST_AUTO_TEST_CASE(the_quota_tables_drop_the_oldest_charges_first) {
  StorageQuota small(6, 2, {});  // two sources with their networks
  const auto charge = [&](std::uint32_t host) { small.charge(ipv4(host), 100, now_s + day_s, now_s); };
  charge(0x010101);
  charge(0x020202);
  charge(0x010101);
  charge(0x030303);
  BOOST_TEST(small.charged(ipv4(0x010101), now_s) == 200U * day_s);
  BOOST_TEST(small.charged(ipv4(0x020202), now_s) == 0U);
  const auto mailbox = numbered<store::MailboxKey>(1);
  for (std::uint8_t id = 1; id <= 3; ++id) {
    small.remember(ipv4(0x010101), mailbox, numbered<store::RecordId>(id), 50, now_s + day_s);
  }
  const std::vector<store::RecordId> ids{numbered<store::RecordId>(1), numbered<store::RecordId>(2),
                                         numbered<store::RecordId>(3)};
  small.fetched(mailbox, ids, now_s);  // the first is forgotten: it stays charged
  BOOST_TEST(small.charged(ipv4(0x010101), now_s) == 100U * day_s);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
