// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outbox.hpp"

#include <boost/test/unit_test.hpp>

#include "outbox_parts.hpp"

namespace toxasync::test {
namespace {

using crypto::MessageKind;
using manager::FailReason;
using manager::MessageSealer;
using manager::MessageState;
using manager::Outbox;

/// The life of messages; delivery as a whole is tested with nodes and networks in the other tests here.
struct Lives : OutboxParts, manager::OutboxListener {
  Lives() {
    add_device(1);
    outbox.resume(clock.now());
  }
  void on_bundle_confirmed(const manager::FriendKey&, std::uint64_t version,
                           crypto::Instance instance) override {
    confirmed.emplace_back(version, instance);
  }
  void on_message_lost(const protocol::NodeId&) override {}

  // NOLINTNEXTLINE(clang-diagnostic-overloaded-virtual): the channel's send() is not called here
  crypto::MessageId send(std::string_view text = "hello") {
    const auto id = outbox.send(bob_keys.friend_key(), MessageKind::normal, as_bytes(text), 0s, clock.now());
    BOOST_REQUIRE(id.has_value());
    return *id;
  }
  /// The one service message that is under way.
  crypto::MessageId send_service(MessageKind kind, std::uint64_t bundle_version = 0) {
    BOOST_TEST(outbox.send_service(bob_keys.friend_key(), kind, Bytes(limits::id), crypto::Instance{1},
                                   bundle_version, {}, clock.now()));
    settle();
    for (const auto& entry : disk.load()) {
      if (entry.key[0] == 'O') {
        return id_from<crypto::MessageId>(ByteView(entry.key).subspan(1));
      }
    }
    return {};
  }
  /// Everything comes to the disk, and what is due is done.
  void settle() {
    for (int turn = 0; turn < 4; ++turn) {
      state.tick(clock.now());
      outbox.tick(clock.now());
    }
  }
  void receipt(const crypto::MessageId& id, std::uint64_t instance = 1,
               MessageKind kind = MessageKind::receipt) {
    take({bob_keys.friend_key(), crypto::Instance{instance}, id, kind});
  }
  void take(const manager::ReceiptFrom& receipt) {
    store::StateBatch batch;
    outbox.prepare(receipt, batch);
    state.keep(std::move(batch), [this, receipt] { outbox.settle(receipt, true); });
    settle();
  }
  /// States reported so far.
  std::vector<MessageState> reported() {
    events.deliver();
    std::vector<MessageState> all;
    for (const auto& status : states) {
      all.push_back(status.state);
    }
    return all;
  }
  [[nodiscard]] bool nothing_left() { return rows('O') + rows('V') + rows('C') + rows('X') == 0; }

  Outbox outbox{services, friends, *this};
  std::vector<std::pair<std::uint64_t, crypto::Instance>> confirmed;
};

BOOST_FIXTURE_TEST_SUITE(outbox, Lives)

BOOST_AUTO_TEST_CASE(nothing_is_sent_before_it_is_on_disk) {
  disk.hold_commits(true);
  send();
  settle();
  BOOST_TEST(client.operations() == 0U);
  BOOST_TEST(reported().empty());
  disk.hold_commits(false);
  settle();
  BOOST_TEST(client.operations() == 3U);
  BOOST_TEST((reported() == std::vector{MessageState::queued}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_was_never_accepted) {
  disk.fail_next(1);
  const auto id = send();
  settle();
  BOOST_TEST((reported() == std::vector{MessageState::failed}));
  BOOST_TEST((states[0].reason == FailReason::disk));
  BOOST_TEST(!outbox.status(id).has_value());
  BOOST_TEST(outbox.size() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_not_sealed_in_one_tick_is_sealed_in_the_next) {
  for (std::size_t i = 0; i <= MessageSealer::seals_per_tick; ++i) {
    send();
    settle();
  }
  while (client.operations() > 0) {
    client.tick(clock.now());  // the nodes are unknown to it: all stores end
  }
  clock.advance(2 * limits::epoch_length);
  outbox.tick(clock.now());
  BOOST_TEST(outbox.next_deadline() <= clock.steady() + 1ms);
}

BOOST_AUTO_TEST_CASE(a_receipt_ends_a_message) {
  const auto id = send();
  settle();
  receipt(id);
  BOOST_TEST((reported() == std::vector{MessageState::queued, MessageState::delivered}));
  BOOST_TEST(nothing_left());
  BOOST_TEST(client.operations() == 0U);
  receipt(id);
  BOOST_TEST(reported().size() == 2U);
}

BOOST_AUTO_TEST_CASE(receipts_that_come_together_leave_no_row) {
  add_device(2);
  const auto id = send();
  settle();
  receipt(id, 1);
  disk.hold_commits(true);
  for (const std::uint64_t instance : {2U, 1U}) {  // the last is another copy's
    const manager::ReceiptFrom receipt{bob_keys.friend_key(), crypto::Instance{instance}, id,
                                       MessageKind::receipt};
    store::StateBatch batch;
    outbox.prepare(receipt, batch);
    state.keep(std::move(batch), [this, receipt] { outbox.settle(receipt, true); });
  }
  disk.hold_commits(false);
  settle();
  BOOST_TEST(nothing_left());
}

BOOST_AUTO_TEST_CASE(a_nack_that_comes_with_anothers_receipt_counts) {
  for (const bool nack_first : {true, false}) {
    add_device(nack_first ? 2 : 3);
    const auto id = send();
    settle();
    const std::uint64_t other = nack_first ? 2 : 3;
    disk.hold_commits(true);
    std::vector<manager::ReceiptFrom> both{
        {bob_keys.friend_key(), crypto::Instance{other}, id, MessageKind::nack},
        {bob_keys.friend_key(), crypto::Instance{1}, id, MessageKind::receipt}};
    if (!nack_first) {
      std::swap(both[0], both[1]);
    }
    const auto before = metrics.value(Counter::nacks_received);
    store::StateBatch batch;
    for (const auto& one : both) {
      outbox.prepare(one, batch);
    }
    state.keep(std::move(batch), [this, both] {
      for (const auto& one : both) {
        outbox.settle(one, true);
      }
    });
    disk.hold_commits(false);
    settle();
    BOOST_TEST(metrics.value(Counter::nacks_received) == before + 1);
  }
}

BOOST_AUTO_TEST_CASE(other_installations_still_get_what_one_has) {
  add_device(2);
  const auto id = send();
  settle();
  receipt(id);
  BOOST_TEST((reported() == std::vector{MessageState::queued, MessageState::delivered}));
  BOOST_TEST(rows('O') == 1U);
  receipt(id, 2);
  BOOST_TEST(nothing_left());
  BOOST_TEST(reported().size() == 2U);
}

BOOST_AUTO_TEST_CASE(receipts_of_other_friends_do_not_count) {
  const auto id = send();
  settle();
  take({self.friend_key(), crypto::Instance{1}, id});
  BOOST_TEST(outbox.status(id).has_value());
}

BOOST_AUTO_TEST_CASE(a_confirmed_bundle_is_passed_on) {
  receipt(send_service(MessageKind::bundle, 7));
  BOOST_TEST((confirmed == std::vector{std::pair<std::uint64_t, crypto::Instance>{7, crypto::Instance{1}}}));
  BOOST_TEST(nothing_left());
}

BOOST_AUTO_TEST_CASE(a_receipt_of_a_receipt_is_not_reported) {
  receipt(send_service(MessageKind::receipt));
  BOOST_TEST(reported().empty());
  BOOST_TEST(rows('E') == 0U);  // it would be reported by the next run
}

BOOST_AUTO_TEST_CASE(nacks_are_answered_so_often_and_no_more) {
  const auto id = send();
  settle();
  for (int i = 0; i < Outbox::nacks_answered + 2; ++i) {
    receipt(id, 1, MessageKind::nack);
  }
  BOOST_TEST((*this)[Counter::nacks_received] == Outbox::nacks_answered);
}

BOOST_AUTO_TEST_CASE(what_was_never_sent_is_cancelled) {
  const auto id = send();
  device(0).home_nodes.clear();  // so that it goes nowhere
  settle();
  BOOST_TEST(outbox.cancel(id, clock.now()).has_value());
  settle();
  BOOST_TEST((reported() == std::vector{MessageState::queued, MessageState::cancelled}));
  BOOST_TEST(nothing_left());
}

BOOST_AUTO_TEST_CASE(what_may_have_gone_directly_cannot_be_cancelled) {
  bob().online = true;
  const auto id = send();
  settle();
  BOOST_TEST((outbox.cancel(id, clock.now()).error() == manager::CancelError::too_late));
}

BOOST_AUTO_TEST_CASE(a_message_expires) {
  const auto id = send();
  settle();
  clock.advance(limits::default_time_to_live);
  settle();
  BOOST_TEST(reported().size() == 1U);  // others' clocks may be slower
  clock.advance(limits::clocks_apart);
  settle();
  BOOST_TEST((reported() == std::vector{MessageState::queued, MessageState::expired}));
  BOOST_TEST(!outbox.status(id).has_value());
  BOOST_TEST(nothing_left());
}

BOOST_AUTO_TEST_CASE(messages_to_a_removed_friend_fail) {
  send();
  send();
  settle();
  (void)reported();
  store::StateBatch batch;
  outbox.on_removed(bob_keys.friend_key(), batch);
  state.keep(std::move(batch));
  BOOST_TEST((reported() == std::vector{MessageState::queued, MessageState::queued, MessageState::failed,
                                        MessageState::failed}));
  BOOST_TEST((states.back().reason == FailReason::friend_removed));
  BOOST_TEST(nothing_left());
  BOOST_TEST(client.operations() == 0U);
}

BOOST_AUTO_TEST_CASE(bundles_that_are_not_needed_are_dropped) {
  (void)send_service(MessageKind::bundle, 7);
  outbox.drop_bundles(bob_keys.friend_key(), crypto::Instance{2});  // another installation's
  BOOST_TEST(rows('O') == 1U);
  outbox.drop_bundles(bob_keys.friend_key(), crypto::Instance{1});
  BOOST_TEST(nothing_left());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
