// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/message_sealer.hpp"

#include <boost/test/unit_test.hpp>

#include "outbox_parts.hpp"

namespace toxasync::test {
namespace {

using manager::MessageSealer;
using Sync = MessageSealer::Sync;

struct Sealing : OutboxParts {
  Sync sync(Message& message) {
    batch.clear();
    return sealer.sync(message, bob(), clock.now(), batch);
  }
  /// A new text, sealed for all devices.
  Message& sealed(std::string_view text = "hello") {
    Message& message = add_message(text);
    BOOST_TEST((sync(message) == Sync::changed));
    return message;
  }
  [[nodiscard]] bool opens(const Target& target, const Device& device, const crypto::KeyPair& pre_key) const {
    return !target.envelopes.empty() && open(target, device, pre_key).size() == target.envelopes.size();
  }

  MessageSealer sealer{self, friends, messages, mailboxes, random, telemetry};
  store::StateBatch batch;
};

BOOST_FIXTURE_TEST_SUITE(message_sealer, Sealing)

BOOST_AUTO_TEST_CASE(each_installation_gets_a_target_with_a_key_of_its_own) {
  add_device(1);
  add_device(2);
  Message& message = sealed();
  BOOST_REQUIRE(message.targets.size() == 2U);
  BOOST_TEST(opens(message.targets[0], devices[0], devices[0].one_time[0]));
  BOOST_TEST(opens(message.targets[1], devices[1], devices[1].one_time[0]));
  BOOST_TEST(!opens(message.targets[0], devices[0], devices[0].one_time[1]));
  BOOST_TEST(batch.size() == 4U);  // for each the target, and which keys are used
  BOOST_TEST((sync(message) == Sync::current));
  BOOST_TEST(batch.empty());
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_text_make_it_whole) {
  add_device(1);
  const std::string text(2 * limits::large_text + 20, 'x');
  const Message& message = sealed(text);
  std::string back;
  std::uint8_t part = 0;
  for (const auto& [header, body] : open(message.targets[0], devices[0], devices[0].one_time[0])) {
    BOOST_TEST((header.sender == self.friend_key() && header.instance == bob().instance));
    BOOST_TEST((header.message_id == message.id && body.sequence == message.sequence));
    BOOST_TEST((body.part == part++ && body.parts == 3));
    BOOST_TEST(seconds(body.lifetime_s) == message.ttl);
    back.append(body.text.begin(), body.text.end());
  }
  BOOST_TEST(back == text);
}

BOOST_AUTO_TEST_CASE(a_text_says_which_is_the_first_not_confirmed) {
  add_device(1, 3, 4);
  Message& first = sealed();
  const Message& second = sealed();
  messages.confirm(first, first.targets[0]);
  const Message& third = sealed();
  BOOST_TEST(open(second.targets[0], devices[0], devices[0].one_time[1]).at(0).body.floor == first.sequence);
  BOOST_TEST(open(third.targets[0], devices[0], devices[0].one_time[2]).at(0).body.floor == second.sequence);
}

BOOST_AUTO_TEST_CASE(when_one_time_keys_are_used_up_the_last_resort_key_serves) {
  add_device(1, 3, 1);
  BOOST_TEST(opens(sealed().targets[0], devices[0], devices[0].one_time[0]));
  BOOST_TEST(opens(sealed().targets[0], devices[0], devices[0].last_resort));
}

BOOST_AUTO_TEST_CASE(service_messages_use_no_one_time_keys) {
  add_device(1);
  Message& receipt = add_message(std::string_view("0123456789abcdef"), crypto::MessageKind::receipt);
  BOOST_TEST((sync(receipt) == Sync::changed));
  BOOST_TEST(opens(receipt.targets[0], devices[0], devices[0].last_resort));
  BOOST_TEST(device(0).used == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_for_one_installation_goes_to_no_other) {
  add_device(1);
  add_device(2);
  Message& bundle = add_message("bundle", crypto::MessageKind::bundle);
  bundle.only = crypto::Instance{2};
  BOOST_TEST((sync(bundle) == Sync::changed));
  BOOST_REQUIRE(bundle.targets.size() == 1U);
  BOOST_TEST((bundle.targets[0].instance == crypto::Instance{2}));
}

BOOST_AUTO_TEST_CASE(what_was_delivered_is_not_sealed_for_new_installations) {
  add_device(1);
  Message& message = sealed();
  message.delivered = true;
  add_device(2);
  BOOST_TEST((sync(message) == Sync::current));
  BOOST_TEST(message.targets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_installation_that_is_gone_loses_its_target) {
  add_device(1);
  add_device(2);
  Message& message = sealed();
  bob().theirs.erase(bob().theirs.begin());
  BOOST_TEST((sync(message) == Sync::changed));
  BOOST_REQUIRE(message.targets.size() == 1U);
  BOOST_TEST((message.targets[0].instance == crypto::Instance{2}));
  BOOST_TEST(batch.size() == 2U);  // both rows of the target are erased
  BOOST_TEST(std::ranges::none_of(batch, [](const auto& write) { return write.value.has_value(); }));
}

BOOST_AUTO_TEST_CASE(keys_that_no_honest_client_gives_are_refused) {
  add_device(1).root = {};
  Message& message = add_message();
  sync(message);
  BOOST_REQUIRE(message.targets.size() == 1U);
  BOOST_TEST(!message.targets[0].open());
  BOOST_TEST(messages.floor_for(add_message(), crypto::Instance{1}) == 2U);  // the refused one does not count
}

BOOST_AUTO_TEST_CASE(keys_that_are_too_old_are_not_used) {
  add_device(1).use_until = clock.unix_time() - 1s;
  Message& message = add_message();
  BOOST_TEST((sync(message) == Sync::current));
  BOOST_TEST(message.targets.empty());
}

BOOST_AUTO_TEST_CASE(a_tick_seals_so_much_and_no_more) {
  add_device(1, 3, 0);
  for (std::size_t i = 0; i < MessageSealer::seals_per_tick; ++i) {
    sealed();
  }
  BOOST_TEST(!sealer.may_seal());
  Message& next = add_message();
  BOOST_TEST((sync(next) == Sync::later));
  BOOST_TEST(next.targets.empty());
  sealer.begin_tick();
  BOOST_TEST((sync(next) == Sync::changed));
}

BOOST_AUTO_TEST_CASE(sealing_again_for_a_later_epoch_keeps_the_ids_of_the_past) {
  add_device(1);
  Message& message = sealed();
  Target& target = message.targets[0];
  const auto before = target.envelopes[0].bytes;
  const auto address = crypto::friends_mailbox(target.root, target.epoch)->address;
  target.copies.emplace_back(device(0).home_nodes[0].id).done.set(0);
  target.sent_to.at(0).sent = true;

  BOOST_TEST(sealer.seal(message, target, bob(), device(0), epoch() + 2, batch));
  BOOST_TEST(target.epoch == epoch() + 2);
  BOOST_TEST(opens(target, devices[0], devices[0].one_time[0]));
  BOOST_REQUIRE(message.past.size() == 1U);
  BOOST_TEST((message.past[0].ids == std::vector{crypto::envelope_id(address, before)}));
  BOOST_TEST(message.past[0].epoch == epoch());
  BOOST_REQUIRE(message.past[0].sent_to.size() == 1U);
  BOOST_TEST((message.past[0].sent_to[0].node == device(0).home_nodes[0].id));
  BOOST_TEST(target.copies[0].done.none());  // the new envelopes are nowhere yet

  for (std::size_t i = 0; i < Message::Past::kept + 5; ++i) {
    BOOST_TEST(message.beyond_recall == (i >= Message::Past::kept));
    target.sent_to.at(0).sent = true;
    BOOST_TEST(sealer.seal(message, target, bob(), device(0), epoch() + 3, batch));
  }
  BOOST_TEST(message.past.empty());
}

BOOST_AUTO_TEST_CASE(envelopes_that_lie_nowhere_leave_no_past) {
  add_device(1);
  Message& message = sealed();
  BOOST_TEST(sealer.seal(message, message.targets[0], bob(), device(0), epoch() + 2, batch));
  BOOST_TEST(message.past.empty());
}

BOOST_AUTO_TEST_CASE(a_nack_is_answered_with_another_key_then_the_last_resort) {
  add_device(1);
  Message& message = sealed();
  Target& target = message.targets[0];
  target.copies.emplace_back(device(0).home_nodes[0].id).complete = true;
  batch.clear();
  BOOST_TEST(sealer.seal_with_other_key(message, target, bob(), device(0), clock.now(), batch));
  BOOST_TEST(opens(target, devices[0], devices[0].one_time[1]));
  BOOST_TEST(target.copies.empty());
  BOOST_TEST(target.nacks == 1);
  BOOST_TEST(batch.size() == 3U);  // used keys, target, progress
  BOOST_TEST(sealer.seal_with_other_key(message, target, bob(), device(0), clock.now(), batch));
  BOOST_TEST(opens(target, devices[0], devices[0].last_resort));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
