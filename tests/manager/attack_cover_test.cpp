// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "hand_friend.hpp"
#include "manager/polling/poller.hpp"
#include "tests/support/distribution.hpp"

// A node that measures how long a client takes from a page to the deletion of what was in it cannot tell mail
// from cover (docs/protocol.md, section 10).

namespace toxasync::test {

namespace {

/// A disk that takes time: for each transaction, and for each row.
class SlowDisk {
 public:
  SlowDisk(World& world, User& user, milliseconds sync, milliseconds row)
      : world_(world), user_(user), sync_(sync), row_(row) {
    user.state->hold_commits(true);
    world.after_event = [this] { work(); };
  }
  ~SlowDisk() {
    world_.after_event = nullptr;
    user_.state->hold_commits(false);
  }
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  /// When a transaction was begun, and the rows that it wrote.
  std::vector<std::pair<SteadyTime, std::size_t>> log;

 private:
  void work() {
    const SteadyTime now = world_.clock.steady();
    const auto waiting = user_.state->waiting_writes();
    for (; known_ < waiting.size(); ++known_) {
      const auto rows = waiting[known_];
      // Nothing written: nothing to sync.
      const milliseconds cost = rows == 0 ? 0ms : sync_ + static_cast<std::int64_t>(rows) * row_;
      free_at_ = std::max(free_at_, now) + cost;
      done_at_.push_back(free_at_);
      log.emplace_back(now, rows);
    }
    while (!done_at_.empty() && done_at_.front() <= now) {
      done_at_.pop_front();
      --known_;
      user_.state->release(1);
    }
  }

  World& world_;
  User& user_;
  milliseconds sync_;
  milliseconds row_;
  std::size_t known_ = 0;
  std::deque<SteadyTime> done_at_;
  SteadyTime free_at_{};
};

/// Bob, a node that measures, and a friend who leaves mail there.
struct Measured : World {
  Measured() {
    network.set_conditions({0, 0, 10ms, 0ms});
    add_node();
    give_nodes(bob);
    eve.take_bundle();
    eve.go();
    run(1min);
  }
  enum class What { cover, mail, garbage };
  struct Fetch {
    milliseconds delay = 0ms;
    std::size_t rows = 0;  ///< In the first transaction.
  };
  void put(const crypto::MailboxAddress& where, ByteView bytes) {
    nodes.front()->put(where, bytes, clock.unix_time() + 24h, clock.unix_time());
  }
  Bytes noise() {
    Bytes bytes(limits::small_envelope);
    eve.random().fill(bytes);
    bytes[0] = 1;
    return bytes;
  }
  /// Leaves an envelope and measures how it is fetched and deleted.
  Fetch fetch(What what, const SlowDisk& disk) {
    const auto roots = roots_of(bob);
    const auto where = what == What::cover ? box_in(roots.at(0).cover, now_epoch(*this))
                                           : box_in(roots.at(0).real, now_epoch(*this), eve.key());
    eye.requests.clear();
    if (what == What::mail) {
      const auto key = sequence_ < 40 ? std::nullopt : std::optional(eve.bundle.last_resort);
      eve.store(*nodes.front(),
                eve.seal({.text = "hello", .sequence = ++sequence_, .floor = sequence_, .pre_key = key}));
    } else {
      put(where, noise());
    }
    const auto is_ours = [&](const Eye::Request& request) { return request.mailbox == where.p; };
    const auto deletes = [&] {
      return std::ranges::find_if(eye.requests, [&](const auto& r) { return is_ours(r) && r.deletes != 0; });
    };
    BOOST_TEST_REQUIRE(run(1h, [&] { return deletes() != eye.requests.end(); }));
    const auto last = deletes();
    auto listed = last;
    while (listed != eye.requests.begin() && (listed == last || !is_ours(*listed))) {
      --listed;
    }
    constexpr milliseconds round_trip = 20ms;
    const auto came = listed->wall + round_trip;
    const SteadyTime from = clock.steady() - (clock.now().wall - came);
    const auto begun = std::ranges::find_if(disk.log, [&](const auto& entry) { return entry.first >= from; });
    BOOST_TEST_REQUIRE((begun != disk.log.end()));
    const Fetch fetched{last->wall - came, begun->second};
    run(5min);  // what else mail causes is done
    return fetched;
  }
  struct Fetches {
    milliseconds least = 1h;
    milliseconds most = 0ms;
    std::set<std::size_t> rows;
    std::vector<milliseconds> beyond;  ///< The least delay.
  };
  Fetches fetch_some(What what, const SlowDisk& disk, int count = 12) {
    Fetches all;
    for (int i = 0; i < count; ++i) {
      const Fetch one = fetch(what, disk);
      all.least = std::min(all.least, one.delay);
      all.most = std::max(all.most, one.delay);
      all.rows.insert(one.rows);
      all.beyond.push_back(one.delay - manager::Poller::deletion_least);
    }
    BOOST_TEST_MESSAGE("from " << all.least.count() << " to " << all.most.count() << " ms");
    return all;
  }

  User& bob = add_user();
  HandFriend eve{*this, bob};
  Eye eye{*this};

 private:
  std::uint64_t sequence_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_cover)

BOOST_FIXTURE_TEST_CASE(cover_and_mail_write_as_many_rows, Measured) {
  const SlowDisk disk(*this, bob, 2ms, 1ms);
  const std::set<std::size_t> one{manager::Inbox::rows_per_envelope};
  BOOST_TEST((fetch_some(What::mail, disk).rows == one));
  BOOST_TEST((fetch_some(What::cover, disk).rows == one));
  BOOST_TEST((fetch_some(What::garbage, disk).rows == one));
}

BOOST_FIXTURE_TEST_CASE(a_slow_disk_does_not_tell_cover_from_mail, Measured) {
  const SlowDisk disk(*this, bob, 200ms, 40ms);
  const Fetches mail = fetch_some(What::mail, disk);
  BOOST_TEST(mail.least >= 360ms);
  for (const What what : {What::cover, What::garbage}) {
    const Fetches other = fetch_some(what, disk);
    BOOST_TEST(other.least - mail.least <= 5ms);
    BOOST_TEST(mail.least - other.least <= 5ms);
  }
}

BOOST_FIXTURE_TEST_CASE(a_fast_disk_does_not_show_in_the_delay, Measured) {
  const SlowDisk disk(*this, bob, 4ms, 2ms);
  for (const What what : {What::cover, What::mail, What::garbage}) {
    const Fetches some = fetch_some(what, disk, 100);
    BOOST_TEST(some.least >= manager::Poller::deletion_least);
    check_exponential(some.beyond, manager::Poller::deletion_mean);
    BOOST_TEST(some.most <= manager::Poller::deletion_least + 5 * manager::Poller::deletion_mean + 20ms);
  }
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_fails_leaves_cover_on_the_node_as_mail, Measured) {
  const auto roots = roots_of(bob);
  for (const bool real : {true, false}) {
    const auto where = real ? box_in(roots.at(0).real, now_epoch(*this), eve.key())
                            : box_in(roots.at(0).cover, now_epoch(*this));
    eye.requests.clear();
    bob.state->fail_next(1'000'000);
    put(where, noise());
    run(10min);
    BOOST_TEST(copies_in(*this, where.p) == 1U);
    bob.state->fail_next(0);
    BOOST_TEST(run(1h, [&] { return copies_in(*this, where.p) == 0; }));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
