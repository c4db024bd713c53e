// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "eye.hpp"
#include "hand_friend.hpp"
#include "manager/core/events.hpp"

// Receipts through nodes, nacks, bundles by mail, installations, cancelling, replacement of the root
// (docs/protocol.md, sections 3 to 7).

namespace toxasync::test {

BOOST_AUTO_TEST_SUITE(manager_service)

BOOST_FIXTURE_TEST_CASE(a_receipt_comes_through_nodes_without_a_meeting, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "confirmed without meeting");
  run(5s);
  bob.start();
  BOOST_TEST(run(2h, [&] { return alice.told(id).ends_with("delivered"); }));
  BOOST_TEST(alice.manager->outbox_size() == 0);
  BOOST_TEST(emptied());
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(many_receipts_travel_in_one_message_and_draw_none_themselves, Pair) {
  bob.crash();
  for (int i = 0; i < 50; ++i) {
    alice.send(bob, "message " + std::to_string(i));
  }
  run(1min);
  bob.start();
  BOOST_TEST(run(3h, [&] { return alice[Counter::messages_confirmed] == 50; }));
  run(3h);
  BOOST_TEST(bob[Counter::receipts_sent] == 50);
  BOOST_TEST(alice[Counter::receipts_sent] <= 1);  // for a bundle of bob's, which topped her keys up
  BOOST_TEST(bob.rows('D') == 0);
  BOOST_TEST(alice.rows('O') == 0);
}

BOOST_AUTO_TEST_CASE(a_receipt_is_owed_across_a_crash_at_any_step) {
  for (unsigned k = 1; k <= 40; ++k) {
    BOOST_TEST_CONTEXT("crash after event " << k) {
      Pair world(k, 1);
      world.bob.crash();
      const auto id = world.alice.send(world.bob, "owed");
      world.run(5s);
      world.bob.config.receipt_delay = 5s;
      world.bob.start();
      crash_after(world, world.bob, k);
      BOOST_TEST(world.run(2h, [&] { return world.alice.told(id).ends_with("delivered"); }));
      BOOST_TEST(world.bob.shown.size() >= 1);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_live_receipt_that_got_lost_is_owed_again, Pair) {
  connect(alice, bob);
  run(2s);
  friend_filter = [&](FriendPacket& packet) { return packet.from == &bob; };  // bob's line is dead one way
  const auto id = alice.send(bob, "heard");
  run(5s);
  BOOST_TEST(bob.shown.size() == 1);
  BOOST_TEST(alice.told(id) == "queued");
  disconnect(alice, bob);
  friend_filter = nullptr;
  BOOST_TEST(run(2h, [&] { return alice.told(id).ends_with("delivered"); }));
  BOOST_TEST(bob.shown.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(the_end_of_a_message_is_reported_once_after_a_crash, Pair) {
  manager::MessageStatus status;
  status.id[0] = 7;
  status.to = bob.key;
  status.state = manager::MessageState::expired;
  // As it is on the disk when the program dies before the callback returns.
  alice.state->commit({manager::Events::ended_write(status, manager::FailReason::none)}, nullptr);
  run(1s);
  alice.crash();
  alice.start();
  run(1s);
  BOOST_TEST(alice.told(status.id) == "expired");
  BOOST_TEST(alice.rows('E') == 0);
  alice.crash();
  alice.start();
  run(1s);
  BOOST_TEST(alice.told(status.id) == "expired");
}

BOOST_FIXTURE_TEST_CASE(a_message_is_cancelled_on_every_node_that_may_hold_it, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "never mind");
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  nodes[2]->switch_off();
  BOOST_TEST(alice.manager->cancel(id).has_value());
  run(1min);
  BOOST_TEST(alice.told(id).ends_with("stored:3/3"));  // one node has not said so
  nodes[2]->switch_on();
  BOOST_TEST(run(1h, [&] { return alice.told(id).ends_with("cancelled"); }));
  BOOST_TEST(live_records() == 0);
  BOOST_TEST((alice.manager->cancel(id).error() == manager::CancelError::unknown));
  bob.start();
  run(10min);
  BOOST_TEST(bob.shown.empty());
}

BOOST_FIXTURE_TEST_CASE(a_cancel_survives_a_crash_of_the_sender, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "never mind");
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  for (const auto& node : nodes) {
    node->switch_off();
  }
  BOOST_TEST(alice.manager->cancel(id).has_value());
  run(5s);
  alice.crash();
  for (const auto& node : nodes) {
    node->switch_on();
  }
  alice.start();
  BOOST_TEST(run(1h, [&] { return alice.told(id).ends_with("cancelled"); }));
  BOOST_TEST(live_records() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_cancel_waits_until_its_message_can_arrive_no_longer, Pair) {
  bob.crash();
  alice.send(bob, "before");
  run(10s);  // the nodes know her
  network.set_conditions({0, 0, 5s, 0s});
  const auto id = alice.send(bob, "never mind");
  run(100ms);
  network.set_conditions({0, 0, 10ms, 0s});
  BOOST_TEST(alice.manager->cancel(id).has_value());
  run(4s);
  BOOST_TEST(!alice.told(id).ends_with("cancelled"), alice.told(id));
  BOOST_TEST(live_records() == 3);
  BOOST_TEST(run(1h, [&] { return alice.told(id).ends_with("cancelled"); }));
  BOOST_TEST(live_records() == 3);  // of the one before
  bob.start();
  run(10min);
  BOOST_TEST(bob.texts() == std::vector<std::string>{"before"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_message_that_was_fetched_is_delivered_not_cancelled, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "too late");
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  bob.start();
  BOOST_TEST(run(1min, [&] { return bob.shown.size() == 1 && live_records() == 0; }));
  BOOST_TEST(alice.manager->cancel(id).has_value());
  run(1min);
  BOOST_TEST(alice.told(id).find("cancelled") == std::string::npos);
  BOOST_TEST(!alice.manager->cancel(id).has_value());
  BOOST_TEST(run(2h, [&] { return alice.told(id).ends_with("delivered"); }));
}

BOOST_FIXTURE_TEST_CASE(a_message_that_went_directly_cannot_be_cancelled, Pair) {
  connect(alice, bob);
  run(2s);
  friend_filter = [&](FriendPacket& packet) { return packet.from == &bob; };
  const auto id = alice.send(bob, "gone");
  run(2s);
  BOOST_TEST((alice.manager->cancel(id).error() == manager::CancelError::too_late));
}

BOOST_FIXTURE_TEST_CASE(a_message_has_its_own_time_to_live, Pair) {
  bob.crash();
  const auto brief = alice.manager->send(bob.key, crypto::MessageKind::normal, as_bytes("a day"), days(1));
  const auto lasting =
      alice.manager->send(bob.key, crypto::MessageKind::normal, as_bytes("two weeks"), days(14));
  BOOST_TEST(
      (alice.manager->send(bob.key, crypto::MessageKind::normal, as_bytes("x"), days(1) + 1s).error() ==
       manager::SendError::time_to_live));
  run(25h);
  BOOST_TEST(alice.told(*brief).ends_with("expired"));
  BOOST_TEST(alice.told(*lasting).ends_with("stored:3/3"));
  BOOST_TEST(alice.manager->status(*lasting)->stored == 3);
  BOOST_TEST(alice.manager->outgoing().size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_lost_what_it_confirmed_is_given_it_again, Pair) {
  bob.crash();
  const auto id = alice.send(bob, "kept");
  BOOST_TEST(run(10s, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  nodes[1]->lose_disk();
  BOOST_TEST(nodes[1]->store.stats().messages == 0);
  BOOST_TEST(run(4h, [&] { return alice[Counter::messages_lost_by_node] == 1; }));
  BOOST_TEST(nodes[1]->store.stats().messages == 1);
  run(6h);
  BOOST_TEST(alice[Counter::messages_lost_by_node] == 1);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
}

BOOST_FIXTURE_TEST_CASE(a_bundle_comes_by_mail_when_the_keys_run_low, Pair) {
  const auto accepted = alice[Counter::bundles_accepted];
  for (int round = 0; round < 4; ++round) {  // they never meet again, and 100 keys would not last
    bob.crash();
    for (int i = 0; i < 40; ++i) {
      alice.send(bob, "many");
    }
    run(2min);
    bob.start();
    run(3h);
  }
  BOOST_TEST(bob.shown.size() == 160);
  BOOST_TEST(bob[Counter::bundles_mailed] >= 1);
  BOOST_TEST(alice[Counter::bundles_accepted] > accepted);
  BOOST_TEST(bob.rows('K') > 0);
  BOOST_TEST(emptied());
}

BOOST_FIXTURE_TEST_CASE(changed_home_nodes_are_sent_by_mail, Pair) {
  StorageNode& fourth = add_node();
  disconnect(alice, bob);
  (void)bob.manager->add_home_node(fourth.known());
  (void)bob.manager->remove_home_node(nodes[0]->keys.id());
  BOOST_TEST(run(2h, [&] { return alice[Counter::bundles_accepted] >= 3; }));
  bob.crash();
  const auto id = alice.send(bob, "to the new ones");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  BOOST_TEST(fourth.store.stats().messages == 1);
}

BOOST_FIXTURE_TEST_CASE(mail_to_a_root_that_was_replaced_still_comes, Pair) {
  for (User* const user : {&alice, &bob}) {
    user->crash();
    user->config.poll_interval = 1h;
    user->start();
  }
  const auto before = bob.rows('R');
  run(days(29));
  alice.crash();  // does not hear of the new root
  run(days(2));
  BOOST_TEST(bob.rows('R') == before + 1);
  alice.start();
  for (const auto& node : nodes) {
    node->switch_off();  // nor now
  }
  const auto id = alice.send(bob, "to the old root");
  run(1s);
  bob.crash();
  for (const auto& node : nodes) {
    node->switch_on();
  }
  BOOST_TEST(run(1h, [&] { return alice.told(id).find("stored:3/3") != std::string::npos; }));
  bob.start();
  BOOST_TEST(run(6h, [&] { return bob.shown.size() == 1; }));
  run(12h);
  BOOST_TEST(alice.told(id).ends_with("delivered"));
}

BOOST_FIXTURE_TEST_CASE(a_removed_friend_can_neither_find_nor_fill_new_mailboxes, Pair) {
  HandFriend eve(*this, bob);
  eve.take_bundle();
  eve.go();
  run(1h);  // her box is among those that are listed
  const auto known = eve.bundle.root;
  bob.friends.erase(eve.key());
  bob.manager->on_friend_removed(eve.key());
  run(2h);
  eve.take_what_came();
  BOOST_TEST((eve.bundle.root.m == known.m));  // she knows no other root
  const auto roots = roots_of(bob);
  BOOST_TEST_REQUIRE(roots.size() == 2U);
  const auto fill = [&](const crypto::MailboxAddress& box) {  // on every node, to its quota
    const auto now = clock.unix_time();
    for (const auto& node : nodes) {
      for (std::uint32_t i = 0; i < 1100; ++i) {
        Bytes junk(limits::large_envelope, 1);
        store_le(i, junk.data() + 100);
        node->put(box, junk, now + 24h, now);
      }
    }
  };
  // She writes wherever she can: where her box was, and beside it in the new mailbox, of which a node told
  // her.
  std::set<crypto::Point> new_mailboxes;
  const auto present = now_epoch(*this);
  for (auto e = present - 1; e <= present + 1; ++e) {
    const auto old_box = crypto::friends_mailbox(known, e).value().address;
    for (const auto& root : roots) {
      if (const auto p = address(root.real, e); p != old_box.p) {
        new_mailboxes.insert(p);
        fill({p, old_box.w});
      }
    }
    fill(old_box);
  }
  BOOST_TEST(new_mailboxes.size() == 3U);  // one for each epoch that she cannot compute
  for (const auto& node : nodes) {
    eve.store(*node, eve.seal({.text = "from Eve"}));
  }
  eve.send({.text = "from Eve", .sequence = 2});
  const auto records = live_records();
  run(2h);
  BOOST_TEST(live_records() == records);  // none was fetched
  BOOST_TEST(bob.shown.empty());
  // The remaining friend was told of the new root by mail, and uses it.
  bob.crash();
  const auto id = alice.send(bob, "not for eve");
  BOOST_TEST(run(1min, [&] { return alice.told(id).ends_with("stored:3/3"); }));
  BOOST_TEST(live_records() == records + 3);
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
