// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "manager/polling/poller.hpp"
#include "tests/support/distribution.hpp"

// Announcements: docs/protocol.md, section 6.

namespace toxasync::test {

namespace {

using manager::Poller;

/// Friends who are not online together; Bob is there, and looks for mail once an hour.
struct Apart : Pair {
  Apart() : Apart(true) {}
  explicit Apart(bool push) {
    alice.crash();
    bob.crash();
    bob.config.push = push;
    bob.config.poll_interval = 1h;
    bob.start();
    alice.start();
    run(5min);
  }
  bool comes_within(milliseconds limit, std::string_view text) {
    const auto before = bob.shown.size();
    alice.send(bob, text);
    return run(limit, [&] { return bob.shown.size() > before; });
  }
  /// The node's program is started anew; its disk is what it was.
  void restart(StorageNode& node) {
    node.node =
        std::make_unique<node::Node>(node.store, node.keys, node.random, Telemetry(node.metrics, node.log),
                                     node::NodeConfig{}, clock.now());
  }
};

struct WithoutPush : Apart {
  WithoutPush() : Apart(false) {}
};

/// One node that says of every mailbox that mail has come, whenever it is asked.
struct Liar : Lone {
  Liar() : Lone(1, 1) {
    eye.drops = [this](const Eye::Request& request) {
      if (lies && Eye::subscribes(request)) {
        eye.announce(request, bob.endpoint);
        ++told;
      }
      return false;
    };
  }
  /// When which of the mailboxes of an epoch were asked for.
  std::vector<UnixTimeMs> asked_at(const crypto::KeyPair& root, crypto::Epoch epoch) const {
    std::vector<UnixTimeMs> all;
    for (const auto& request : eye.requests) {
      if (request.mailbox == address(root, epoch)) {
        all.push_back(request.wall);
      }
    }
    return all;
  }

  Eye eye{*this};
  bool lies = true;
  std::size_t told = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_push)

BOOST_FIXTURE_TEST_CASE(mail_comes_within_seconds_with_polls_once_an_hour, Apart) {
  for (const std::string text : {"one", "two", "three"}) {
    BOOST_TEST(comes_within(10s, text));
    run(1min);
  }
  BOOST_TEST(bob[Counter::client_announced] >= 3U);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"one", "two", "three"}));
}

BOOST_FIXTURE_TEST_CASE(a_message_of_many_parts_comes_whole_within_seconds, Apart) {
  BOOST_TEST(comes_within(20s, std::string(limits::message_text, 'x')));
}

BOOST_FIXTURE_TEST_CASE(mail_of_a_new_friend_comes_within_seconds_too, Apart) {
  User& carol = add_user();
  give_nodes(carol);
  befriend(carol, bob);
  meet(carol, bob);
  run(30s);
  const auto before = bob.shown.size();
  carol.send(bob, "hello");
  BOOST_TEST(run(10s, [&] { return bob.shown.size() > before; }));
}

BOOST_FIXTURE_TEST_CASE(without_push_mail_waits_for_a_poll, WithoutPush) {
  Eye eye(*this);
  const auto before = bob[Counter::client_subscribed];  // when it was on
  BOOST_TEST(!comes_within(10s, "later"));
  BOOST_TEST(run(6h, [&] { return !bob.shown.empty(); }));
  BOOST_TEST(bob[Counter::client_subscribed] == before);
  std::size_t polls = 0;
  const auto bobs = roots_of(bob);
  for (const auto& request : eye.requests) {
    for (const auto& root : bobs) {
      const bool is_bobs = request.mailbox == address(root.real, now_epoch(*this)) ||
                           request.mailbox == address(root.cover, now_epoch(*this));
      polls += is_bobs && Eye::is_poll(request) ? 1 : 0;
      BOOST_TEST(!(is_bobs && Eye::subscribes(request)));
    }
  }
  BOOST_TEST(polls > 0U);
}

BOOST_FIXTURE_TEST_CASE(mail_that_was_not_announced_comes_with_the_next_poll, Apart) {
  for (const auto& node : nodes) {
    restart(*node);
  }
  BOOST_TEST(!comes_within(1min, "patience"));
  BOOST_TEST(run(6h, [&] { return !bob.shown.empty(); }));
}

BOOST_FIXTURE_TEST_CASE(after_a_restart_of_the_client_its_new_subscriptions_count, Apart) {
  bob.crash();
  bob.start();
  run(5min);
  BOOST_TEST(comes_within(10s, "again"));
}

BOOST_FIXTURE_TEST_CASE(subscriptions_are_renewed_by_every_poll_and_go_on_for_days, Apart) {
  bob.crash();
  bob.config.poll_interval = 2min;
  bob.start();
  std::size_t quick = 0;
  for (int i = 0; i < 20; ++i) {
    run(7h);
    quick += comes_within(10s, "mail " + std::to_string(i)) ? 1 : 0;
    run(1h);
  }
  BOOST_TEST(quick >= 19U);
  BOOST_TEST(bob.shown.size() == 20U);
}

BOOST_FIXTURE_TEST_CASE(announcements_draw_a_poll_each_five_seconds_at_most, Liar) {
  run(10min);
  const auto epoch = now_epoch(*this);
  const auto asked = asked_at(roots_of(bob).at(0).real, epoch);
  BOOST_TEST_REQUIRE(asked.size() > 60U);  // it is believed
  BOOST_TEST(asked.size() <= 10U * 60 / 5 + 20);
  std::vector<milliseconds> gaps;
  for (std::size_t i = 1; i < asked.size(); ++i) {
    gaps.push_back(asked[i] - asked[i - 1]);
  }
  std::ranges::sort(gaps);
  BOOST_TEST(gaps[gaps.size() / 2] >= Poller::announced_poll_every - 100ms);
  lies = false;
  run(1min);
  const auto before = told;
  const auto requests = eye.requests.size();
  run(10min);
  BOOST_TEST(told == before);
  BOOST_TEST(eye.requests.size() - requests < 60U);  // as before
}

BOOST_FIXTURE_TEST_CASE(announced_cover_is_polled_like_anything_else, Liar) {
  run(30min);
  const auto mean_gap = [&](const crypto::KeyPair& root, crypto::Epoch epoch) {
    const auto asked = asked_at(root, epoch);
    BOOST_TEST_REQUIRE(asked.size() > 100U);
    return (asked.back() - asked.front()) / static_cast<std::int64_t>(asked.size() - 1);
  };
  const auto roots = roots_of(bob);
  for (auto e = now_epoch(*this) - 1; e <= now_epoch(*this) + 1; ++e) {  // whatever the epoch, too
    const auto real = mean_gap(roots.at(0).real, e);
    const auto cover = mean_gap(roots.at(0).cover, e);
    BOOST_TEST((std::chrono::abs(real - cover) * 20 < real));
  }
}

BOOST_FIXTURE_TEST_CASE(announced_polls_have_the_same_random_delay_for_cover, Liar) {
  lies = false;
  run(1min);
  constexpr milliseconds on_the_way = 10ms;
  const auto roots = roots_of(bob);
  std::map<bool, std::vector<milliseconds>> delays;
  for (int i = 0; i < 200; ++i) {
    for (const bool cover : {false, true}) {
      const auto where = address(cover ? roots.at(0).cover : roots.at(0).real, now_epoch(*this));
      run(20s);
      const auto is_of_it = [&](const auto& request) { return request.mailbox == where; };
      const auto last = std::find_if(eye.requests.rbegin(), eye.requests.rend(), is_of_it);
      BOOST_TEST_REQUIRE((last != eye.requests.rend()));
      const auto begun = clock.now().wall;
      const auto asked = std::ranges::count_if(eye.requests, is_of_it);
      eye.announce(*last, bob.endpoint);
      if (run(6s, [&] { return std::ranges::count_if(eye.requests, is_of_it) > asked; })) {
        delays[cover].push_back(clock.now().wall - begun - on_the_way);
      }  // else the retrieve of that word was over
    }
  }
  check_exponential(delays[false], Poller::announced_poll_mean);
  check_exponential(delays[true], Poller::announced_poll_mean);
}

BOOST_FIXTURE_TEST_CASE(loop_messages_are_announced_and_fetched_like_mail, Lone) {
  for (int i = 0; i < 5; ++i) {
    const auto before = bob[Counter::client_announced];
    BOOST_TEST_REQUIRE(run_to_loop());
    BOOST_TEST(run(10s, [&] { return live_records() == 0; }));
    BOOST_TEST(bob[Counter::client_announced] == before + 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
