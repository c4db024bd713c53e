// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "contact_world.hpp"

// Bundles in the pair mailboxes: docs/protocol.md, "First contact".

using namespace toxasync;
using namespace toxasync::test;
using manager::MailboxWatch;
using manager::PairMail;

namespace {

protocol::WholeBundle bundle_of(std::uint64_t version, std::size_t keys, Random& random) {
  protocol::WholeBundle bundle;
  bundle.head.version = {crypto::Instance{77}, version};
  bundle.head.root.m = crypto::Point(random.array<32>());
  bundle.head.one_time_count = static_cast<std::uint16_t>(keys);
  bundle.head.home_nodes = {{random.id<protocol::NodeId>(), {{ipv4(1)}}}};
  for (std::size_t i = 0; i < keys; ++i) {
    bundle.keys.emplace_back(random.array<32>());
  }
  return bundle;
}

/// Friends who have never met; Alice has a bundle for Bob.
struct Friends : ContactWorld {
  explicit Friends(std::size_t keys = 100, std::size_t node_count = 3, std::uint64_t seed = 1)
      : ContactWorld(node_count, seed) {
    for (auto* person : {&alice, &bob}) {
      person->watches = false;  // requests are not what is tested here
      person->crash();
      person->start();
    }
    alice.befriend(bob);
    bob.befriend(alice);
    alice.to_post[bob.key] = bundle_of(1, keys, *alice.random);
  }

  [[nodiscard]] crypto::Epoch slot() const { return MailboxWatch::slot(epoch(), PairMail::epoch_step); }
  [[nodiscard]] bool run_until_found(milliseconds limit = 8h) {
    return run(limit, [this] { return bob.has_bundle_of(alice); });
  }
  /// Puts an envelope of a test's own making into the mailbox for what Alice sends to Bob.
  void put(const crypto::KeyPair& sealed_by, const crypto::FriendKey& named, const crypto::EnvelopeBody& body,
           const crypto::MessageId& id) {
    const auto mailbox = crypto::pair_mailbox(alice.pair().secret, bob.key, alice.key, bob.key, slot());
    const crypto::KeyPair sender{sealed_by.secret.clone(), crypto::Point(named.bytes())};
    const crypto::Point pre_key(bob.key.bytes());
    const auto sealed = crypto::seal_envelope(sender, bob.key, pre_key, mailbox->mailbox,
                                              {named, crypto::Instance{77}, crypto::pre_key_id(pre_key), id},
                                              body, alice.random->id<crypto::CancelSecret>(), *alice.random);
    alice.client->store(
        {nodes[0]->keys.id(), mailbox->mailbox.clone(), protocol::StoreOp::store, days(1), *sealed}, alice,
        clock.now());
    const std::size_t before = alice.by_hand.size();
    BOOST_TEST(run(1min, [&] { return alice.by_hand.size() > before; }));
    BOOST_TEST((alice.by_hand.back().outcome == client::StoreOutcome::stored));
  }
  void put(const crypto::EnvelopeBody& body) {
    put(alice.pair(), alice.key, body, alice.random->id<crypto::MessageId>());
  }
  static crypto::EnvelopeBody body(Bytes text, std::uint8_t part = 0, std::uint8_t parts = 1) {
    return {0, 0, 1'750'000'000'000, 86400, crypto::MessageKind::bundle, part, parts, std::move(text)};
  }
  static Bytes encoded(const protocol::WholeBundle& bundle) {
    Bytes bytes(limits::whole_bundle);
    bytes.resize(*wire::encode(bundle, bytes));
    return bytes;
  }

  Person& alice = add_person();
  Person& bob = add_person();
};

bool same(const protocol::WholeBundle& a, const protocol::WholeBundle& b) {
  return Friends::encoded(a) == Friends::encoded(b);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pair_mail)

BOOST_AUTO_TEST_CASE(nodes_take_the_mailbox_in_use_in_every_epoch) {
  for (crypto::Epoch epoch = 2000; epoch < 2100; ++epoch) {
    const auto slot = MailboxWatch::slot(epoch, PairMail::epoch_step);
    BOOST_TEST(slot + 1 >= epoch);
    BOOST_TEST(slot <= epoch + 1);
    BOOST_TEST(slot % 3 == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_bundle_arrives_without_being_online_together) {
  for (const std::size_t keys : {0U, 5U, 100U, 200U}) {
    Friends world(keys);
    world.bob.crash();
    BOOST_TEST(world.run(2h, [&] { return world.alice[Counter::pair_bundles_posted] == 1; }));
    world.run(2h);
    world.alice.crash();
    world.run(days(5));
    world.bob.start();
    BOOST_TEST(world.run_until_found());
    world.run(1h);
    BOOST_TEST(world.bob.bundles.size() == 1U);
    BOOST_TEST((world.bob.bundles.front().first == world.alice.key));
    BOOST_TEST(same(world.bob.bundles.front().second, world.alice.to_post[world.bob.key]));
    BOOST_TEST(world.bob.rows('H') == 0U);
  }
}

BOOST_AUTO_TEST_CASE(posting_works_at_every_hour_of_the_day) {
  for (auto hours = 0h; hours < 24h; hours += 2h) {
    Friends world(0);
    world.bob.crash();
    world.alice.crash();
    world.run(hours);
    world.alice.start();
    BOOST_TEST(world.run(1h, [&] { return world.alice[Counter::pair_bundles_posted] == 1; }));
    world.alice.crash();
    world.bob.start();
    BOOST_TEST(world.run_until_found(), "posted after " << hours.count() << " h");
  }
}

BOOST_AUTO_TEST_CASE(a_crash_of_the_reader_at_any_step_neither_loses_nor_tears_it) {
  std::size_t runs = 0;
  for (std::uint64_t crash_at = 1; crash_at <= 120; ++crash_at, ++runs) {
    Friends world(200, 1);  // one copy, in seven parts, which are two windows
    world.bob.crash();
    BOOST_TEST(world.run(1h, [&] { return world.alice[Counter::pair_bundles_posted] == 1; }));
    world.alice.crash();
    std::uint64_t events = 0;
    world.after_event = [&] {
      if (++events == crash_at) {
        world.bob.crash();
        world.bob.start();
      }
    };
    world.bob.start();
    BOOST_TEST(world.run_until_found());
    BOOST_TEST(same(world.bob.bundles.back().second, world.alice.to_post[world.bob.key]));
    world.run(2h);
    BOOST_TEST(world.bob.rows('H') == 0U);
    BOOST_TEST(world.bob.bundles.size() <= 2U);
  }
  BOOST_TEST_MESSAGE(runs << " crash points");
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_loses_no_part) {
  for (std::size_t failing = 1; failing <= 4; ++failing) {
    Friends world(200, 1);
    world.bob.crash();
    BOOST_TEST(world.run(1h, [&] { return world.alice[Counter::pair_bundles_posted] == 1; }));
    world.alice.crash();
    world.bob.start();
    BOOST_TEST(world.run(1h, [&] { return world.bob.rows('H') > 0 || failing < 3; }));
    world.bob.state->fail_next(failing);
    BOOST_TEST(world.run_until_found(12h), "with " << failing << " failures");
    world.run(days(2));
    BOOST_TEST(world.live_records() == 0U);
    BOOST_TEST(world.bob.rows('H') == 0U);
  }
}

BOOST_AUTO_TEST_CASE(what_the_bundle_promises_is_on_our_disk_before_it_leaves) {
  Friends world;
  world.alice.state->hold_commits(true);
  world.run(2h);
  BOOST_TEST(world.alice.asked_for_bundle == 1U);
  BOOST_TEST(world.live_records() == 0U);
  world.alice.state->hold_commits(false);
  BOOST_TEST(world.run_until_found());
}

BOOST_AUTO_TEST_CASE(it_is_posted_once_a_day_also_after_a_restart) {
  Friends world(0);
  world.bob.crash();
  world.run(23h);
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] == 1U);
  BOOST_TEST(world.live_records() == 3U);
  world.alice.crash();
  world.alice.start();
  world.run(1h);
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] == 1U);
  world.run(days(6));
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] >= 6U);
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] <= 8U);
  world.alice.to_post.clear();  // bob has it now
  const auto posted = world.alice[Counter::pair_bundles_posted];
  world.run(days(3));
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] == posted);
}

BOOST_AUTO_TEST_CASE(nothing_is_looked_for_when_the_bundle_is_here) {
  Friends world(0);
  BOOST_TEST(world.run_until_found());
  world.run(24h);
  const auto operations = world.bob[Counter::contact_operations];
  world.run(days(3));
  BOOST_TEST(world.bob[Counter::contact_operations] == operations);
}

BOOST_AUTO_TEST_CASE(a_third_person_cannot_leave_a_bundle_in_a_friends_name) {
  Friends world(0);
  world.alice.to_post.clear();
  const auto forged = Friends::encoded(bundle_of(9, 0, *world.alice.random));
  const auto mallory = crypto::KeyPair::generate(*world.alice.random);
  // Even one who got hold of the mailbox.
  world.put(mallory, mallory.friend_key(), Friends::body(forged),
            world.alice.random->id<crypto::MessageId>());
  world.put(mallory, world.alice.key, Friends::body(forged), world.alice.random->id<crypto::MessageId>());
  world.run(3h);
  BOOST_TEST(world.bob.bundles.empty());
  BOOST_TEST(world.bob[Counter::refused_envelope_body] == 2U);
  BOOST_TEST(world.live_records() == 0U);
}

BOOST_AUTO_TEST_CASE(whatever_is_malformed_is_refused) {
  Friends world(0);
  world.alice.to_post.clear();
  world.bob.crash();
  auto& random = *world.alice.random;
  auto wrong_count = bundle_of(1, 3, random);
  wrong_count.head.one_time_count = 4;
  world.put(Friends::body(Friends::encoded(wrong_count)));
  auto trailing = Friends::encoded(bundle_of(1, 0, random));
  trailing.push_back(0);
  world.put(Friends::body(trailing));
  world.put(Friends::body(Bytes(trailing.begin(), trailing.end() - 5)));
  world.put(Friends::body({}));
  auto ordered = Friends::body(Friends::encoded(bundle_of(1, 0, random)));
  ordered.sequence = 1;
  world.put(ordered);
  world.put(Friends::body({1, 2, 3}, 0, 9));
  // Parts of one message that do not agree.
  const crypto::MessageId id(random.array<16>());
  world.put(world.alice.pair(), world.alice.key, Friends::body({1}, 0, 2), id);
  world.put(world.alice.pair(), world.alice.key, Friends::body({1}, 1, 3), id);
  world.bob.start();
  world.run(3h);
  BOOST_TEST(world.bob[Counter::refused_bundle] == 6U);
  BOOST_TEST(world.bob[Counter::refused_parts] == 1U);
  BOOST_TEST(world.bob.bundles.empty());
  BOOST_TEST(world.bob.rows('H') == 1U);  // one part, for a day
  world.run(26h);
  BOOST_TEST(world.bob.rows('H') == 0U);
}

BOOST_AUTO_TEST_CASE(of_two_bundles_in_parts_the_later_one_is_put_together) {
  Friends world(0);
  world.alice.to_post.clear();
  world.bob.crash();
  const auto id = world.alice.random->id<crypto::MessageId>();
  const auto other = world.alice.random->id<crypto::MessageId>();
  const auto old = Friends::encoded(bundle_of(1, 40, *world.alice.random));
  const auto text = Friends::encoded(bundle_of(2, 40, *world.alice.random));
  const auto part = [&](std::uint8_t i, std::uint64_t later) {
    const Bytes& whole = later == 0 ? old : text;
    const auto from = whole.begin() + std::ptrdiff_t{i} * 990;
    auto body = Friends::body(Bytes(from, whole.end() - from > 990 ? from + 990 : whole.end()), i, 2);
    body.sent_at_ms += later;
    return body;
  };
  world.put(world.alice.pair(), world.alice.key, part(0, 0), other);
  world.put(world.alice.pair(), world.alice.key, part(0, 5), id);
  world.put(world.alice.pair(), world.alice.key, part(1, 0), other);
  world.put(world.alice.pair(), world.alice.key, part(1, 5), id);
  world.bob.start();
  BOOST_TEST(world.run_until_found());
  BOOST_TEST(world.bob.bundles.size() == 1U);
  BOOST_TEST((Friends::encoded(world.bob.bundles.front().second) == text));
  world.run(1h);
  BOOST_TEST(world.bob.rows('H') == 0U);
}

BOOST_AUTO_TEST_CASE(nodes_that_are_down_get_it_when_they_are_back) {
  Friends world(100);
  for (const auto& node : world.nodes) {
    node->switch_off();
  }
  world.bob.crash();
  world.run(30h);
  BOOST_TEST(world.alice[Counter::pair_bundles_posted] == 0U);
  world.nodes[2]->switch_on();
  BOOST_TEST(world.run(6h, [&] { return world.alice[Counter::pair_bundles_posted] == 1; }));
  world.alice.crash();
  for (const auto& node : world.nodes) {
    node->switch_off();
  }
  world.bob.start();
  world.run(20h);
  world.nodes[2]->switch_on();
  BOOST_TEST(world.run_until_found(24h));  // seeds 1 to 8: after 1 to 14 hours
}

BOOST_AUTO_TEST_CASE(a_home_node_that_only_its_user_knows_is_enough) {
  Friends world(0, 8);
  world.alice.known.resize(4);
  world.bob.known.assign(1, world.nodes[7].get());  // none of alice's is near to bob
  world.alice.home.assign(1, world.nodes[0].get());
  world.bob.home_of[world.alice.key].assign(1, world.nodes[0].get());
  BOOST_TEST(world.run_until_found());
}

BOOST_AUTO_TEST_CASE(three_hundred_friends_share_one_budget) {
  ContactWorld world(5);
  Person& alice = world.add_person();
  alice.watches = false;
  alice.crash();
  alice.start();
  for (int i = 0; i < 300; ++i) {
    const auto key = crypto::KeyPair::generate(*alice.random).friend_key();
    alice.to_post[key] = bundle_of(1, 0, *alice.random);
    alice.friends.insert(key);
    alice.contact->on_friend_added(key, world.clock.now());
  }
  std::uint64_t before = 0;
  for (std::uint64_t hour = 1; hour <= 48; ++hour) {
    world.run(1h);
    const auto all = alice[Counter::contact_operations];
    BOOST_TEST(all <= 30 + hour * 120);
    BOOST_TEST(all - before >= 60U);  // it is used
    before = all;
  }
  BOOST_TEST((std::ranges::all_of(
      world.nodes, [](const auto& node) { return node->metrics.value(Counter::refused_rate) == 0; })));
  BOOST_TEST_MESSAGE(alice[Counter::pair_bundles_posted] << " of 300 bundles posted in two days");
  BOOST_TEST(alice[Counter::pair_bundles_posted] > 250U);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_a_friend_who_is_removed) {
  Friends world(100);
  BOOST_TEST(world.run_until_found());
  world.run(1h);
  BOOST_TEST(world.alice.rows('G') == 1U);
  world.alice.unfriend(world.bob);
  world.run(1min);
  BOOST_TEST(world.alice.rows('G') == 0U);
  const auto operations = world.alice[Counter::contact_operations];
  world.run(24h);
  BOOST_TEST(world.alice[Counter::contact_operations] == operations);
}

BOOST_AUTO_TEST_SUITE_END()
