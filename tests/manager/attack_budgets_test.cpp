// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "hand_friend.hpp"
#include "manager/inbox/inbox.hpp"
#include "manager/keys/key_ring.hpp"
#include "manager/outbox/outgoing_messages.hpp"
#include "manager_parts.hpp"
#include "tests/support/samples.hpp"

// One friend uses up what is theirs, and nothing of what others have.

namespace toxasync::test {
namespace {

using manager::DeliveryOrder;
using manager::Inbox;
using protocol::FriendPacketType;

/// A row of table S (docs/state.md).
struct SeenRow {
  UnixTime until{};
  std::uint8_t receipted = 1;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.until, self.receipted); }
};

/// Two friends of Bob's, Eve and Carol, both played by the test.
struct TwoFriends : HandWorld {
  TwoFriends() { carol.take_bundle(); }

  /// Bob has remembered `count` messages of somebody's, until then.
  void remember(const manager::FriendKey& of, std::size_t count, UnixTime until) {
    bob.crash();
    store::StateBatch batch;
    for (std::size_t i = 0; i < count; ++i) {
      const crypto::MessageId id(eve.random().array<16>());
      batch.push_back(
          manager::put_record(manager::state_key(manager::Table::seen, {of, id}), SeenRow{until}));
    }
    bob.state->commit(std::move(batch), nullptr);
    bob.state->poll();
    bob.start();
    run(1s);
    eve.come();
    carol.come();
  }
  void remove(HandFriend& who) {
    bob.friends.erase(who.key());
    bob.manager->on_friend_removed(who.key());
    run(1s);
  }
  void add(HandFriend& who) {
    bob.friends.insert(who.key());
    bob.manager->on_friend_added(who.key());
    who.come();
    run(1s);
  }
  std::uint64_t listed() const {
    std::uint64_t all = 0;
    for (const auto& node : nodes) {
      all += node->metrics.value(Counter::node_listed);
    }
    return all;
  }

  HandFriend carol{*this, bob, 777};
};

/// `count` letters of a friend's wait for Bob's application.
void fill_waiting(World& world, HandFriend& from, std::size_t count) {
  for (std::size_t i = 1; i <= count; ++i) {
    from.send({.text = "x", .sequence = i, .floor = i, .pre_key = from.bundle.last_resort});
  }
  world.run(1s);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_budgets)

BOOST_FIXTURE_TEST_CASE(one_friends_ids_do_not_refuse_the_mail_of_others, TwoFriends) {
  remember(eve.key(), Inbox::ids_remembered.each, clock.unix_time() + 2h);
  const auto refused = eve.seal({.text = "waits"});
  eve.store(*nodes[0], refused);
  eve.send({.text = "directly"});
  carol.store(*nodes[1], carol.seal({.text = "from carol"}));
  run(10min);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"from carol"}));
  BOOST_TEST(bob[Counter::refused_friend_share] == 2);  // it stays where it was, and is not fetched again
  BOOST_TEST(live_records() == 1);
  BOOST_TEST(run(4h, [&] { return live_records() == 0; }));  // the ids were forgotten
  BOOST_TEST((bob.texts() == std::vector<std::string>{"from carol", "waits"}));
}

BOOST_FIXTURE_TEST_CASE(what_is_left_on_a_node_is_not_fetched_at_each_poll, TwoFriends) {
  bob.config.cover = false;  // what it stores for itself would be listed too
  remember(eve.key(), Inbox::ids_remembered.each, clock.unix_time() + days(9));
  for (int i = 0; i < 5; ++i) {
    eve.store(*nodes[0], eve.seal({}));
  }
  run(20min);
  BOOST_TEST(listed() == 5);
  carol.store(*nodes[0], carol.seal({.text = "behind it"}));
  run(20min);
  BOOST_TEST(listed() == 6);
  BOOST_TEST(live_records() == 5);
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(ids_of_a_removed_friend_leave_room_for_others, TwoFriends) {
  remember(eve.key(), Inbox::ids_remembered.each, clock.unix_time() + days(9));
  remove(eve);
  carol.store(*nodes[0], carol.seal({.text = "from carol"}));
  run(10min);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"from carol"}));
}

BOOST_FIXTURE_TEST_CASE(who_is_added_again_shows_nothing_twice, TwoFriends) {
  const auto letter = eve.send({.text = "once", .pre_key = eve.bundle.last_resort});
  run(1s);
  remove(eve);
  add(eve);
  const auto copy = eve.seal({.text = "once", .id = letter.id, .pre_key = eve.bundle.last_resort});
  eve.store(*nodes[1], copy);
  BOOST_TEST(run(10min, [&] { return bob[Counter::duplicates_dropped] == 1; }));
  BOOST_TEST((bob.texts() == std::vector<std::string>{"once"}));
}

BOOST_FIXTURE_TEST_CASE(what_a_removed_friend_could_not_show_may_come_again, TwoFriends) {
  bob.takes_messages = false;
  const auto letter = eve.send({.text = "later", .pre_key = eve.bundle.last_resort});
  run(1s);
  remove(eve);
  BOOST_TEST(bob.rows('S') == 0);
  bob.takes_messages = true;
  add(eve);
  eve.store(*nodes[1], eve.seal({.text = "later", .id = letter.id, .pre_key = eve.bundle.last_resort}));
  BOOST_TEST(run(10min, [&] { return live_records() == 0; }));
  BOOST_TEST((bob.texts() == std::vector<std::string>{"later"}));
}

BOOST_FIXTURE_TEST_CASE(receipts_are_not_remembered_and_count_once, TwoFriends) {
  for (int i = 0; i < 50; ++i) {
    eve.send({.text = "", .kind = crypto::MessageKind::receipt, .pre_key = eve.bundle.last_resort});
  }
  run(1s);
  BOOST_TEST(bob.rows('S') == 0);
  eve.send({.text = "", .kind = crypto::MessageKind::nack, .pre_key = eve.bundle.last_resort});
  run(1s);
  BOOST_TEST(bob.rows('S') == 1);  // another copy of it would have a message sealed once more
}

BOOST_FIXTURE_TEST_CASE(an_id_of_one_friend_is_no_duplicate_of_anothers, TwoFriends) {
  const auto id = eve.send({.text = "eve's"}).id;
  run(1s);
  carol.send({.text = "carol's", .id = id});
  run(1s);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"eve's", "carol's"}));
  BOOST_TEST(bob.rows('S') == 2);
}

BOOST_FIXTURE_TEST_CASE(parts_of_two_friends_with_one_id_are_kept_apart, TwoFriends) {
  bob.takes_messages = false;
  const auto part = [](HandFriend& of, const crypto::MessageId& id, std::uint8_t number, const char* text) {
    of.send({.text = text, .part = number, .parts = 2, .id = id, .pre_key = of.bundle.last_resort});
  };
  const crypto::MessageId id(eve.random().array<16>());
  part(eve, id, 0, "eve ");
  part(carol, id, 1, "speaks");
  part(carol, id, 0, "carol ");
  run(1s);
  bob.crash();
  bob.start();
  bob.takes_messages = true;
  run(1s);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"carol speaks"}));
  BOOST_TEST(bob.rows('P') == 1);
  eve.come();
  part(eve, id, 1, "too");
  run(1s);
  BOOST_TEST((bob.texts() == std::vector<std::string>{"carol speaks", "eve too"}));
  BOOST_TEST(bob.rows('P') == 0);
}

BOOST_FIXTURE_TEST_CASE(one_friends_waiting_mail_leaves_room_for_others, TwoFriends) {
  constexpr std::size_t most = DeliveryOrder::messages_waiting.each;
  bob.takes_messages = false;
  fill_waiting(*this, eve, most);
  eve.store(*nodes[0],
            eve.seal({.sequence = most + 1, .floor = most + 1, .pre_key = eve.bundle.last_resort}));
  carol.store(*nodes[0], carol.seal({.text = "from carol"}));
  run(10min);
  BOOST_TEST(bob.rows('I') == most + 1);
  BOOST_TEST(live_records() == 1);
  bob.takes_messages = true;
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == most + 2; }));  // as soon as there is room
}

BOOST_FIXTURE_TEST_CASE(a_gap_is_given_up_for_the_friend_who_has_too_many, ManagerParts) {
  struct Around final : manager::MailSource, manager::DeliveryListener {
    void poll_soon() override {}
    [[nodiscard]] bool swept_since(SteadyTime) const override { return false; }
    bool on_expired(const manager::InboxMessage&, store::StateBatch&) override { return false; }
    void on_shown(const manager::FriendKey&, const crypto::MessageId&) override {}
  } around;
  const auto carol = crypto::KeyPair::generate(random).friend_key();
  friends.add(carol);
  DeliveryOrder order(
      {.application = *this, .state = state, .clock = trusted, .telemetry = telemetry, .friends = friends},
      around, around);
  const auto add = [&](const manager::FriendKey& from, std::uint64_t sequence) {
    manager::InboxMessage message;
    message.id = crypto::MessageId(random.array<16>());
    message.from = from;
    message.instance = crypto::Instance{1};
    message.sequence = sequence;
    message.text = {'x'};
    order.reserve(message);
    order.add({message});
  };
  add(carol, 2);
  for (std::uint64_t sequence = 2; sequence < DeliveryOrder::messages_held + 3; ++sequence) {
    add(bob_keys.friend_key(), sequence);
  }
  for (int i = 0; i < 10; ++i) {
    order.deliver_next();
    state.tick(clock.now());
  }
  BOOST_TEST(!shown.empty());
  BOOST_TEST(std::ranges::none_of(shown, [&](const auto& message) { return message.from == carol; }));
}

BOOST_FIXTURE_TEST_CASE(removing_friends_one_by_one_drops_no_root_that_others_use, Pair) {
  alice.crash();  // she knows the first root, and writes when she comes back
  std::uint64_t seed = 1000;
  const auto remove_another = [&] {
    HandFriend removed(*this, bob, ++seed);
    removed.take_bundle();
    bob.friends.erase(removed.key());
    bob.manager->on_friend_removed(removed.key());
    run(2 * manager::KeyRing::root_replaced_after_removal);
  };
  for (std::size_t i = 0; i < 2 * manager::KeyRing::roots_held; ++i) {
    remove_another();
  }
  BOOST_TEST(bob.rows('R') > 2U);  // some of them are cut off at once
  BOOST_TEST(bob.rows('R') <= manager::KeyRing::roots_held);
  alice.start();
  alice.send(bob, "from long ago");
  BOOST_TEST(run(1h, [&] { return bob.shown.size() == 1; }));
  const auto first = bob.rows('R');
  run(manager::KeyRing::root_replaced_after_removals + 1h);
  BOOST_TEST(bob.rows('R') == first + 1);  // and the others a day later, together
  for (std::size_t i = 0; i < manager::KeyRing::roots_held; ++i) {
    remove_another();
    run(manager::KeyRing::root_replaced_after_removals);
  }
  BOOST_TEST(bob.rows('R') == manager::KeyRing::roots_held);  // each as long as mail may come
}

BOOST_FIXTURE_TEST_CASE(one_friends_receipts_leave_room_for_those_of_others, TwoFriends) {
  constexpr auto most = manager::OutgoingMessages::most_services;
  const auto head = [&](HandFriend& of) {
    auto made = of.head(crypto::KeyPair::generate(of.random()), 5, 0);
    made.home_nodes = {{protocol::NodeId(of.random().array<32>()), {{ipv4(777)}}}};  // nobody is there
    of.sign(made);
    of.give(FriendPacketType::bundle_head, made);
    run(1s);
    of.go();
  };
  head(eve);
  head(carol);
  const auto receipts = [&] { return bob.rows('O'); };
  for (std::uint64_t i = 1; i <= 600; ++i) {
    eve.instance = crypto::Instance{1000 + i};
    eve.store(*nodes[0], eve.seal({.sequence = i, .floor = i, .pre_key = eve.bundle.last_resort}));
  }
  run(6h);
  BOOST_TEST(receipts() <= 30U);  // for ever new installations as for one
  manager::FriendBudget budget(most);
  budget.add(eve.key(), most.each);
  BOOST_TEST(!budget.has_room(eve.key()));
  BOOST_TEST(budget.has_room(carol.key()));
  carol.store(*nodes[0], carol.seal({.pre_key = carol.bundle.last_resort}));
  const auto before = receipts();
  BOOST_TEST(run(3h, [&] { return receipts() == before + 1; }));
}

BOOST_FIXTURE_TEST_CASE(versions_above_ours_draw_one_new_instance_a_day, HandWorld) {
  std::set<crypto::Instance> instances{eve.bundle.version.instance};
  for (int i = 0; i < 20; ++i) {
    auto version = eve.bundle.version;
    version.version += 1'000'000'000;
    eve.give(FriendPacketType::bundle_taken, protocol::BundleTaken{version, eve.instance});
    run(1s);
    eve.take_what_came();
    instances.insert(eve.bundle.version.instance);
  }
  BOOST_TEST(instances.size() == 2U);
  BOOST_TEST(bob[Counter::refused_renewal_limit] == 19);
}

BOOST_FIXTURE_TEST_CASE(ever_new_installations_draw_few_new_one_time_keys, HandWorld) {
  std::set<Bytes> made;
  const auto note_keys = [&] {
    for (const auto& entry : bob.state->load()) {
      if (entry.key[0] == static_cast<std::uint8_t>(manager::Table::one_time)) {
        made.insert(entry.key);
      }
    }
  };
  const auto root = crypto::KeyPair::generate(eve.random());
  for (std::uint64_t i = 0; i < 300; ++i) {
    eve.instance = crypto::Instance{1000 + i};
    eve.give(FriendPacketType::bundle_head, eve.head(root, 1, 0));
    run(100ms);
    note_keys();
  }
  BOOST_TEST(made.size() > manager::FriendBook::keys_held - manager::FriendBook::again_keys);
  BOOST_TEST(made.size() <= manager::FriendBook::keys_held + manager::FriendBook::again_keys);
}

BOOST_FIXTURE_TEST_CASE(heads_that_come_again_are_limited_while_the_disk_is_slow, HandWorld) {
  const auto root = crypto::KeyPair::generate(eve.random());
  const auto head = eve.head(root, 5, 0);
  eve.give(FriendPacketType::bundle_head, head);
  run(1s);
  bob.state->hold_commits(true);
  BOOST_TEST(refused(Counter::refused_bundle, [&] {
               for (int i = 0; i < 100; ++i) {
                 eve.give(FriendPacketType::bundle_head, head);
               }
             }) == 100 - manager::BundleIntake::bundles_under_way);
  bob.state->hold_commits(false);
  run(1s);
  BOOST_TEST(refused(Counter::refused_bundle, [&] { eve.give(FriendPacketType::bundle_head, head); }) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_bundle_for_which_there_is_no_room_stays_on_its_node, HandWorld) {
  const auto root = crypto::KeyPair::generate(eve.random());
  bob.state->hold_commits(true);
  const auto head = eve.head(root, 5, 0);
  for (std::size_t i = 0; i < manager::BundleIntake::bundles_under_way; ++i) {
    eve.give(FriendPacketType::bundle_head, head);
  }
  eve.go();
  Bytes text(limits::whole_bundle);
  text.resize(*wire::encode(protocol::WholeBundle{eve.head(root, 6, 0), {}}, text));
  eve.store(*nodes[0], eve.seal({.text = std::string(text.begin(), text.end()),
                                 .kind = crypto::MessageKind::bundle,
                                 .pre_key = eve.bundle.last_resort}));
  BOOST_TEST(run(10min, [&] { return bob[Counter::refused_friend_share] == 1; }));
  bob.state->hold_commits(false);
  BOOST_TEST(run(1min, [&] { return bob[Counter::bundles_accepted] == 2; }));
}

BOOST_FIXTURE_TEST_CASE(nacks_that_are_not_permitted_leave_the_mail_there, HandWorld) {
  const auto unknown = [&] {
    return eve.seal({.pre_key = crypto::KeyPair::generate(eve.random()).public_key});
  };
  for (std::size_t i = 0; i < manager::Receipts::nacks_per_hour; ++i) {
    eve.give(FriendPacketType::envelope, unknown().live);
  }
  run(1s);
  eve.go();
  eve.store(*nodes[0], unknown());
  run(10min);
  const auto fetched = [&] { return bob[Counter::refused_pre_key_unknown]; };
  BOOST_TEST(fetched() == manager::Receipts::nacks_per_hour + 1);
  BOOST_TEST(bob[Counter::refused_nack_limit] == 1);
  BOOST_TEST(run(3h, [&] { return fetched() == manager::Receipts::nacks_per_hour + 2; }));
  BOOST_TEST(bob[Counter::refused_nack_limit] == 1);  // an hour later it was answered
}

BOOST_FIXTURE_TEST_CASE(what_drew_no_nack_is_read_again_in_the_next_hour, ManagerParts) {
  struct Mailer final : manager::ReceiptMailer {
    bool mail_receipts(const manager::FriendKey&, crypto::Instance, crypto::MessageKind, Bytes,
                       store::StateBatch) override {
      return true;
    }
  } mailer;
  manager::Receipts receipts(services, friends, mailer);
  for (std::size_t i = 0; i < manager::Receipts::nacks_per_hour; ++i) {
    BOOST_TEST(receipts.nack_permitted(bob_keys.friend_key()));
  }
  BOOST_TEST(!receipts.nack_permitted(bob_keys.friend_key()));
  const auto before = receipts.reopened();
  clock.advance(1h);
  BOOST_TEST(receipts.nack_permitted(bob_keys.friend_key()));  // something else begins the hour
  BOOST_TEST(receipts.reopened() == before + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
