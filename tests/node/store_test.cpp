// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <new>

#include "harness.hpp"

namespace toxasync::test {
namespace {

using node::NodeConfig;
using protocol::StoreStatus;

struct Fixture {
  explicit Fixture(NodeConfig config = {}, const store::StoreLimits& limits = {})
      : node(std::move(config), limits) {
    client.greet();
  }

  NodeHarness node;
  HandClient client{node};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());

  protocol::StoreRequest request(std::uint64_t seed = 1) {
    return client.store_request(mailbox.mailbox, test_envelope(seed));
  }
  protocol::StoreResponse store(std::uint64_t seed = 1) { return client.ask(request(seed)).value(); }
  protocol::StoreResponse change_and_ask(void (*change)(protocol::StoreRequest&)) {
    auto made = request();
    change(made);
    client.sign(made, mailbox.mailbox);
    return client.ask(made).value();
  }
  crypto::EnvelopeId id_of(const Bytes& envelope) const {
    return crypto::envelope_id(mailbox.mailbox.address, envelope);
  }
};

bool is(const protocol::StoreResponse& response, StoreStatus status) {
  return response.status == status;
}

/// A disk whose every call ends in std::bad_alloc.
class ThrowingStore final : public store::Store {
 public:
  void put(store::Token, const store::Box&, const store::RecordId&, ByteView, UnixTime, UnixTime) override {
    throw std::bad_alloc();
  }
  void list(store::Token, const store::Mailbox&, std::span<const store::BoxTag>, std::uint64_t,
            const store::ListLimits&, UnixTime) override {
    throw std::bad_alloc();
  }
  void remove(store::Token, const store::Mailbox&, std::span<const store::RecordId>) override {}
  void cancel(store::Token, const store::Mailbox&, const store::RecordId&,
              const store::Commitment&) override {}
  void expire(UnixTime, std::size_t) override {}
  void set_capacity(std::uint64_t) override {}
  [[nodiscard]] store::StoreStats stats() const override { return {}; }
  void submit() override {}
  std::size_t poll(store::StoreListener&) override { return 0; }
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_store, Fixture)

BOOST_AUTO_TEST_CASE(a_stored_request_is_answered_with_expiry_and_time) {
  for (const std::size_t size : {limits::small_envelope, limits::large_envelope}) {
    const auto made = client.store_request(mailbox.mailbox, test_envelope(size, size));
    const auto response = client.ask(made).value();
    BOOST_TEST(is(response, StoreStatus::stored));
    BOOST_TEST(response.counter == made.counter);
    BOOST_TEST(response.node_time_s == since_1970_s(node.clock.unix_time()));
    BOOST_TEST(unix_time(response.expires_at_s) == node.clock.unix_time() + limits::default_time_to_live);
    BOOST_TEST(response.retry_after_s == 0U);
  }
  BOOST_TEST(node[Counter::node_stored] == 2U);
}

BOOST_AUTO_TEST_CASE(nothing_is_acknowledged_before_the_disk_has_it) {
  node.store.hold_completions(true);
  BOOST_TEST(client.exchange(client.seal(request())).empty());
  BOOST_TEST(node.tick().empty());
  node.store.hold_completions(false);
  const auto replies = node.tick();
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  BOOST_TEST(is(client.read<protocol::StoreResponse>(replies[0]).value(), StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(the_time_from_a_request_to_its_answer_is_counted) {
  node.store.hold_completions(true);
  BOOST_TEST(client.exchange(client.seal(request())).empty());
  node.clock.advance(40ms);
  node.store.hold_completions(false);
  BOOST_TEST_REQUIRE(node.tick().size() == 1U);
  const auto counts = node.telemetry.metrics.timing(Timing::store);
  BOOST_TEST(counts.total() == 1U);
  BOOST_TEST(counts.sum_ms == 40U);
  BOOST_TEST(node.node.load().pending == 0U);
  BOOST_TEST(node.node.load().sessions == 1U);
}

BOOST_AUTO_TEST_CASE(a_failing_disk_is_never_acknowledged) {
  node.store.fail_next(1);
  const auto failed = store();
  BOOST_TEST(is(failed, StoreStatus::try_later));
  BOOST_TEST(failed.retry_after_s > 0U);
  BOOST_TEST(failed.expires_at_s == 0U);
  BOOST_TEST(node[Counter::store_failed] == 1U);
  BOOST_TEST(is(store(), StoreStatus::stored));  // and not a duplicate: it was not there
}

BOOST_AUTO_TEST_CASE(a_duplicate_envelope_gets_the_larger_expiry) {
  const auto first = store();
  node.clock.advance(100s);
  const auto again = store();
  BOOST_TEST(is(again, StoreStatus::duplicate));
  BOOST_TEST(again.expires_at_s == first.expires_at_s + 100);
  auto longer = request();
  longer.ttl_s = ttl_s(days(3));
  client.sign(longer, mailbox.mailbox);
  const auto extended = client.ask(longer).value();
  BOOST_TEST(unix_time(extended.expires_at_s) == node.clock.unix_time() + days(3));
  BOOST_TEST(store().expires_at_s == extended.expires_at_s);
  BOOST_TEST(node[Counter::node_duplicates] == 3U);
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_AUTO_TEST_CASE(mail_is_accepted_for_the_last_current_and_next_epoch) {
  const auto epoch = node.epoch();
  for (const std::uint32_t shift : {0U, 1U, 2U}) {
    const auto box = test_mailbox(epoch - 1 + shift);
    BOOST_TEST(
        is(client.ask(client.store_request(box.mailbox, test_envelope(1))).value(), StoreStatus::stored));
  }
  for (const crypto::Epoch wrong : {epoch - 2, epoch + 2, crypto::Epoch{0}, ~crypto::Epoch{0}}) {
    const auto box = test_mailbox(wrong);
    const auto response = client.ask(client.store_request(box.mailbox, test_envelope(1))).value();
    BOOST_TEST(is(response, StoreStatus::wrong_epoch));
    BOOST_TEST(response.node_time_s == since_1970_s(node.clock.unix_time()));
  }
  BOOST_TEST(node[Counter::refused_epoch] == 4U);
}

BOOST_AUTO_TEST_CASE(the_epoch_counts_by_the_nodes_clock_to_the_second) {
  const auto epoch = node.epoch();
  const auto box = test_mailbox(epoch);
  const auto ask_at = [&](UnixTime time) {
    node.clock.set_unix(time);
    (void)must(node.keys.set_clock_marks({}));  // no other date is known
    node.restart();
    client.greet();
    return client.ask(client.store_request(box.mailbox, test_envelope(since_1970_s(time)))).value();
  };
  BOOST_TEST(is(ask_at(crypto::epoch_start(epoch - 1) - 1s), StoreStatus::wrong_epoch));
  BOOST_TEST(is(ask_at(crypto::epoch_start(epoch - 1)), StoreStatus::stored));
  BOOST_TEST(is(ask_at(crypto::epoch_start(epoch + 2) - 1s), StoreStatus::stored));
  BOOST_TEST(is(ask_at(crypto::epoch_start(epoch + 2)), StoreStatus::wrong_epoch));
  BOOST_TEST(is(ask_at({}), StoreStatus::wrong_epoch));  // a clock that was never set
}

BOOST_AUTO_TEST_CASE(a_time_to_live_outside_the_set_is_refused) {
  for (const std::uint32_t ttl : {0U, 1U, 3599U, 86399U, 86401U, 90000U, 1209601U, 0xffffffffU}) {
    auto made = request(ttl);
    made.ttl_s = ttl;
    client.sign(made, mailbox.mailbox);
    BOOST_TEST(is(client.ask(made).value(), StoreStatus::refused));
  }
  BOOST_TEST(node[Counter::refused_ttl] == 8U);
  for (const seconds ttl :
       {seconds{1h}, seconds{23h}, days(1) + limits::epoch_length, limits::largest_time_to_live}) {
    auto made = request(ttl_s(ttl));
    made.ttl_s = ttl_s(ttl);
    client.sign(made, mailbox.mailbox);
    const auto response = client.ask(made).value();
    BOOST_TEST(unix_time(response.expires_at_s) == node.clock.unix_time() + ttl);
  }
}

BOOST_AUTO_TEST_CASE(a_node_may_grant_less_time_than_was_asked_for) {
  NodeConfig config;
  config.longest_ttl = 100'000s;
  Fixture limited(config);
  auto made = limited.request();
  made.ttl_s = ttl_s(limits::largest_time_to_live);
  limited.client.sign(made, limited.mailbox.mailbox);
  const auto response = limited.client.ask(made).value();
  BOOST_TEST(is(response, StoreStatus::stored));
  BOOST_TEST(response.expires_at_s == response.node_time_s + 100'000);
  BOOST_TEST(unix_time(limited.store(2).expires_at_s) ==
             unix_time(response.node_time_s) + limits::default_time_to_live);
}

BOOST_AUTO_TEST_CASE(what_is_no_envelope_is_refused) {
  for (const std::size_t size : {0U, 1U, 32U, 399U, 401U, 1167U}) {
    Bytes payload = test_envelope(1);
    payload.resize(size);
    BOOST_TEST(is(client.ask(client.store_request(mailbox.mailbox, payload)).value(), StoreStatus::refused));
  }
  BOOST_TEST(node[Counter::refused_envelope_size] == 6U);
  BOOST_TEST(is(change_and_ask([](auto& made) { made.payload[0] = 2; }), StoreStatus::refused));
  BOOST_TEST(is(change_and_ask([](auto& made) { made.payload[0] = 0; }), StoreStatus::refused));
  BOOST_TEST(node[Counter::refused_envelope_version] == 2U);
  BOOST_TEST(node.store.stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE(an_unknown_operation_is_refused) {
  for (const int op : {2, 3, 255}) {
    auto made = request();
    made.op = static_cast<protocol::StoreOp>(op);
    client.sign(made, mailbox.mailbox);
    BOOST_TEST(is(client.ask(made).value(), StoreStatus::refused));
  }
  BOOST_TEST(node[Counter::refused_operation] == 3U);
}

BOOST_AUTO_TEST_CASE(a_full_mailbox_and_a_full_node_say_so) {
  store::StoreLimits limits;
  limits.box_messages = 2;
  Fixture small({}, limits);
  BOOST_TEST(is(small.store(1), StoreStatus::stored));
  BOOST_TEST(is(small.store(2), StoreStatus::stored));
  const auto full = small.store(3);
  BOOST_TEST(is(full, StoreStatus::mailbox_full));
  BOOST_TEST(full.retry_after_s > 0U);
  BOOST_TEST(small.node[Counter::refused_mailbox_full] == 1U);
  small.mailbox = test_mailbox(small.node.epoch(), 20);
  BOOST_TEST(is(small.store(4), StoreStatus::stored));
  small.node.store.set_disk_full(true);
  const auto no_room = small.store(5);
  BOOST_TEST(is(no_room, StoreStatus::node_full));
  BOOST_TEST(no_room.retry_after_s > 0U);
  BOOST_TEST(small.node[Counter::refused_store_full] == 1U);
}

BOOST_AUTO_TEST_CASE(the_descriptor_follows_the_capacity_in_steps_once_a_minute) {
  store::StoreLimits limits;
  limits.capacity_bytes = 8'000'000;
  Fixture large({}, limits);
  const auto announced_capacity = [&] {
    large.node.tick();
    return protocol::NodeDescriptor::decode_signed(large.node.node.descriptor()).value().capacity_bytes;
  };
  BOOST_TEST(announced_capacity() == 8'000'000U);
  large.node.store.set_capacity(7'000'000);
  large.node.clock.advance(1min);
  BOOST_TEST(announced_capacity() == 8'000'000U);  // An eighth is not worth a signature.
  large.node.store.set_capacity(6'999'999);
  BOOST_TEST(announced_capacity() == 8'000'000U);
  large.node.clock.advance(1min);
  BOOST_TEST(announced_capacity() == 6'999'999U);
  large.node.store.set_capacity(9'000'000);
  large.node.clock.advance(1min);
  BOOST_TEST(announced_capacity() == 9'000'000U);
}

BOOST_AUTO_TEST_CASE(a_full_queue_to_the_disk_answers_try_later) {
  store::StoreLimits limits;
  limits.queue_bytes = 1000;
  Fixture slow({}, limits);
  slow.node.store.hold_completions(true);
  slow.client.exchange(slow.client.seal(slow.request(1)));
  slow.client.exchange(slow.client.seal(slow.request(2)));
  slow.node.store.hold_completions(false);
  const auto replies = slow.node.tick();
  BOOST_TEST_REQUIRE(replies.size() == 2U);
  BOOST_TEST(is(slow.client.read<protocol::StoreResponse>(replies[0]).value(), StoreStatus::stored));
  const auto later = slow.client.read<protocol::StoreResponse>(replies[1]).value();
  BOOST_TEST(is(later, StoreStatus::try_later));
  BOOST_TEST(later.retry_after_s > 0U);
  BOOST_TEST(slow.node[Counter::refused_overloaded] == 1U);
}

BOOST_AUTO_TEST_CASE(requests_past_the_queue_are_answered_by_try_later) {
  NodeConfig config;
  config.pending_requests = 2;
  Fixture busy(config);
  busy.node.store.hold_completions(true);
  BOOST_TEST(busy.client.exchange(busy.client.seal(busy.request(1))).empty());
  BOOST_TEST(busy.client.exchange(busy.client.seal(busy.request(2))).empty());
  const auto later = busy.store(3);
  BOOST_TEST(is(later, StoreStatus::try_later));
  BOOST_TEST(later.retry_after_s > 0U);
  const auto pages = busy.client.ask(busy.client.retrieve_request(busy.mailbox));
  BOOST_TEST_REQUIRE(pages.size() == 1U);
  BOOST_TEST(pages[0].flags == protocol::Page::flag_try_later);
  BOOST_TEST(busy.node[Counter::refused_overloaded] == 2U);
  busy.node.store.hold_completions(false);
  BOOST_TEST(busy.client.learn(busy.node.tick()).size() == 2U);
  BOOST_TEST(is(busy.store(3), StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(a_cancel_with_the_secret_removes_the_envelope_for_good) {
  const auto secret = counting<crypto::CancelSecret>(1);
  const Bytes envelope = test_envelope(1, limits::small_envelope, secret);
  client.ask(client.store_request(mailbox.mailbox, envelope));
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), secret)).value(),
                StoreStatus::cancelled));
  BOOST_TEST(node[Counter::node_cancelled] == 1U);
  BOOST_TEST(node.store.stats().messages == 0U);
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), secret)).value(),
                StoreStatus::cancelled));
  BOOST_TEST(is(client.ask(client.store_request(mailbox.mailbox, envelope)).value(), StoreStatus::gone));
  BOOST_TEST(node[Counter::node_gone] == 1U);
}

BOOST_AUTO_TEST_CASE(a_cancel_of_deleted_mail_is_answered_gone) {
  const auto secret = counting<crypto::CancelSecret>(1);
  const Bytes envelope = test_envelope(1, limits::small_envelope, secret);
  client.ask(client.store_request(mailbox.mailbox, envelope));
  HandClient owner(node, 77);
  owner.greet();
  BOOST_TEST(owner.ask(owner.retrieve_request(mailbox, 1, 0, {id_of(envelope)})).size() == 1U);
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), secret)).value(),
                StoreStatus::gone));
  BOOST_TEST(node[Counter::node_cancelled] == 0U);
}

BOOST_AUTO_TEST_CASE(a_cancel_of_mail_that_the_owner_was_sent_is_answered_gone) {
  const auto secret = counting<crypto::CancelSecret>(1);
  const Bytes envelope = test_envelope(1, limits::small_envelope, secret);
  client.ask(client.store_request(mailbox.mailbox, envelope));
  HandClient owner(node, 77);
  owner.greet();
  BOOST_TEST(owner.ask(owner.retrieve_request(mailbox)).size() == 1U);
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), secret)).value(),
                StoreStatus::gone));
  BOOST_TEST(node.store.stats().messages == 1U);  // their page may have been lost
}

BOOST_AUTO_TEST_CASE(a_cancel_without_the_secret_is_refused_and_counted) {
  const Bytes envelope = test_envelope(1, limits::small_envelope, counting<crypto::CancelSecret>(1));
  client.ask(client.store_request(mailbox.mailbox, envelope));
  BOOST_TEST(is(
      client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), counting<crypto::CancelSecret>(2)))
          .value(),
      StoreStatus::refused));
  // The commitment stands in the clear in the envelope; it is not the secret.
  BOOST_TEST(is(client
                    .ask(client.cancel_request(mailbox.mailbox, id_of(envelope),
                                               crypto::CancelSecret(crypto::commitment_of(envelope).bytes())))
                    .value(),
                StoreStatus::refused));
  BOOST_TEST(node[Counter::refused_cancel_proof] == 2U);
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_AUTO_TEST_CASE(a_cancel_of_what_is_not_there_finds_it_absent) {
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, {}, {})).value(), StoreStatus::absent));
}

BOOST_AUTO_TEST_CASE(a_cancel_that_is_not_an_id_and_a_secret_is_refused) {
  for (const std::size_t size : {0U, 31U, 33U, 400U}) {
    auto made = client.cancel_request(mailbox.mailbox, {}, {});
    made.payload.resize(size);
    client.sign(made, mailbox.mailbox);
    BOOST_TEST(is(client.ask(made).value(), StoreStatus::refused));
  }
  BOOST_TEST(node[Counter::refused_message_malformed] == 4U);
}

BOOST_AUTO_TEST_CASE(a_cancel_works_at_any_epoch_unless_the_disk_fails) {
  const Bytes envelope = test_envelope(1);
  auto longest = request();
  longest.ttl_s = ttl_s(limits::largest_time_to_live);
  client.sign(longest, mailbox.mailbox);
  client.ask(longest);
  node.clock.advance(days(6));
  client.greet();
  node.store.fail_next(1);
  const auto failed = client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), {})).value();
  BOOST_TEST(is(failed, StoreStatus::try_later));
  BOOST_TEST(failed.retry_after_s > 0U);
  BOOST_TEST(is(client.ask(client.cancel_request(mailbox.mailbox, id_of(envelope), {})).value(),
                StoreStatus::cancelled));
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_dropped_in_ticks) {
  store(1);
  node.clock.advance(limits::default_time_to_live - 1s);
  node.tick();
  BOOST_TEST(node.store.stats().messages == 1U);
  node.clock.advance(1s);
  node.tick();
  BOOST_TEST(node.store.stats().messages == 0U);
}

BOOST_AUTO_TEST_CASE(running_out_of_memory_in_a_packet_is_counted_and_survived) {
  ThrowingStore throwing;
  node::Node starved(throwing, node.keys, node.random, node.telemetry.get(), {}, node.clock.now());
  RecordingTransport transport;
  const auto give = [&](const Bytes& packet) {
    starved.on_packet(transport, client.route(), packet, node.clock.now());
    starved.tick(node.clock.now());
    return transport.take();
  };
  client.set_cookie(must(protocol::read_frame_header(give(client.unknowing_frame()).at(0).packet)).cookie);
  for (int i = 0; i < 2000; ++i) {  // more than may wait: what failed does not wait
    BOOST_TEST(give(client.seal(request())).empty());
  }
  BOOST_TEST(give(client.seal(client.retrieve_request(mailbox))).empty());
  BOOST_TEST(node[Counter::store_failed] == 2001U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
