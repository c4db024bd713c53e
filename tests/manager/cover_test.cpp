// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "hand_friend.hpp"
#include "manager/polling/cover.hpp"
#include "tests/vectors/vectors.hpp"

// Cover: docs/protocol.md, section 10.

namespace toxasync::test {

namespace {

// --- Arithmetic modulo p = 2^255-19, to see which numbers are points of the curve ---

using Number = std::array<std::uint64_t, 4>;  ///< Below 2^256, reduced only as far as needed.

__extension__ using Wide = unsigned __int128;

Number add(const Number& a, const Number& b) {
  Number sum{};
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += static_cast<Wide>(a[i]) + b[i];
    sum[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64U;
  }
  for (carry *= 38; carry != 0;) {  // 2^256 = 38
    for (std::size_t i = 0; i < 4; ++i) {
      carry += sum[i];
      sum[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64U;
    }
    carry *= 38;
  }
  return sum;
}

Number multiply(const Number& a, const Number& b) {
  Number product{};
  for (std::size_t i = 256; i-- > 0;) {  // double and add
    product = add(product, product);
    if (((b[i / 64] >> (i % 64)) & 1U) != 0) {
      product = add(product, a);
    }
  }
  return product;
}

/// Whether y^2 = x^3 + 486662 x^2 + x has a solution: Euler's criterion.
bool is_on_curve(const crypto::Point& point) {
  Number x{};
  for (std::size_t i = 0; i < 4; ++i) {
    x[i] = load_le<std::uint64_t>(point.data() + 8 * i);
  }
  const Number square = multiply(x, x);
  const Number y2 = add(add(multiply(square, x), multiply(square, {486662, 0, 0, 0})), x);
  Number power{1, 0, 0, 0};
  for (std::size_t i = 254; i-- > 0;) {  // (p - 1) / 2 = 2^254 - 10
    power = multiply(power, power);
    if (i >= 4 || ((6U >> i) & 1U) != 0) {  // ...11110110
      power = multiply(power, y2);
    }
  }
  const bool is_one = power == Number{1, 0, 0, 0};
  const bool is_p_plus_one = power == Number{UINT64_MAX - 17, UINT64_MAX, UINT64_MAX, INT64_MAX};
  const bool is_2p_plus_one = power == Number{UINT64_MAX - 36, UINT64_MAX, UINT64_MAX, UINT64_MAX};
  return is_one || is_p_plus_one || is_2p_plus_one;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_cover)

BOOST_FIXTURE_TEST_CASE(loop_messages_are_on_every_home_node_and_never_shown, Lone) {
  run(days(3));
  BOOST_TEST(run(1h, [&] { return live_records() == 0; }));
  BOOST_TEST(bob[Counter::cover_stored] >= 6U);
  BOOST_TEST(bob[Counter::cover_fetched] == bob[Counter::cover_stored]);
  for (const auto& node : nodes) {
    BOOST_TEST(3 * node->metrics.value(Counter::node_stored) == bob[Counter::cover_stored]);
    BOOST_TEST(3 * node->metrics.value(Counter::node_deleted) == bob[Counter::cover_stored]);
  }
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob[Counter::refused_envelope_header] == 0U);  // none of them reached the inbox
  BOOST_TEST(bob[Counter::refused_sender_unknown] == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_loop_message_is_fetched_within_a_few_polls, Lone) {
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST_REQUIRE(run_to_loop());
    BOOST_TEST(run(5 * bob.config.poll_interval + 10s, [&] { return live_records() == 0; }));
  }
}

BOOST_FIXTURE_TEST_CASE(loop_messages_come_four_times_a_day_and_look_like_texts, Lone) {
  restart_with([](auto& config) { config.poll_interval = 1h; });
  Eye eye(*this);
  run(days(30));
  std::size_t large = 0;
  std::size_t all = 0;
  for (const auto& request : eye.requests) {
    if (request.kind == protocol::FrameKind::store) {
      ++all;
      large += request.envelope == limits::large_envelope ? 1 : 0;
      BOOST_TEST(limits::is_envelope_size(request.envelope));
      BOOST_TEST(request.ttl == bob.config.ttl);
    }
  }
  const auto stored = bob[Counter::cover_stored];  // some were sent twice, because a cookie was missing
  BOOST_TEST((stored >= 261U && stored <= 459U));  // 120 and three standard deviations
  BOOST_TEST((large * 10 >= all && large * 10 <= 4 * all));
}

BOOST_FIXTURE_TEST_CASE(cover_mailboxes_are_curve_points_and_new_in_each_epoch, Lone) {
  SeededRandom random(3);
  int on_curve = 0;
  for (int i = 0; i < 60; ++i) {  // what random strings would do
    crypto::Point point(random.array<32>());
    point[31] &= 0x7fU;
    on_curve += is_on_curve(point) ? 1 : 0;
  }
  BOOST_TEST((on_curve > 12 && on_curve < 48));

  std::set<crypto::Point> points;
  std::size_t mailboxes = 0;
  const auto check = [&](const crypto::FriendsMailbox& where) {
    ++mailboxes;
    for (const auto& point : {where.p(), where.write_point(manager::Cover::writer)}) {
      BOOST_TEST(is_on_curve(point));
      points.insert(point);
    }
  };
  Eye eye(*this);
  run(3 * limits::epoch_length);
  const auto roots = roots_of(bob);
  for (auto e = now_epoch(*this) - 3; e <= now_epoch(*this); ++e) {
    const auto where = crypto::FriendsMailbox::derive(roots.at(0).cover, e).value();
    BOOST_TEST(eye.polled().contains(where.p()));  // they are what is really polled
    check(where);
  }
  BOOST_TEST(points.size() == 2 * mailboxes);
}

// How its mailboxes are made is checked in crypto_vectors_test.cpp.
BOOST_AUTO_TEST_CASE(the_cover_root_is_that_of_the_vectors) {
  BOOST_TEST_REQUIRE(crypto::initialise());
  for_each_vector("mailbox.json", "cover", [](const Vector& v) {
    const manager::Root root(crypto::KeyPair::from_secret(crypto::Secret<32>(v.array<32>("m"))));
    BOOST_TEST(to_hex(root.cover.secret.view()) == to_hex(v.bytes("cover_m")));
    BOOST_TEST(to_hex(root.cover.public_key) == to_hex(v.bytes("cover_M")));
  });
}

BOOST_FIXTURE_TEST_CASE(loop_messages_go_to_the_cover_mailbox_of_the_present_epoch, Lone) {
  BOOST_TEST_REQUIRE(run_to_loop());
  BOOST_TEST(copies_in(*this, address(roots_of(bob).at(0).cover, now_epoch(*this))) == nodes.size());
}

BOOST_FIXTURE_TEST_CASE(a_mailbox_is_polled_often_near_its_epoch_and_seldom_outside, Lone) {
  Eye eye(*this);
  const auto first = now_epoch(*this) + 2;
  const std::size_t epochs = 8;
  run(static_cast<std::int64_t>(epochs + 5) * limits::epoch_length);
  std::map<crypto::Point, crypto::Epoch> watched;
  const auto roots = roots_of(bob);
  for (auto e = first; e < first + epochs; ++e) {
    watched.emplace(address(roots.at(0).real, e), e);
  }
  constexpr milliseconds margin = 30min;
  std::size_t near = 0;
  std::size_t outside = 0;
  std::map<std::pair<crypto::Epoch, const StorageNode*>, milliseconds> near_first;
  std::map<std::pair<crypto::Epoch, const StorageNode*>, UnixTimeMs> last;
  for (const auto& request : eye.requests) {
    const auto found = watched.find(request.mailbox);
    if (!Eye::is_poll(request) || found == watched.end()) {
      continue;
    }
    const milliseconds into = request.wall - crypto::epoch_start(found->second);
    UnixTimeMs& before = last[{found->second, request.node}];
    if (std::exchange(before, request.wall) > request.wall - 1s) {
      continue;  // again, with a cookie
    }
    if (into >= -margin && into < limits::epoch_length + margin) {
      ++near;
      near_first.try_emplace({found->second, request.node}, into + margin);
    } else {
      ++outside;
    }
  }
  // 7 h at 2 minutes, and 5.5 h before and 5 h 40 after at 10, with three more: when it is first known, soon
  // after the period, and the last one; from three nodes; four standard deviations
  BOOST_TEST((near >= epochs * 3 * 210 - 284 && near <= epochs * 3 * 210 + 284), near);
  BOOST_TEST((outside >= epochs * 3 * 70 - 164 && outside <= epochs * 3 * 70 + 164), outside);
  BOOST_TEST(near_first.size() == epochs * 3);
  for (const auto& [key, after] : near_first) {  // however long it would have waited otherwise
    BOOST_TEST(after <= 5 * bob.config.poll_interval + 10s);
  }
}

BOOST_FIXTURE_TEST_CASE(the_present_mailbox_is_polled_often_after_a_clock_jump, Lone) {
  Eye eye(*this);
  for (int i = 0; i < 8; ++i) {  // a machine that slept
    run(1min);
    eye.requests.clear();
    clock.set_unix(clock.unix_time() + limits::epoch_length);
    for (const auto& node : nodes) {
      node->grant_at_most(limits::largest_time_to_live);  // starts it: it did not sleep, and knows the time
    }
    run(5 * bob.config.poll_interval + 10s);
    const auto present = address(roots_of(bob).at(0).real, now_epoch(*this));
    std::set<const StorageNode*> asked;
    for (const auto& request : eye.requests) {
      if (Eye::is_poll(request) && request.mailbox == present) {
        asked.insert(request.node);
      }
    }
    BOOST_TEST(asked.size() == nodes.size());
  }
}

BOOST_FIXTURE_TEST_CASE(a_node_cannot_tell_a_cover_mailbox_from_a_real_one, Lone) {
  Eye eye(*this);
  const auto first = now_epoch(*this) + 2;  // those from before the start have no beginning
  run(7 * limits::epoch_length);
  struct Life {
    std::size_t polls = 0;
    UnixTimeMs begun = UnixTimeMs::max();
    UnixTimeMs ended{};
    UnixTimeMs last_subscribed{};
    UnixTimeMs first_listed = UnixTimeMs::max();
  };
  std::map<crypto::Point, Life> lives;
  for (const auto& request : eye.requests) {
    if (Eye::is_poll(request)) {
      BOOST_TEST(request.window == bob.config.client.window);
      Life& life = lives[request.mailbox];
      ++life.polls;
      life.begun = std::min(life.begun, request.wall);
      life.ended = std::max(life.ended, request.wall);
      if (Eye::subscribes(request)) {
        life.last_subscribed = request.wall;
      } else {
        life.first_listed = std::min(life.first_listed, request.wall);
      }
    }
  }
  BOOST_TEST((eye.sizes == std::set<std::size_t>{limits::frame}));
  const auto roots = roots_of(bob);
  for (auto e = first; e < first + 2; ++e) {
    const Life& real = lives[address(roots.at(0).real, e)];
    const Life& cover = lives[address(roots.at(0).cover, e)];
    BOOST_TEST((cover.polls * 10 > real.polls * 9 && cover.polls * 10 < real.polls * 11));
    const UnixTime start = crypto::epoch_start(e);
    for (const Life& life : {real, cover}) {  // from the epoch before to the end of the one after
      BOOST_TEST(life.begun - (start - limits::epoch_length) < 10s);
      BOOST_TEST(life.last_subscribed < start + 2 * limits::epoch_length);
      BOOST_TEST(life.first_listed >= start + 2 * limits::epoch_length);
      const auto after = life.ended - (start + 2 * limits::epoch_length + limits::late_store_grace);
      BOOST_TEST((after >= 0ms && after < 6 * manager::Poller::longest_seldom));
    }
  }
  for (const auto& [mailbox, life] : lives) {  // and there is nothing else
    bool known = false;
    for (auto e = first - 4; e <= first + 7; ++e) {
      known = known || mailbox == address(roots.at(0).real, e) || mailbox == address(roots.at(0).cover, e);
    }
    BOOST_TEST(known);
  }
}

BOOST_FIXTURE_TEST_CASE(a_cover_mailbox_is_polled_to_its_end_after_the_real_one, Lone) {
  Eye eye(*this);
  const auto roots = roots_of(bob);
  const StorageNode* where = nullptr;
  crypto::Epoch e = now_epoch(*this) + 1;
  const auto end = [&] { return crypto::epoch_start(e + 2) + limits::late_store_grace; };
  const auto last_poll = [&](const crypto::KeyPair& root, const StorageNode* node) {
    UnixTimeMs last{};
    for (const auto& request : eye.requests) {
      if (request.node == node && request.mailbox == address(root, e)) {
        last = request.wall;
      }
    }
    return last;
  };
  for (; where == nullptr; ++e) {
    BOOST_TEST_REQUIRE(e < now_epoch(*this) + 10);
    run(end() - clock.now().wall);
    for (int second = 0; second < 3600 && where == nullptr; second += 10) {
      run(10s);
      for (const auto& node : nodes) {
        const auto real = last_poll(roots.at(0).real, node.get());
        const bool real_is_final = real >= end() && real + 5s < clock.now().wall;
        where = real_is_final && last_poll(roots.at(0).cover, node.get()) < end() ? node.get() : where;
      }
    }
    eye.requests.clear();
    if (where != nullptr) {
      break;
    }
  }
  (void)bob.manager->add_home_node(add_node().known());  // the list of what to poll is made anew
  run(1h);
  BOOST_TEST(last_poll(roots.at(0).cover, where) >= end());
}

BOOST_FIXTURE_TEST_CASE(a_restart_goes_on_with_the_same_cover_mailboxes, Lone) {
  BOOST_TEST_REQUIRE(run_to_loop());
  const auto fetched = bob[Counter::cover_fetched];
  bob.crash();
  bob.start();
  BOOST_TEST(run(30s, [&] { return live_records() == 0; }));
  BOOST_TEST(bob[Counter::cover_fetched] == fetched + 3);
}

BOOST_FIXTURE_TEST_CASE(after_an_absence_little_but_the_last_loops_is_polled, Lone) {
  restart_with([](auto& config) { config.ttl = limits::largest_time_to_live; });
  run(days(2));
  BOOST_TEST_REQUIRE(run_to_loop());
  bob.crash();
  run(days(10));
  BOOST_TEST(live_records() == 3U);
  Eye eye(*this);
  bob.start();
  const auto begun = now_epoch(*this);
  BOOST_TEST(run(1h, [&] { return live_records() == 0; }));
  run(1h);
  const auto roots = roots_of(bob);
  std::size_t cover = 0;
  for (auto e = now_epoch(*this) - 60; e <= now_epoch(*this) + 1; ++e) {
    cover += eye.polled().contains(address(roots.at(0).cover, e)) ? 1 : 0;
  }
  BOOST_TEST(cover <= 2 * manager::Poller::cover_epochs + (now_epoch(*this) - begun));
  BOOST_TEST(eye.polled().size() > 40U);  // the real ones of all that time
}

BOOST_AUTO_TEST_CASE(what_the_cover_root_before_holds_is_still_fetched) {
  Pair world;
  User& bob = world.bob;
  world.alice.crash();
  world.run(1h);
  bob.crash();
  bob.config.poll_interval = 4h;
  bob.config.push = false;
  bob.start();
  BOOST_TEST_REQUIRE(world.run(days(10), [&] { return world.live_records() == 3; }));
  const auto where = address(roots_of(bob).at(0).cover, now_epoch(world));
  world.unfriend(bob, world.alice);
  BOOST_TEST_REQUIRE(world.run(5min, [&] { return bob.rows('R') == 2; }));
  world.run(5s);
  BOOST_TEST(copies_in(world, where) == 3U);
  // No two polls are further apart than 20 hours, and after a day the nodes would have dropped it.
  BOOST_TEST(world.run(21h, [&] { return copies_in(world, where) == 0; }));
  // And the epochs that come have one cover mailbox: the new root's.
  world.run(24h);
  Eye eye(world);
  world.run(days(2));
  std::size_t cover = 0;
  for (const auto& root : roots_of(bob)) {
    cover += eye.polled().contains(address(root.cover, now_epoch(world) - 3)) ? 1 : 0;
    BOOST_TEST(eye.polled().contains(address(root.real, now_epoch(world) - 3)));
  }
  BOOST_TEST(cover == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_home_node_that_was_given_up_gets_no_more_cover, Lone) {
  run(1h);
  BOOST_TEST(bob.manager->remove_home_node(nodes[2]->keys.id()).has_value());
  run(4 * limits::epoch_length);
  const auto stored = nodes[2]->metrics.value(Counter::node_stored);
  Eye eye(*this);
  run(days(2));
  BOOST_TEST(nodes[2]->metrics.value(Counter::node_stored) == stored);
  const auto roots = roots_of(bob);
  std::set<crypto::Point> cover;
  for (auto e = now_epoch(*this) - 15; e <= now_epoch(*this) + 1; ++e) {
    cover.insert(address(roots.at(0).cover, e));
  }
  std::size_t elsewhere = 0;
  for (const auto& request : eye.requests) {
    if (cover.contains(request.mailbox)) {
      BOOST_TEST_REQUIRE((request.node != nodes[2].get()));
      ++elsewhere;
    }
  }
  BOOST_TEST(elsewhere > 0U);
}

BOOST_FIXTURE_TEST_CASE(cover_does_not_hold_up_a_gap, HandWorld) {
  const auto roots = roots_of(bob);
  std::set<crypto::Point> cover;
  for (auto e = now_epoch(*this) - 3; e <= now_epoch(*this) + 2; ++e) {
    cover.insert(address(roots.at(0).cover, e));
  }
  Eye eye(*this);
  std::size_t dropped = 0;
  eye.drops = [&](const Eye::Request& request) {
    const bool is_cover = cover.contains(request.mailbox);
    dropped += is_cover ? 1 : 0;
    return is_cover;
  };
  run(1min);
  eve.send({.text = "two", .sequence = 2});
  BOOST_TEST(run(5s, [&] { return !bob.shown.empty(); }));
  BOOST_TEST(dropped > 0U);
}

BOOST_FIXTURE_TEST_CASE(nobody_may_send_to_a_cover_mailbox_over_the_friend_channel, HandWorld) {
  eve.bundle.root = crypto::friends_root(roots_of(bob).at(0).cover, eve.key());
  BOOST_TEST(refused(Counter::refused_envelope_header, [&] { eve.send({}); }) == 1U);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(mail_of_others_in_the_cover_box_is_deleted_unread, HandWorld) {
  eve.bundle.root = crypto::friends_root(roots_of(bob).at(0).cover, manager::Cover::writer);
  eve.store(*nodes[0], eve.seal({}));
  BOOST_TEST(run(15min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob[Counter::cover_fetched] == 1U);
  BOOST_TEST(bob.shown.empty());
}

BOOST_AUTO_TEST_CASE(a_client_without_home_nodes_sends_no_cover) {
  World world;
  User& bob = world.add_user();
  world.run(days(10));
  BOOST_TEST(bob[Counter::cover_stored] == 0U);
  BOOST_TEST(bob[Counter::client_requests] == 0U);
}

BOOST_FIXTURE_TEST_CASE(cover_can_be_switched_off_and_costs_nothing_on_disk, Lone) {
  std::map<char, std::size_t> rows;
  const auto count_rows = [&] {
    std::map<char, std::size_t> counts;
    for (const auto& entry : bob.state->load()) {
      ++counts[static_cast<char>(entry.key[0])];
    }
    return counts;
  };
  run(days(2));
  const auto with_cover = count_rows();
  BOOST_TEST(with_cover.at('W') == 3U);
  BOOST_TEST(with_cover.at('R') == 1U);

  Lone other(2);
  other.restart_with([](auto& config) { config.cover = false; });
  Eye eye(other);
  other.run(days(2));
  BOOST_TEST(other.bob[Counter::cover_stored] == 0U);
  BOOST_TEST(other.bob[Counter::client_requests] * 10 < bob[Counter::client_requests] * 6);
  for (auto e = now_epoch(other) - 8; e <= now_epoch(other) + 1; ++e) {
    const auto cover = address(roots_of(other.bob).at(0).cover, e);
    BOOST_TEST(!eye.polled().contains(cover));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
