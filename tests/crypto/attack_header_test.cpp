// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

// Somebody who knows M, P and W, the friends' Tox keys and the recipient's pre-keys, and all that another
// friend is given, wants an envelope whose header opens in a friend's box: docs/protocol.md, section 4. Only
// the friend's u (or the h of that epoch) makes one.

namespace toxasync::crypto {
namespace {

struct Attack : test::EnvelopeFixture {
  KeyPair villain = KeyPair::generate(random);
  KeyPair third = KeyPair::generate(random);

  /// The victim's box, to be written to with another h.
  [[nodiscard]] WritableMailbox with(Secret<32> h) const {
    WritableMailbox box = mailbox.mailbox.clone();
    box.header_secret = std::move(h);
    return box;
  }
  [[nodiscard]] WritableMailbox with_key(ByteView key) const {
    ByteArray<4> bytes;
    store_le(epoch, bytes.data());
    return with(Secret<32>(h256(key, {as_bytes("toxasync/1 hdr"), bytes})));
  }
  /// What a friend knows of their own box.
  [[nodiscard]] WritableMailbox box_of(const FriendKey& writer, Epoch at) const {
    return friends_mailbox(friends_root(root, writer), at).value();
  }
  [[nodiscard]] WritableMailbox box_of(const KeyPair& writer) const {
    return box_of(writer.friend_key(), epoch);
  }
  /// By whoever holds the Tox key of `who`.
  Bytes forge(const WritableMailbox& box, const KeyPair& who) {
    return *seal_envelope(who, recipient.friend_key(), pre_key.public_key, box, header(), body(5),
                          cancel_secret, random);
  }
  /// What becomes of it in the victim's box. Not even the victim's Tox key helps.
  EnvelopeError seen(const WritableMailbox& box) {
    const auto by_victim = open_header(mailbox, forge(box, sender));
    const auto by_villain = open_header(mailbox, forge(box, villain));
    BOOST_TEST(by_victim.has_value() == by_villain.has_value());
    return by_villain ? EnvelopeError::none : by_villain.error();
  }
  void check_refused(const WritableMailbox& box) { BOOST_TEST((seen(box) == EnvelopeError::header)); }
};

BOOST_FIXTURE_TEST_SUITE(attack_header, Attack)

BOOST_AUTO_TEST_CASE(with_the_friends_own_u_a_header_opens) {
  BOOST_TEST((seen(box_of(sender)) == EnvelopeError::none));
  BOOST_TEST((open(forge(box_of(sender), sender)) == EnvelopeError::none));
}

BOOST_AUTO_TEST_CASE(without_h_no_header_opens) {
  check_refused(with({}));
  check_refused(with(Secret<32>::random(random)));
}

BOOST_AUTO_TEST_CASE(with_the_h_of_another_friend_no_header_opens) {
  check_refused(with(box_of(villain).header_secret.clone()));
  check_refused(with(box_of(third).header_secret.clone()));
  check_refused(with(box_of(FriendKey{}, epoch).header_secret.clone()));
}

BOOST_AUTO_TEST_CASE(with_the_u_of_another_friend_no_header_opens) {
  check_refused(box_of(villain));
  check_refused(box_of(third));
  check_refused(with_key(friends_root(root, villain.friend_key()).write_secret));
}

BOOST_AUTO_TEST_CASE(with_the_h_of_another_epoch_no_header_opens) {
  for (const Epoch other : {epoch - 1, epoch + 1, epoch + 4}) {
    check_refused(with(box_of(sender.friend_key(), other).header_secret.clone()));
    check_refused(box_of(sender.friend_key(), other));
    auto moved = box_of(sender.friend_key(), other);
    moved.address = mailbox.mailbox.address;
    moved.epoch = epoch;
    check_refused(moved);
  }
}

BOOST_AUTO_TEST_CASE(with_the_h_of_another_root_no_header_opens) {
  const auto other = KeyPair::generate(random);
  const auto given = friends_root(other, sender.friend_key());
  check_refused(with(friends_mailbox(given, epoch)->header_secret.clone()));
  check_refused(friends_mailbox(given, epoch).value());
  check_refused(friends_mailbox({root.public_key, given.write_secret}, epoch).value());
}

BOOST_AUTO_TEST_CASE(nothing_that_is_known_makes_an_h) {
  const auto& address = mailbox.mailbox.address;
  const std::array<ByteView, 6> known{root.public_key,      address.p,         address.w, sender.public_key,
                                      recipient.public_key, pre_key.public_key};
  for (const ByteView key : known) {
    check_refused(with(Secret<32>::copy_of(key)));
    check_refused(with_key(key));
    check_refused(with_key(h256(key, {as_bytes("toxasync/1 writer"), sender.friend_key()})));
  }
}

BOOST_AUTO_TEST_CASE(no_tox_key_makes_an_h) {
  for (const KeyPair* stolen : {&sender, &recipient, &villain}) {
    const auto& s = stolen->secret;
    check_refused(with(s.clone()));
    check_refused(with_key(s.view()));
    check_refused(with_key(h256(s.view(), {as_bytes("toxasync/1 writer"), sender.friend_key()})));
    Wiped<32> shared;
    BOOST_REQUIRE(x25519(shared, s.bytes(), root.public_key));
    check_refused(with_key(h256(shared, {as_bytes("toxasync/1 writer"), sender.friend_key()})));
  }
}

BOOST_AUTO_TEST_CASE(a_true_header_opens_in_no_other_box_or_epoch) {
  const Bytes envelope = forge(box_of(sender), sender);
  for (const auto& other : {test::friends_box(root, villain.friend_key(), epoch),
                            test::friends_box(root, sender.friend_key(), epoch + 1),
                            test::friends_box(third, sender.friend_key(), epoch)}) {
    BOOST_TEST((open_header(other, envelope).error() == EnvelopeError::header));
  }
}

BOOST_AUTO_TEST_CASE(a_true_header_opens_with_no_other_point_or_commitment) {
  Bytes envelope = forge(box_of(sender), sender);
  const Bytes forged = forge(box_of(villain), villain);
  const auto with_first = [&](std::size_t from, std::size_t to) {
    Bytes mixed = envelope;
    std::copy(forged.begin() + static_cast<std::ptrdiff_t>(from),
              forged.begin() + static_cast<std::ptrdiff_t>(to),
              mixed.begin() + static_cast<std::ptrdiff_t>(from));
    return mixed;
  };
  BOOST_TEST((open(with_first(17, 49)) == EnvelopeError::header));   // E
  BOOST_TEST((open(with_first(49, 129)) == EnvelopeError::header));  // the header
  BOOST_TEST((open(with_first(17, 129)) == EnvelopeError::header));  // both
  BOOST_TEST((open(with_first(129, 400)) == EnvelopeError::body));   // repeated before another body
  envelope[1] ^= 1;
  BOOST_TEST((open(envelope) == EnvelopeError::header));
}

BOOST_AUTO_TEST_CASE(in_their_own_box_a_friend_writes_as_themselves) {
  const auto own = test::friends_box(root, villain.friend_key(), epoch);
  const Bytes envelope = forge(box_of(villain), villain);  // the header that is sealed names the victim
  const auto head = open_header(own, envelope);
  BOOST_REQUIRE(head.has_value());
  BOOST_TEST((head->sender == villain.friend_key()));
  BOOST_TEST(open_body(own, recipient, pre_key, *head, envelope).has_value());
}

BOOST_AUTO_TEST_CASE(a_header_with_a_name_in_it_is_refused) {
  WritableMailbox box = box_of(villain);
  box.kind = RootKind::open;  // so that the name is sealed
  auto request = body(5);
  request.kind = MessageKind::friend_request;
  const auto envelope = seal_envelope(villain, recipient.friend_key(), pre_key.public_key, box, header(),
                                      request, cancel_secret, random);
  const auto own = test::friends_box(root, villain.friend_key(), epoch);
  BOOST_TEST((open_header(own, *envelope).error() == EnvelopeError::fields));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
