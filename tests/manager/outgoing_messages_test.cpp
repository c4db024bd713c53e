// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_messages.hpp"

#include <boost/test/unit_test.hpp>

#include "manager/outbox/outgoing_rows.hpp"
#include "tests/support/quiet_log.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::manager {
namespace {

using Target = OutgoingMessage::Target;

struct Table {
  static OutgoingMessage make(std::uint8_t id, std::uint8_t to, std::uint64_t sequence) {
    OutgoingMessage message;
    message.id = test::counting<crypto::MessageId>(id);
    message.to = test::counting<FriendKey>(to);
    message.kind = sequence == 0 ? crypto::MessageKind::receipt : crypto::MessageKind::normal;
    message.text = {'t', 'e', 'x', 't'};
    message.sequence = sequence;
    message.ttl = limits::default_time_to_live;
    return message;
  }
  static crypto::FriendsRoot some_root(std::uint8_t first) {
    return {test::counting<crypto::Point>(first), crypto::Wiped<32>(test::counting<32>(first))};
  }
  static Target target(std::uint64_t instance) {
    Target target;
    target.instance = crypto::Instance{instance};
    target.root = some_root(9);
    target.epoch = 77;
    target.nacks = 2;
    target.may_go_directly = true;
    target.envelopes.push_back({test::counting_bytes(limits::small_envelope)});
    target.sent_to.push_back({test::counting<protocol::NodeId>(3), false});
    target.key_refused = true;
    target.copies.emplace_back(test::counting<protocol::NodeId>(1)).complete = true;
    target.copies.back().epoch = 77;
    target.copies.back().renew_at = UnixTime{1'750'000'000s};
    target.copies.emplace_back(test::counting<protocol::NodeId>(2));
    return target;
  }
  static store::StateEntry entry(store::StateWrite write) {
    return {std::move(write.key), std::move(*write.value)};
  }
  /// The instances whose rows are erased.
  std::size_t join() {
    store::StateBatch orphans;
    messages.join_loaded(orphans);
    return orphans.size() / 2;
  }

  test::QuietLog log;
  Metrics metrics;
  OutgoingMessages messages{Telemetry(metrics, log)};
};

BOOST_FIXTURE_TEST_SUITE(outgoing_messages, Table)

BOOST_AUTO_TEST_CASE(messages_stand_in_the_order_of_sending_to_each_friend) {
  messages.insert(make(1, 40, 2));
  messages.insert(make(2, 30, 1));
  messages.insert(make(3, 40, 1));
  const auto id = [](std::uint8_t first) { return test::counting<crypto::MessageId>(first); };
  BOOST_TEST((messages.ids_to(test::counting<FriendKey>(40)) == std::vector{id(3), id(1)}));
  BOOST_TEST((messages.ids_by_friend() == std::vector{id(2), id(3), id(1)}));
  BOOST_TEST((messages.ids() == std::vector{id(1), id(2), id(3)}));

  messages.erase(*messages.find(id(3)));
  BOOST_TEST(messages.find(id(3)) == nullptr);
  BOOST_TEST((messages.ids_to(test::counting<FriendKey>(40)) == std::vector{id(1)}));
}

BOOST_AUTO_TEST_CASE(service_messages_are_counted_apart) {
  messages.insert(make(1, 40, 1));
  auto& receipt = messages.insert(make(2, 40, 0));
  BOOST_TEST(messages.texts() == 1U);
  BOOST_TEST(messages.services() == 1U);
  messages.erase(receipt);
  BOOST_TEST(messages.texts() == 1U);
  BOOST_TEST(messages.services() == 0U);
}

BOOST_AUTO_TEST_CASE(the_floor_is_the_lowest_text_not_confirmed_there) {
  auto& first = messages.insert(make(1, 40, 5));
  auto& second = messages.insert(make(2, 40, 6));
  first.targets = {target(1), target(2)};
  messages.set_unconfirmed(first, crypto::Instance{1}, true);
  messages.set_unconfirmed(first, crypto::Instance{2}, true);
  messages.set_unconfirmed(second, crypto::Instance{1}, true);
  BOOST_TEST(messages.floor_for(second, crypto::Instance{1}) == 5U);

  messages.confirm(first, first.targets[0]);
  BOOST_TEST(messages.floor_for(second, crypto::Instance{1}) == 6U);
  BOOST_TEST(messages.floor_for(second, crypto::Instance{2}) == 5U);
  BOOST_TEST(first.targets[0].confirmed);
  BOOST_TEST(first.targets[0].envelopes.empty());
  BOOST_TEST(first.targets[0].copies.empty());
  BOOST_TEST(messages.floor_for(messages.insert(make(3, 40, 0)), crypto::Instance{2}) == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_is_never_below_its_own_place) {
  auto& late = messages.insert(make(1, 40, 9));
  auto& early = messages.insert(make(2, 40, 3));
  messages.set_unconfirmed(late, crypto::Instance{1}, true);
  BOOST_TEST(messages.floor_for(early, crypto::Instance{1}) == 3U);
  BOOST_TEST(messages.floor_for(early, crypto::Instance{7}) == 3U);  // nothing was sent to it
}

BOOST_AUTO_TEST_CASE(rows_come_back_in_any_order) {
  auto made = make(1, 40, 5);
  made.stage = OutgoingMessage::Stage::too_late;
  made.delivered = true;
  made.beyond_recall = true;
  made.past.push_back(
      {some_root(5), 76, {test::counting<crypto::EnvelopeId>(6)}, {{test::counting<protocol::NodeId>(7)}}});
  const Target sent = target(3);
  std::vector rows{entry(put_message(made)), entry(put_target(made, sent)), entry(put_progress(made, sent)),
                   entry(put_past(made))};
  for (int turn = 0; turn < 4; ++turn) {
    std::ranges::rotate(rows, rows.begin() + 1);
    OutgoingMessages loaded{Telemetry(metrics, log)};
    for (const auto& row : rows) {
      BOOST_TEST(loaded.load(row));
    }
    store::StateBatch orphans;
    loaded.join_loaded(orphans);
    BOOST_TEST(orphans.empty());
    const OutgoingMessage* const back = loaded.find(made.id);
    BOOST_REQUIRE(back != nullptr);
    BOOST_TEST((back->to == made.to && back->text == made.text && back->sequence == 5U));
    BOOST_TEST((back->stage == made.stage && back->delivered && back->reported && back->beyond_recall));
    BOOST_REQUIRE((back->past.size() == 1U && back->past[0].sent_to.size() == 1U));
    BOOST_TEST((back->past[0].ids == made.past[0].ids && back->past[0].sent_to[0].sent));
    BOOST_REQUIRE(back->targets.size() == 1U);
    const Target& target = back->targets[0];
    BOOST_TEST((target.instance == crypto::Instance{3} && target.epoch == 77U && target.nacks == 2));
    BOOST_TEST((target.may_go_directly && !target.confirmed));
    BOOST_TEST((target.envelopes.size() == 1U && target.envelopes[0].bytes == sent.envelopes[0].bytes));
    BOOST_TEST((target.sent_to.size() == 1U && target.sent_to[0].sent && target.key_refused));
    BOOST_REQUIRE(target.copies.size() == 1U);  // those that nodes have confirmed
    BOOST_TEST((target.copies[0].node == sent.copies[0].node && target.copies[0].complete));
    BOOST_TEST((target.copies[0].epoch == 77U && target.copies[0].renew_at == UnixTime{1'750'000'000s}));
    BOOST_TEST(loaded.floor_for(make(2, 40, 8), crypto::Instance{3}) == 5U);  // it is unconfirmed again
  }
}

BOOST_AUTO_TEST_CASE(rows_that_belong_to_no_message_are_erased) {
  const auto gone = make(1, 40, 5);
  messages.load(entry(put_target(gone, target(3))));
  BOOST_TEST(join() == 1U);

  messages.load(entry(put_message(gone)));
  messages.load(entry(put_progress(gone, target(4))));  // its target's row is missing
  BOOST_TEST(join() == 1U);
  BOOST_TEST(messages.find(gone.id)->targets.empty());
}

BOOST_AUTO_TEST_CASE(damaged_rows_are_counted_and_left_out) {
  const auto made = make(1, 40, 5);
  for (auto write : {put_message(made), put_target(made, target(1)), put_progress(made, target(1))}) {
    write.value->pop_back();
    BOOST_TEST(messages.load(entry(std::move(write))));
  }
  BOOST_TEST(metrics.value(Counter::state_record_damaged) == 3U);
  BOOST_TEST(join() == 0U);
  BOOST_TEST(messages.texts() == 0U);
}

BOOST_AUTO_TEST_CASE(rows_of_other_tables_are_not_taken) {
  auto row = entry(put_message(make(1, 40, 5)));
  row.key[0] = 'I';
  BOOST_TEST(!messages.load(row));
  auto target_row = entry(put_target(make(1, 40, 5), target(1)));
  target_row.key.pop_back();
  BOOST_TEST(!messages.load(target_row));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
