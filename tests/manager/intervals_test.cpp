// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "hand_friend.hpp"
#include "manager/core/random_delay.hpp"
#include "manager/core/rate_limiter.hpp"
#include "manager/polling/cover.hpp"
#include "manager/polling/poller.hpp"
#include "tests/support/distribution.hpp"

// What is done at random times is: the intervals of docs/protocol.md, by their distribution. Others are in
// push_test.cpp (announced polls), attack_cover_test.cpp (deletions) and mailbox_watch_test.cpp.

namespace toxasync::test {

namespace {

using Times = std::vector<UnixTimeMs>;
constexpr milliseconds edge = manager::Poller::edge;

/// When each mailbox of an epoch, the real one and the cover, was polled on each node.
struct Polled : Lone {
  Times of(const crypto::Point& mailbox, const StorageNode& node) const {
    Times times;
    for (const auto& request : eye.requests) {
      const bool is_poll = Eye::is_poll(request) && request.mailbox == mailbox && request.node == &node;
      if (is_poll && (times.empty() || request.wall - times.back() > 1s)) {  // else again, with a cookie
        times.push_back(request.wall);
      }
    }
    return times;
  }
  std::vector<crypto::Point> mailboxes(crypto::Epoch epoch) const {
    const auto roots = roots_of(bob);
    return {address(roots.at(0).real, epoch), address(roots.at(0).cover, epoch)};
  }
  /// The gaps that begin from `begin` to `end`, all of them: the longest ends by five means after it.
  static void add_gaps(const Times& times, UnixTimeMs begin, UnixTimeMs end, std::vector<milliseconds>& to) {
    for (std::size_t i = 1; i < times.size(); ++i) {
      if (times[i - 1] >= begin && times[i - 1] < end) {
        to.push_back(times[i] - times[i - 1]);
      }
    }
  }
  Eye eye{*this};
};

/// How many of `some` have one of `others` in the `within` after them.
std::size_t followed(const Times& some, const Times& others, milliseconds within) {
  return static_cast<std::size_t>(std::ranges::count_if(some, [&](UnixTimeMs at) {
    const auto next = std::ranges::lower_bound(others, at);
    return next != others.end() && *next - at < within;
  }));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_intervals)

BOOST_AUTO_TEST_CASE(a_random_delay_is_exponential_and_ends_at_five_means) {
  BOOST_TEST_REQUIRE(crypto::initialise());
  SeededRandom random(5);
  std::vector<milliseconds> delays(3000);
  std::ranges::generate(delays, [&] { return manager::random_delay(random, 10s); });
  check_exponential(delays, 10s);
  BOOST_TEST(std::ranges::min(delays) >= 0ms);
  BOOST_TEST(std::ranges::max(delays) == 50s);
}

BOOST_FIXTURE_TEST_CASE(each_mailbox_is_polled_by_a_poisson_process, Polled) {
  const auto first = now_epoch(*this) + 2;
  run(7 * limits::epoch_length);
  for (const bool cover : {false, true}) {
    std::vector<milliseconds> near;
    std::vector<milliseconds> outside;
    for (auto e = first; e < first + 3; ++e) {
      const UnixTimeMs begin = crypto::epoch_start(e);
      const UnixTimeMs end = begin + limits::epoch_length;
      for (const auto& node : nodes) {
        const Times times = of(mailboxes(e)[cover ? 1 : 0], *node);
        add_gaps(times, begin - edge, end + edge - 5 * bob.config.poll_interval, near);
        const milliseconds seldom = manager::Poller::longest_seldom;
        add_gaps(times, end + edge, end + limits::epoch_length - 5 * seldom, outside);
      }
    }
    check_exponential(near, bob.config.poll_interval);
    check_exponential(outside, manager::Poller::longest_seldom);
  }
}

BOOST_FIXTURE_TEST_CASE(polls_of_one_mailbox_tell_nothing_of_anothers, Polled) {
  const auto e = now_epoch(*this) + 2;
  run(4 * limits::epoch_length);
  Times near;
  for (const auto& mailbox : mailboxes(e)) {
    for (const auto& node : nodes) {
      Times times = of(mailbox, *node);
      std::erase_if(times, [&](UnixTimeMs at) {
        return at < crypto::epoch_start(e) - edge || at >= crypto::epoch_start(e + 1) + edge;
      });
      // One in 24 is followed by one of another mailbox or node within 5 s; four standard deviations.
      if (!near.empty()) {
        const auto expected = static_cast<double>(times.size()) * 5 / 120;
        const auto found = static_cast<double>(followed(near, times, 5s));
        BOOST_TEST(std::abs(found - expected) <= 4 * std::sqrt(expected) + 1, found);
      } else {
        near = times;
      }
      BOOST_TEST(times.size() > 150U);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(loop_messages_are_sent_by_a_poisson_process, Lone) {
  restart_with([](auto& config) { config.poll_interval = 6h; });
  Eye eye(*this);
  Times times;
  for (int day = 0; day < 70; ++day) {
    run(days(1));
    for (const auto& request : eye.requests) {
      const bool is_store = request.kind == protocol::FrameKind::store;
      if (is_store && (times.empty() || request.wall - times.back() > 30s)) {  // else on another node
        times.push_back(request.wall);
      }
    }
    eye.requests.clear();
  }
  std::vector<milliseconds> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) {
    gaps.push_back(times[i] - times[i - 1]);
  }
  check_exponential(gaps, manager::Cover::loop_interval);
}

BOOST_FIXTURE_TEST_CASE(a_receipt_leaves_after_an_exponential_delay, Pair) {
  std::vector<milliseconds> delays;
  for (int i = 0; i < 150; ++i) {
    const auto shown = bob.shown.size();
    const auto sent = bob[Counter::receipts_sent];
    alice.send(bob, "hello");
    BOOST_TEST_REQUIRE(run(1h, [&] { return bob.shown.size() > shown; }));
    const auto begun = clock.steady();
    BOOST_TEST_REQUIRE(run(1h, [&] { return bob[Counter::receipts_sent] > sent; }));
    delays.push_back(clock.steady() - begun);
    run(1min);
  }
  check_exponential(delays, bob.config.receipt_delay);
}

BOOST_FIXTURE_TEST_CASE(a_nack_leaves_after_an_exponential_delay, HandWorld) {
  const auto root = crypto::KeyPair::generate(eve.random());
  eve.give(protocol::FriendPacketType::bundle_head, eve.head(root, 1, 0));
  run(1s);
  eve.go();
  std::vector<milliseconds> delays;
  const auto nobody = crypto::KeyPair::generate(eve.random()).public_key;
  for (std::uint64_t i = 1; i <= 150; ++i) {
    const auto refused = bob[Counter::refused_pre_key_unknown];
    const auto sent = bob[Counter::nacks_sent];
    eve.store(*nodes.front(), eve.seal({.sequence = i, .pre_key = nobody}));
    BOOST_TEST_REQUIRE(run(1h, [&] { return bob[Counter::refused_pre_key_unknown] > refused; }));
    const auto begun = clock.steady();
    BOOST_TEST_REQUIRE(run(1h, [&] { return bob[Counter::nacks_sent] > sent; }));
    delays.push_back(clock.steady() - begun);
    run(3min);  // 32 an hour
  }
  check_exponential(delays, bob.config.receipt_delay / manager::Receipts::nack_delay_divisor);
}

BOOST_AUTO_TEST_CASE(operations_of_first_contact_have_random_distances) {
  BOOST_TEST_REQUIRE(crypto::initialise());
  SeededRandom random(6);
  constexpr std::int64_t burst = 300;
  constexpr milliseconds each = 1min;
  manager::RateLimiter limiter(burst, each);
  SteadyTime now{1h};
  std::vector<milliseconds> in_burst;
  std::vector<milliseconds> after;
  for (int i = 0; after.size() < 150; ++i) {
    BOOST_TEST_REQUIRE(i < 10'000);
    const bool allowed = limiter.allows(now);
    BOOST_TEST_REQUIRE((allowed || i >= burst));
    if (allowed) {
      limiter.spend(now, random);
    } else {
      limiter.rest(now, random);
    }
    BOOST_TEST(!limiter.due(limiter.next() - 1ms));
    if (i < burst - 1) {
      in_burst.push_back(limiter.next() - now);
    } else if (!allowed) {
      after.push_back(limiter.next() - now);
    }
    now = limiter.next();
  }
  check_exponential(in_burst, manager::RateLimiter::burst_distance);
  check_exponential(after, each);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
