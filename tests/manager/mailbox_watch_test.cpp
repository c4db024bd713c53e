// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "manager/polling/mailbox_watch.hpp"
#include "tests/support/distribution.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/seeded_random.hpp"

using namespace toxasync;
using namespace toxasync::test;
using manager::MailboxWatch;
using manager::NodeHealth;

namespace {

constexpr milliseconds mean = 10min;

protocol::NodeId node(std::uint8_t number) {
  protocol::NodeId id{};
  id[0] = number;
  return id;
}

std::vector<protocol::NodeId> two_nodes() {
  std::vector<protocol::NodeId> nodes;
  nodes.push_back(node(1));
  nodes.push_back(node(2));
  return nodes;
}

struct Watch {
  explicit Watch(crypto::Epoch step = 1) : watch(step, mean) {
    const UnixTime right = clock.unix_time();
    clock.set_unix({});
    (void)next();  // it begins, and finds nothing to do
    clock.set_unix(right);
    clock.advance(MailboxWatch::past_after);
  }

  std::optional<MailboxWatch::Visit> next() {
    return watch.next(
        clock.now(), [this](crypto::Epoch) { return nodes; }, health, random);
  }
  bool ended(bool complete = true, seconds node_ahead = 0s) {
    return watch.ended({complete, true, clock.unix_time() + node_ahead, 0s, false, 0, false, false, {}},
                       clock.now(), random);
  }
  /// As next(), when the nodes have long been left alone.
  std::optional<MailboxWatch::Visit> next_at_leisure() {
    health = {};
    for (const auto& [node, until] : silent) {
      health.failed(node, until);
    }
    return next();
  }
  /// Every visit that is due, all of them complete; how many.
  std::size_t run() {
    std::size_t visits = 0;
    for (; next_at_leisure(); ++visits) {
      ended();
    }
    return visits;
  }
  [[nodiscard]] crypto::Epoch epoch() const { return crypto::epoch_at(clock.unix_time()).value(); }

  ManualClock clock;
  SeededRandom random{1};
  NodeHealth health;
  std::map<protocol::NodeId, SteadyTime> silent;  ///< Since when.
  std::vector<protocol::NodeId> nodes = two_nodes();
  MailboxWatch watch;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_watch)

BOOST_AUTO_TEST_CASE(the_newest_mailbox_is_first_and_each_is_read_on_all_nodes) {
  Watch watch;
  std::set<protocol::NodeId> seen;
  for (int i = 0; i < 2; ++i) {
    const auto visit = watch.next();
    BOOST_REQUIRE(visit.has_value());
    BOOST_TEST(visit->epoch == watch.epoch());
    BOOST_TEST(!watch.next().has_value());  // one at a time
    seen.insert(visit->node);
    watch.ended();
  }
  BOOST_TEST(seen.size() == 2U);
  BOOST_TEST(watch.next()->epoch == watch.epoch() - 1);
}

BOOST_AUTO_TEST_CASE(a_closed_mailbox_is_read_once_and_the_present_one_again) {
  Watch watch;
  BOOST_TEST(watch.run() == 2 * (MailboxWatch::epochs_back + 1));
  BOOST_TEST(watch.watch.finished().size() == MailboxWatch::epochs_back - 1);  // not now, and not now-1
  BOOST_TEST(watch.run() == 0U);
  watch.clock.advance(5 * mean + 1ms);
  BOOST_TEST(watch.run() == 4U);
  Watch again;
  again.watch.restore(watch.watch.finished());
  BOOST_TEST(again.run() == 4U);
}

BOOST_AUTO_TEST_CASE(the_present_mailbox_is_read_again_by_a_poisson_process) {
  Watch watch;
  watch.run();
  std::vector<milliseconds> gaps;
  while (gaps.size() < 200) {
    const crypto::Epoch epoch = watch.epoch();
    const SteadyTime begun = watch.clock.steady();
    bool found = false;
    while (!found && watch.epoch() == epoch) {
      watch.clock.advance(1s);
      while (const auto visit = watch.next_at_leisure()) {
        found = found || visit->epoch == epoch;
        watch.ended();
      }
    }
    if (found) {
      gaps.push_back(watch.clock.steady() - begun);
      BOOST_TEST(gaps.back() <= 5 * mean + 2s);
    }
  }
  check_exponential(gaps, mean);
}

BOOST_AUTO_TEST_CASE(every_third_mailbox_goes_back_as_far) {
  Watch watch(3);
  const auto visits = watch.run();
  BOOST_TEST(visits >= 2 * (MailboxWatch::epochs_back / 3));
  BOOST_TEST(visits <= 2 * (MailboxWatch::epochs_back / 3 + 2));
}

BOOST_AUTO_TEST_CASE(a_mailbox_is_done_when_all_nodes_were_read_to_the_end) {
  for (const int fault : {0, 1, 2, 3}) {
    Watch watch;
    while (const auto visit = watch.next_at_leisure()) {
      const bool faulty = visit->epoch == watch.epoch() - 10 && visit->node == node(2);
      if (faulty && fault == 2) {
        watch.watch.abandoned();
        continue;
      }
      watch.ended(!(faulty && fault == 0), faulty && fault == 1 ? -10 * limits::epoch_length : 0s);
      if (fault == 3) {
        watch.silent[node(2)] = watch.clock.steady();  // not even tried from now on
      }
    }
    const auto finished = watch.watch.finished();
    const bool done = std::ranges::find(finished, watch.epoch() - 10) != finished.end();
    BOOST_TEST(!done, "with fault " << fault);
  }
}

BOOST_AUTO_TEST_CASE(a_node_is_asked_within_its_limit_and_least_for_what_can_wait) {
  Watch watch;
  watch.nodes.resize(1);
  std::size_t visits = 0;
  for (int second = 0; second <= 3600; ++second) {
    for (; watch.next(); ++visits) {
      watch.ended();
    }
    BOOST_TEST(visits <= 8U + static_cast<std::size_t>(second) / 60);
    watch.clock.advance(1s);
  }
  BOOST_TEST(visits >= 50U);
  BOOST_TEST(watch.health.affords(node(1), watch.clock.steady(), false));  // for what is urgent
}

BOOST_AUTO_TEST_CASE(looking_again_leaves_something_for_what_is_urgent) {
  Watch watch;
  watch.nodes.resize(1);
  watch.run();
  MailboxWatch often(1, 1s);
  often.restore(watch.watch.finished());
  watch.health = {};
  std::size_t visits = 0;
  for (int second = 0; second < 600; ++second) {
    for (; often.next(
             watch.clock.now(), [&](crypto::Epoch) { return watch.nodes; }, watch.health, watch.random);
         ++visits) {
      often.ended({true, true, watch.clock.unix_time(), 0s, false, 0, false, false, {}}, watch.clock.now(),
                  watch.random);
    }
    watch.clock.advance(1s);
    BOOST_TEST(watch.health.affords(node(1), watch.clock.steady(), false), second);
  }
  BOOST_TEST(visits >= 10U);
}

BOOST_AUTO_TEST_CASE(the_present_mailbox_does_not_wait_for_older_ones) {
  Watch watch;
  const auto step = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      watch.next_at_leisure();
      watch.ended();
    }
  };
  step(5);  // in the middle of a mailbox of the past, on one of two nodes
  watch.watch.poll_soon(watch.clock.now());
  BOOST_TEST(watch.next_at_leisure()->epoch == watch.epoch());
  watch.ended();
  step(1);
  BOOST_TEST(watch.next_at_leisure()->epoch == watch.epoch() - 2);
  watch.ended();
  BOOST_TEST(watch.watch.finished() == std::vector<crypto::Epoch>{watch.epoch() - 2});
  const auto visits = watch.run();
  BOOST_TEST(visits == 2 * (MailboxWatch::epochs_back - 2));  // nothing twice
}

BOOST_AUTO_TEST_CASE(at_the_start_the_past_waits) {
  Watch watch;
  MailboxWatch fresh(1, mean);
  const auto visits = [&] {
    const auto nodes = [&](crypto::Epoch) { return watch.nodes; };
    std::size_t count = 0;
    for (; fresh.next(watch.clock.now(), nodes, watch.health = {}, watch.random); ++count) {
      fresh.ended({true, true, watch.clock.unix_time(), 0s, false, 0, false, false, {}}, watch.clock.now(),
                  watch.random);
    }
    return count;
  };
  BOOST_TEST(visits() == 4U);
  watch.clock.advance(MailboxWatch::past_after - 1ms);
  BOOST_TEST(visits() <= 4U);
  watch.clock.advance(1ms);
  BOOST_TEST(visits() >= 2 * (MailboxWatch::epochs_back - 1));
}

BOOST_AUTO_TEST_CASE(with_no_node_nothing_is_done) {
  Watch watch;
  watch.nodes.clear();
  BOOST_TEST(watch.run() == 0U);
  BOOST_TEST(watch.watch.finished().empty());
}

BOOST_AUTO_TEST_CASE(poll_soon_brings_the_present_poll_forward) {
  Watch watch;
  watch.run();
  watch.watch.poll_soon(watch.clock.now());
  BOOST_TEST(watch.next()->epoch == watch.epoch());
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_does_not_stop_it) {
  Watch watch;
  watch.run();
  watch.clock.set_unix(watch.clock.unix_time() + days(400));
  BOOST_TEST(watch.run() > 100U);
  watch.clock.set_unix(limits::epoch_origin - 5s);
  BOOST_TEST(watch.run() == 0U);
  watch.clock.set_unix(limits::epoch_origin + 5s);
  BOOST_TEST(watch.run() == 2U);  // the first epoch of all
}

BOOST_AUTO_TEST_SUITE_END()
