// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "harness.hpp"

// The right to a mailbox: docs/protocol.md, section 3.

namespace toxasync::test {
namespace {

using crypto::TagKind;
using protocol::StoreStatus;

const crypto::Point low_order =
    id_from_hex<crypto::Point>("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").value();

/// A mailbox with one envelope in it, and a client that is about to ask.
struct Fixture {
  NodeHarness node;
  HandClient client{node};
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch());
  crypto::OwnedMailbox other_epoch = test_mailbox(node.epoch() + 1);
  SeededRandom random{55};
  crypto::Point other_point = crypto::KeyPair::generate(random).public_key;

  Fixture() {
    client.greet();
    BOOST_TEST_REQUIRE((client.ask(store()).value().status == StoreStatus::stored));
  }
  protocol::StoreRequest store(std::uint64_t seed = 1) {
    return client.store_request(mailbox.mailbox, test_envelope(seed));
  }
  ByteArray<32> agree(const crypto::Secret<32>& secret, const crypto::Point& point) {
    ByteArray<32> shared{};
    BOOST_TEST_REQUIRE(crypto::x25519(shared, secret.bytes(), point));
    return shared;
  }

  void must_refuse(const protocol::StoreRequest& request, Counter reason = Counter::refused_write_tag) {
    const auto before = node[reason];
    const auto response = client.ask(request).value();
    BOOST_TEST((response.status == StoreStatus::refused));
    BOOST_TEST(node[reason] == before + 1);
    BOOST_TEST(node.store.stats().messages == 1U);
  }
  /// Refused: the page is empty and nothing was deleted.
  void must_refuse(protocol::RetrieveRequest request, Counter reason = Counter::refused_owner_tag) {
    const auto before = node[reason];
    const auto pages = client.ask(request);
    BOOST_TEST_REQUIRE(pages.size() == 1U);
    BOOST_TEST(pages[0].envelopes.empty());
    BOOST_TEST(pages[0].flags == 0U);
    BOOST_TEST(pages[0].retry_after_s == 0U);
    BOOST_TEST(pages[0].count == 1U);
    BOOST_TEST(pages[0].cursor == request.cursor);
    BOOST_TEST(node[reason] == before + 1);
    BOOST_TEST(node.store.stats().messages == 1U);
  }
  crypto::EnvelopeId held() const { return crypto::envelope_id(mailbox.mailbox.address, test_envelope(1)); }
  protocol::RetrieveRequest retrieve() { return client.retrieve_request(mailbox, 16, 0, {held()}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_tags, Fixture)

BOOST_AUTO_TEST_CASE(a_write_tag_of_another_key_is_refused) {
  auto request = store(2);
  client.sign(request, TagKind::write, agree(crypto::KeyPair::generate(random).secret, client.n()));
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_write_tag_of_another_epoch_is_refused) {
  auto request = store(2);
  client.sign(request, other_epoch.mailbox);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_write_tag_made_for_another_node_is_refused) {
  auto request = store(2);
  const auto other_shared = agree(mailbox.mailbox.write_secret, other_point);
  client.sign(request, TagKind::write, other_shared, other_point);
  must_refuse(request);
  client.sign(request = store(2), TagKind::write, other_shared);
  must_refuse(request);
  client.sign(request = store(2), TagKind::write, client.write_agreement(mailbox.mailbox), other_point);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_write_tag_made_for_another_session_is_refused) {
  auto request = store(2);
  client.sign(request, TagKind::write, client.write_agreement(mailbox.mailbox), std::nullopt, other_point);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_write_tag_of_another_request_is_refused) {
  auto request = store(2);
  request.counter = client.next_counter();
  must_refuse(request);
  request = store(2);
  request.epoch -= 1;
  must_refuse(request);
  request = store(2);
  request.ttl_s = 259200;
  must_refuse(request);
  request = store(2);
  request.mailbox.p = other_point;
  must_refuse(request);
  request = store(2);
  request.payload.back() ^= 1;
  must_refuse(request);
  request = store(2);
  request.payload = test_envelope(2, limits::large_envelope);
  must_refuse(request);
  request = client.cancel_request(mailbox.mailbox, held(), {});
  request.payload.back() ^= 1;
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(no_bit_of_a_write_tag_may_be_wrong) {
  for (std::size_t bit = 0; bit < 8 * limits::tag; ++bit) {
    auto request = store(2);
    request.write_tag[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    must_refuse(request);
  }
}

BOOST_AUTO_TEST_CASE(an_owner_tag_gives_no_right_to_write) {
  auto request = store(2);
  client.sign(request, TagKind::owner, client.owner_agreement(mailbox));
  must_refuse(request);
  client.sign(request = store(2), TagKind::owner, client.write_agreement(mailbox.mailbox));
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_writer_cannot_cancel_with_a_tag_of_another_mailbox) {
  auto request = client.cancel_request(mailbox.mailbox, held(), {});
  client.sign(request, other_epoch.mailbox);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(an_owner_tag_of_another_key_is_refused) {
  auto request = retrieve();
  client.sign(request, test_mailbox(node.epoch(), 8));
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(an_owner_tag_of_another_epoch_is_refused) {
  auto request = retrieve();
  client.sign(request, other_epoch);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(an_owner_tag_made_for_another_node_is_refused) {
  ByteArray<32> other_shared{};
  BOOST_TEST_REQUIRE(mailbox.owner.apply(other_shared, other_point));
  auto request = retrieve();
  client.sign(request, TagKind::owner, other_shared, other_point);
  must_refuse(request);
  client.sign(request = retrieve(), TagKind::owner, other_shared);
  must_refuse(request);
  client.sign(request = retrieve(), TagKind::owner, client.owner_agreement(mailbox), other_point);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(an_owner_tag_made_for_another_session_is_refused) {
  auto request = retrieve();
  client.sign(request, TagKind::owner, client.owner_agreement(mailbox), std::nullopt, other_point);
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(an_owner_tag_of_another_request_is_refused) {
  auto request = retrieve();
  request.counter = client.next_counter();
  must_refuse(request);
  request = retrieve();
  request.window = 1;
  must_refuse(request);
  request = retrieve();
  request.cursor = 5;
  must_refuse(request);
  request = retrieve();
  request.boxes[5][0] ^= 1U;
  must_refuse(request);
  request = client.retrieve_request(mailbox);
  request.ids_to_delete = {held()};
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(no_bit_of_an_owner_tag_may_be_wrong) {
  for (std::size_t bit = 0; bit < 8 * limits::tag; ++bit) {
    auto request = retrieve();
    request.owner_tag[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    must_refuse(request);
  }
}

BOOST_AUTO_TEST_CASE(a_write_tag_gives_no_right_to_list_or_delete) {
  auto request = retrieve();
  client.sign(request, TagKind::write, client.write_agreement(mailbox.mailbox));
  must_refuse(request);
  client.sign(request = retrieve(), TagKind::owner, client.write_agreement(mailbox.mailbox));
  must_refuse(request);
}

BOOST_AUTO_TEST_CASE(a_session_that_changes_its_mailbox_is_checked_anew) {
  const auto second = test_mailbox(node.epoch(), 9);
  auto request = client.store_request(second.mailbox, test_envelope(3));
  client.sign(request, mailbox.mailbox);  // the right to the first mailbox
  must_refuse(request);
  auto list = client.retrieve_request(second);
  client.sign(list, mailbox);
  must_refuse(list);
  must_refuse([&] {  // W as if it were P: the agreement that the node has kept is of the other kind
    auto crossed = retrieve();
    crossed.mailbox = second.mailbox.address.w;
    client.sign(crossed, TagKind::owner, client.owner_agreement(mailbox));
    return crossed;
  }());
  BOOST_TEST((client.ask(client.store_request(second.mailbox, test_envelope(3))).value().status ==
              StoreStatus::stored));
  BOOST_TEST(client.ask(client.retrieve_request(second)).at(0).envelopes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_wrong_owner_tag_is_answered_like_an_empty_mailbox) {
  HandClient owner(node, 300);
  owner.greet();
  HandClient stranger(node, 301);
  stranger.greet();
  const auto empty = test_mailbox(node.epoch(), 10);
  const auto page_of = [](HandClient& who, const protocol::RetrieveRequest& request) {
    const auto replies = who.exchange(who.seal(request));
    BOOST_TEST_REQUIRE(replies.size() == 1U);
    BOOST_TEST(replies[0].size() == limits::frame);
    return who.open(replies[0]).value();
  };
  for (const std::uint64_t cursor : {std::uint64_t{0}, std::uint64_t{77}, ~std::uint64_t{0}}) {
    const auto honest = owner.retrieve_request(empty, 16, cursor, {held()});
    auto wrong = stranger.retrieve_request(mailbox, 16, cursor, {held()});
    wrong.owner_tag[0] ^= 1;
    auto bad_point = stranger.retrieve_request(mailbox, 16, cursor, {held()});
    bad_point.mailbox[31] |= 0x80;
    auto of_low_order = stranger.retrieve_request(mailbox, 16, cursor, {held()});
    of_low_order.mailbox = low_order;
    auto same_counter = honest;
    same_counter.counter = wrong.counter;
    owner.sign(same_counter, empty);
    const Bytes expected = page_of(owner, same_counter);
    BOOST_TEST(page_of(stranger, wrong) == expected);
    for (const auto& refused : {bad_point, of_low_order}) {
      Bytes got = page_of(stranger, refused);
      store_le(wrong.counter, got.data() + limits::length_prefix);
      BOOST_TEST(got == expected);
    }
  }
  BOOST_TEST(node.store.stats().messages == 1U);
}

BOOST_AUTO_TEST_CASE(second_encodings_of_mailbox_points_are_refused) {
  for (const crypto::Point& point : second_encodings()) {
    auto request = store(2);
    request.mailbox.p = point;
    client.sign(request, mailbox.mailbox);
    must_refuse(request, Counter::refused_point);
    request = store(2);
    request.mailbox.w = point;
    client.sign(request, mailbox.mailbox);
    must_refuse(request, Counter::refused_point);
    auto list = retrieve();
    list.mailbox = point;
    client.sign(list, mailbox);
    must_refuse(list, Counter::refused_point);
  }
}

BOOST_AUTO_TEST_CASE(mailbox_points_of_low_order_are_refused) {
  auto request = store(2);
  request.mailbox.w = low_order;
  client.sign(request, TagKind::write, ByteArray<32>{});  // the agreement that a careless node would compute
  must_refuse(request, Counter::refused_point);
  auto list = retrieve();
  list.mailbox = {};
  client.sign(list, TagKind::owner, ByteArray<32>{});
  must_refuse(list, Counter::refused_point);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
