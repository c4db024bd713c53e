// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/delivery_order.hpp"

#include <boost/test/unit_test.hpp>

#include "manager_parts.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::test {
namespace {

using manager::DeliveryOrder;
using manager::InboxMessage;

struct Delivering : ManagerParts, manager::MailSource, manager::DeliveryListener {
  void poll_soon() override { ++polls; }
  [[nodiscard]] bool swept_since(SteadyTime) const override { return swept; }
  bool on_expired(const InboxMessage&, store::StateBatch&) override { return !confirmed; }
  void on_shown(const manager::FriendKey&, const crypto::MessageId&) override { ++ended; }

  [[nodiscard]] InboxMessage message(std::uint64_t sequence, std::uint64_t floor = 0,
                                     std::uint64_t instance = 1, std::size_t size = 1) const {
    InboxMessage message;
    message.id = counting<crypto::MessageId>(static_cast<std::uint8_t>(100 * instance + sequence));
    message.from = bob_keys.friend_key();
    message.instance = crypto::Instance{instance};
    message.sequence = sequence;
    message.floor = floor;
    message.sent_at = clock.now().wall;
    message.show_until = message.sent_at + 24h;
    message.text = Bytes(size, static_cast<std::uint8_t>('0' + sequence));
    return message;
  }
  /// A message comes to our disk.
  void add(const InboxMessage& message) {
    state.keep({put_inbox_message(message)});
    order.reserve(message);
    order.add({message});
  }
  /// Lets the application have all that is ready; the first letters of what was shown so far.
  std::string deliver() {
    for (std::size_t before = SIZE_MAX; before != shown.size();) {
      before = shown.size();
      order.deliver_next();
      state.tick(clock.now());
    }
    std::string all;
    for (const auto& one : shown) {
      all += static_cast<char>(one.text.at(0));
    }
    return all;
  }
  void pass(milliseconds time) {
    clock.advance(time);
    order.tick(clock.now());
  }

  DeliveryOrder::Context context{
      .application = *this, .state = state, .clock = trusted, .telemetry = telemetry, .friends = friends};
  DeliveryOrder order{context, *this, *this};
  bool confirmed = false;
  int ended = 0;
  bool swept = false;
  int polls = 0;
};

BOOST_FIXTURE_TEST_SUITE(delivery_order, Delivering)

BOOST_AUTO_TEST_CASE(messages_are_shown_in_the_order_of_their_sender) {
  add(message(2));
  BOOST_TEST(deliver() == "");
  BOOST_TEST(polls == 1);  // the gap may be filled from a node
  add(message(1));
  add(message(3));
  BOOST_TEST(deliver() == "123");
  BOOST_TEST(polls == 1);
  BOOST_TEST((*this)[Counter::messages_delivered] == 3U);
  BOOST_TEST(rows('I') == 0U);
  BOOST_TEST(rows('Q') == 1U);
}

BOOST_AUTO_TEST_CASE(installations_of_a_friend_do_not_wait_for_each_other) {
  add(message(2, 0, 1));
  add(message(1, 0, 2));
  BOOST_TEST(deliver() == "1");
}

BOOST_AUTO_TEST_CASE(a_floor_says_that_nothing_below_it_comes) {
  add(message(5, 5));
  BOOST_TEST(deliver() == "5");
}

BOOST_AUTO_TEST_CASE(a_gap_ends_when_all_home_nodes_were_asked) {
  add(message(2));
  pass(DeliveryOrder::gap_check_every);
  BOOST_TEST(deliver() == "");
  swept = true;
  pass(DeliveryOrder::gap_check_every);
  BOOST_TEST(deliver() == "2");
}

BOOST_AUTO_TEST_CASE(a_gap_ends_after_the_longest_time) {
  add(message(2));
  add(message(4));
  pass(DeliveryOrder::longest_gap - 1ms);
  BOOST_TEST(deliver() == "");
  pass(DeliveryOrder::gap_check_every);
  BOOST_TEST(deliver() == "2");  // the next gap is waited for in its turn
  pass(DeliveryOrder::longest_gap);
  BOOST_TEST(deliver() == "24");
}

BOOST_AUTO_TEST_CASE(what_comes_after_later_ones_is_shown_as_late) {
  add(message(2, 2));
  BOOST_TEST(deliver() == "2");
  add(message(1));
  BOOST_TEST(deliver() == "21");
  BOOST_TEST(!shown[0].late);
  BOOST_TEST(shown[1].late);
  BOOST_TEST((*this)[Counter::messages_late] == 1U);
}

BOOST_AUTO_TEST_CASE(messages_held_behind_gaps_are_limited) {
  constexpr std::size_t half = DeliveryOrder::bytes_held / 2;
  add(message(2, 0, 1, half));
  add(message(2, 0, 2, half));
  BOOST_TEST(deliver() == "");
  add(message(4, 0, 1, 1));
  BOOST_TEST(deliver() == "2");
}

// A friend can name ever new installations, and leave a gap before what each of them sent.
BOOST_AUTO_TEST_CASE(orders_of_a_friend_are_limited_whatever_waits_in_them) {
  for (std::uint64_t instance = 1; instance <= DeliveryOrder::orders_per_friend + 1; ++instance) {
    auto waiting = message(2, 0, instance);
    waiting.id = counting<crypto::MessageId>(static_cast<std::uint8_t>(2 * instance));
    add(waiting);
  }
  BOOST_TEST(deliver().size() == 1U);  // the gap that is the oldest is not waited for
  pass(DeliveryOrder::longest_gap);
  BOOST_TEST(deliver().size() == DeliveryOrder::orders_per_friend + 1);
  BOOST_TEST(rows('Q') == DeliveryOrder::orders_per_friend);
}

BOOST_AUTO_TEST_CASE(the_next_is_shown_when_the_last_is_on_disk_as_shown) {
  add(message(1));
  add(message(2));
  (void)rows('I');
  disk.hold_commits(true);
  BOOST_TEST(deliver() == "1");
  disk.hold_commits(false);
  BOOST_TEST(deliver() == "1");
  BOOST_TEST(deliver() == "12");
}

BOOST_AUTO_TEST_CASE(what_the_application_refuses_is_offered_again) {
  takes_messages = false;
  add(message(1));
  order.deliver_next();
  BOOST_TEST(rows('I') == 1U);
  BOOST_TEST(order.next_deadline() == clock.steady() + DeliveryOrder::offer_again);
  takes_messages = true;
  BOOST_TEST(deliver() == "");  // not yet
  clock.advance(DeliveryOrder::offer_again);
  BOOST_TEST(deliver() == "1");
  BOOST_TEST(rows('I') == 0U);
}

BOOST_AUTO_TEST_CASE(what_comes_to_its_end_before_it_was_shown_is_dropped) {
  takes_messages = false;
  add(message(1));
  add(message(2));
  BOOST_TEST(deliver().empty());
  takes_messages = true;
  clock.advance(24h);
  BOOST_TEST(deliver().empty());
  BOOST_TEST(deliver().empty());
  BOOST_TEST(rows('I') == 0U);
  BOOST_TEST((*this)[Counter::refused_lifetime] == 2U);
  add(message(3));
  BOOST_TEST(deliver() == "3");
}

BOOST_AUTO_TEST_CASE(what_its_sender_knows_to_have_arrived_is_shown_however_late) {
  confirmed = true;
  add(message(1));
  clock.advance(48h);
  BOOST_TEST(deliver() == "1");
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_where_the_last_run_ended) {
  add(message(1));
  BOOST_TEST(deliver() == "1");
  add(message(2));
  add(message(4));
  (void)rows('I');
  DeliveryOrder restarted{context, *this, *this};
  for (const auto& entry : disk.load()) {
    BOOST_TEST(restarted.load(entry));
  }
  restarted.deliver_next();
  BOOST_TEST(shown.size() == 1U);  // the host has not named its friends yet
  restarted.resume();
  restarted.deliver_next();
  BOOST_REQUIRE(shown.size() == 2U);
  BOOST_TEST((shown[1].id == message(2).id));
}

BOOST_AUTO_TEST_CASE(messages_of_a_friend_named_later_wait_for_them) {
  const auto carol = counting<manager::FriendKey>(7);
  auto hers = message(1);
  hers.from = carol;
  add(hers);
  BOOST_TEST(deliver() == "");
  friends.add(carol);
  order.on_added(carol);
  BOOST_TEST(deliver() == "1");
}

BOOST_AUTO_TEST_CASE(what_may_be_over_holds_up_nobody_else) {
  const auto carol = counting<manager::FriendKey>(7);
  friends.add(carol);
  auto hers = message(1);
  hers.from = carol;
  hers.show_until = clock.now().wall + 24h;
  auto his = message(1);
  his.show_until = clock.now().wall + 1s;
  auto his_next = message(2);
  his_next.show_until = clock.now().wall + 24h;
  add(his);
  add(his_next);
  add(hers);
  trusted.tick(clock.now());
  clock.set_unix(clock.unix_time() + 1h);  // nobody has confirmed it
  trusted.tick(clock.now());
  BOOST_TEST(!trusted.checked());
  BOOST_TEST(deliver() == "1");
  BOOST_TEST((shown.at(0).from == carol));
}

BOOST_AUTO_TEST_CASE(what_a_removed_friend_sent_is_dropped) {
  add(message(1));
  add(message(3));
  store::StateBatch batch;
  BOOST_TEST(order.on_removed(bob_keys.friend_key(), batch).size() == 2U);
  friends.remove(bob_keys.friend_key(), batch);
  state.keep(std::move(batch));
  BOOST_TEST(deliver() == "");
  BOOST_TEST(rows('I') == 0U);
  BOOST_TEST((*this)[Counter::messages_dropped] == 2U);
}

BOOST_AUTO_TEST_CASE(a_damaged_row_is_counted_and_left_out) {
  auto write = put_inbox_message(message(1));
  write.value->pop_back();
  BOOST_TEST(order.load({write.key, *write.value}));
  BOOST_TEST((*this)[Counter::state_record_damaged] == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
