// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/envelope.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

using Fixture = test::EnvelopeFixture;

BOOST_FIXTURE_TEST_SUITE(envelopes, Fixture)

BOOST_AUTO_TEST_CASE(what_was_sealed_is_opened_at_every_edge_of_the_text_sizes) {
  for (const std::size_t size : {0U, 1U, 221U, 222U, 223U, 989U, 990U}) {
    BOOST_TEST_CONTEXT(size << " bytes of text") {
      const Bytes envelope = seal(body(size));
      BOOST_TEST(envelope.size() == (size <= 222 ? 400U : 1168U));
      const auto head = open_header(mailbox, envelope);
      BOOST_REQUIRE(head.has_value());
      TOXASYNC_TEST_BYTES(head->sender, sender.public_key);
      BOOST_TEST((head->instance == Instance{0x1122334455667788}));
      TOXASYNC_TEST_BYTES(head->pre_key, pre_key_id(pre_key.public_key));
      TOXASYNC_TEST_BYTES(head->message_id, test::counting<16>(0x30));
      const auto opened = open_body(mailbox, recipient, pre_key, *head, envelope);
      BOOST_REQUIRE(opened.has_value());
      BOOST_TEST(opened->sequence == 5U);
      BOOST_TEST(opened->floor == 3U);
      BOOST_TEST(opened->sent_at_ms == 1760000000123U);
      BOOST_TEST(opened->lifetime_s == 86400U);
      BOOST_TEST((opened->kind == MessageKind::action));
      BOOST_TEST(opened->part == 1);
      BOOST_TEST(opened->parts == 2);
      BOOST_TEST((opened->text == body(size).text));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_text_of_991_bytes_is_not_sealed) {
  BOOST_TEST((try_seal(body(991)).error() == EnvelopeError::size));
}

BOOST_AUTO_TEST_CASE(fields_that_a_reader_would_refuse_are_not_sealed) {
  const auto refused = [this](auto change) {
    auto bad = body(5);
    change(bad);
    const auto sealed = try_seal(bad);
    return !sealed && sealed.error() == EnvelopeError::fields;
  };
  BOOST_TEST(refused([](EnvelopeBody& b) { b.parts = 0; }));
  BOOST_TEST(refused([](EnvelopeBody& b) { b.part = b.parts; }));
  BOOST_TEST(refused([](EnvelopeBody& b) { b.parts = 73; }));
  BOOST_TEST(refused([](EnvelopeBody& b) { b.kind = static_cast<MessageKind>(6); }));
  BOOST_TEST(!refused([](EnvelopeBody& b) { b.part = 71, b.parts = 72; }));
}

BOOST_AUTO_TEST_CASE(every_envelope_is_another_even_of_the_same_text) {
  std::set<Bytes> points;
  std::set<EnvelopeId> ids;
  for (int i = 0; i < 20; ++i) {
    const Bytes envelope = seal(body(5));
    points.insert(Bytes(envelope.begin() + 17, envelope.begin() + 49));
    ids.insert(envelope_id(mailbox.mailbox.address, envelope));
  }
  BOOST_TEST(points.size() == 20U);
  BOOST_TEST(ids.size() == 20U);
}

BOOST_AUTO_TEST_CASE(an_envelope_opens_only_with_all_the_right_keys) {
  const Bytes envelope = seal(body(5));
  const auto head = open_header(mailbox, envelope);
  BOOST_REQUIRE(head.has_value());
  const auto other = KeyPair::generate(random);
  const auto box_in = [this](const KeyPair& of, Epoch at) {
    return test::friends_box(of, sender.friend_key(), at);
  };

  BOOST_TEST((open_header(box_in(other, epoch), envelope).error() == EnvelopeError::header));
  BOOST_TEST((open_header(box_in(root, epoch + 1), envelope).error() == EnvelopeError::header));
  BOOST_TEST((open_header(box_in(root, epoch - 1), envelope).error() == EnvelopeError::header));
  BOOST_TEST((open_body(mailbox, other, pre_key, *head, envelope).error() == EnvelopeError::body));
  BOOST_TEST((open_body(mailbox, recipient, other, *head, envelope).error() == EnvelopeError::body));
  BOOST_TEST((open_body(box_in(root, epoch + 1), recipient, pre_key, *head, envelope).error() ==
              EnvelopeError::body));
}

BOOST_AUTO_TEST_CASE(epoch_address_and_kind_of_root_are_bound) {
  const Bytes envelope = seal(body(5));
  const auto head = open_header(mailbox, envelope);
  BOOST_REQUIRE(head.has_value());
  const auto with = [this](auto change) {
    auto changed = mailbox.clone();
    change(changed.mailbox);
    return changed;
  };
  const auto later = with([](WritableMailbox& m) { m.epoch += 1; });
  const auto other_h = with([](WritableMailbox& m) { m.header_secret = {}; });
  BOOST_TEST((open_header(other_h, envelope).error() == EnvelopeError::header));
  const auto other_w = with([this](WritableMailbox& m) { m.address.w = sender.public_key; });
  const auto other_p = with([this](WritableMailbox& m) { m.address.p = sender.public_key; });
  for (const auto* changed : {&later, &other_w, &other_p}) {
    BOOST_TEST((open_header(*changed, envelope).error() == EnvelopeError::header));
    BOOST_TEST((open_body(*changed, recipient, pre_key, *head, envelope).error() == EnvelopeError::body));
  }
  for (const RootKind kind : {RootKind::open, RootKind::pair}) {
    const auto other_kind = with([kind](WritableMailbox& m) { m.kind = kind; });
    BOOST_TEST(open_header(other_kind, envelope).has_value());
    BOOST_TEST((open_body(other_kind, recipient, pre_key, *head, envelope).error() == EnvelopeError::body));
  }
}

BOOST_AUTO_TEST_CASE(an_envelope_with_any_byte_flipped_is_refused) {
  Bytes envelope = seal(body(100));
  BOOST_REQUIRE((open(envelope) == EnvelopeError::none));
  for (std::size_t i = 0; i < envelope.size(); ++i) {
    envelope[i] ^= 0x10;
    const EnvelopeError error = open(envelope);
    BOOST_TEST((error == (i == 0                        ? EnvelopeError::version
                          : i < limits::envelope_prefix ? EnvelopeError::header
                                                        : EnvelopeError::body)),
               "byte " << i);
    envelope[i] ^= 0x10;
  }
  BOOST_TEST((open(envelope) == EnvelopeError::none));
}

BOOST_AUTO_TEST_CASE(a_large_envelope_with_a_flipped_byte_is_refused) {
  Bytes envelope = seal(body(990));
  for (std::size_t i = 0; i < envelope.size();
       i = i + 1 == limits::envelope_prefix + 32 ? envelope.size() - 16 : i + 1) {
    envelope[i] ^= 0x01;
    BOOST_TEST((open(envelope) != EnvelopeError::none), "byte " << i);
    envelope[i] ^= 0x01;
  }
  BOOST_TEST((open(envelope) == EnvelopeError::none));
}

BOOST_AUTO_TEST_CASE(an_envelope_of_any_other_size_is_refused) {
  Bytes envelope = seal(body(990));
  const auto head = open_header(mailbox, envelope);
  BOOST_REQUIRE(head.has_value());
  envelope.resize(1300);
  for (std::size_t size = 0; size < envelope.size(); ++size) {
    const auto cut = ByteView(envelope).first(size);
    if (size == 1168) {
      BOOST_TEST((open(cut) == EnvelopeError::none));
    } else if (size == 400) {
      BOOST_TEST((open(cut) == EnvelopeError::body));
    } else {
      BOOST_REQUIRE((open_header(mailbox, cut).error() == EnvelopeError::size));
      BOOST_REQUIRE((open_body(mailbox, recipient, pre_key, *head, cut).error() == EnvelopeError::size));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_invalid_point_is_refused_before_any_decryption) {
  const Bytes good = seal(body(5));
  const auto head = open_header(mailbox, good);
  BOOST_REQUIRE(head.has_value());
  for (const Point& point : test::refused_points()) {
    Bytes envelope = good;
    std::ranges::copy(point, envelope.begin() + 17);
    BOOST_TEST((open_header(mailbox, envelope).error() == EnvelopeError::point), to_hex(point));
    BOOST_TEST((open_body(mailbox, recipient, pre_key, *head, envelope).error() == EnvelopeError::point));
    EnvelopeHeader bad_sender = *head;
    bad_sender.sender = FriendKey(point.bytes());
    BOOST_TEST((open_body(mailbox, recipient, pre_key, bad_sender, good).error() == EnvelopeError::point));
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_sealed_to_a_refused_point) {
  for (const Point& point : test::refused_points()) {
    auto bad = mailbox.mailbox.clone();
    bad.address.p = point;
    const auto error = [&](const FriendKey& to, const Point& key, const WritableMailbox& box) {
      return seal_envelope(sender, to, key, box, header(), body(5), cancel_secret, random).error();
    };
    BOOST_TEST(
        (error(FriendKey(point.bytes()), pre_key.public_key, mailbox.mailbox) == EnvelopeError::point));
    BOOST_TEST((error(recipient.friend_key(), point, mailbox.mailbox) == EnvelopeError::point));
    BOOST_TEST((error(recipient.friend_key(), pre_key.public_key, bad) == EnvelopeError::point));
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(forgery, Fixture)

BOOST_AUTO_TEST_CASE(a_write_secret_without_the_tox_key_seals_no_body) {
  // The villain has the victim's write secret and the pre-key, but not the victim's Tox key.
  const auto villain = KeyPair::generate(random);
  const auto sealed = seal_envelope(villain, recipient.friend_key(), pre_key.public_key, mailbox.mailbox,
                                    header(), body(5), cancel_secret, random);
  const auto head = open_header(mailbox, *sealed);
  BOOST_REQUIRE(head.has_value());
  TOXASYNC_TEST_BYTES(head->sender, sender.public_key);
  BOOST_TEST((open_body(mailbox, recipient, pre_key, *head, *sealed).error() == EnvelopeError::body));
}

BOOST_AUTO_TEST_CASE(a_friend_cannot_impersonate_the_owner_of_another_key) {
  const auto villain = KeyPair::generate(random);
  const KeyPair pretender{villain.secret.clone(), sender.public_key};
  const auto sealed = seal_envelope(pretender, recipient.friend_key(), pre_key.public_key, mailbox.mailbox,
                                    header(), body(5), cancel_secret, random);
  BOOST_TEST((open(*sealed) == EnvelopeError::body));
}

BOOST_AUTO_TEST_CASE(a_true_envelope_cannot_be_claimed_by_another_sender) {
  const Bytes envelope = seal(body(5));
  auto head = *open_header(mailbox, envelope);
  head.sender = KeyPair::generate(random).friend_key();
  BOOST_TEST((open_body(mailbox, recipient, pre_key, head, envelope).error() == EnvelopeError::body));
}

BOOST_AUTO_TEST_CASE(a_stolen_recipient_key_does_not_impersonate_friends) {
  // The thief holds r (and m), but neither s nor k. Whatever they compute instead of X25519(s, K) comes from
  // scalars that they have: r, m, or one of their own.
  auto own = KeyPair::generate(random);
  for (const Secret<32>* scalar : {&recipient.secret, &root.secret, &own.secret}) {
    const KeyPair pretender{scalar->clone(), sender.public_key};
    const auto sealed = seal_envelope(pretender, recipient.friend_key(), pre_key.public_key, mailbox.mailbox,
                                      header(), body(5), cancel_secret, random);
    BOOST_TEST((open(*sealed) == EnvelopeError::body));
  }
}

BOOST_AUTO_TEST_CASE(a_body_does_not_open_with_the_header_of_another_envelope) {
  const Bytes first = seal(body(5));
  Bytes second = seal(body(5));
  std::copy(first.begin() + limits::envelope_prefix, first.end(), second.begin() + limits::envelope_prefix);
  BOOST_TEST((open(second) == EnvelopeError::body));
}

BOOST_AUTO_TEST_SUITE_END()

/// A mailbox of each kind of root, of the same recipient.
struct RootsFixture : Fixture {
  [[nodiscard]] OwnedMailbox mailbox_in(RootKind kind) const {
    switch (kind) {
      case RootKind::open:
        return own_public_mailbox(recipient, {1, 2, 3, 4}, epoch).value();
      case RootKind::pair:
        return pair_mailbox(recipient.secret, sender.friend_key(), sender.friend_key(),
                            recipient.friend_key(), epoch)
            .value();
      case RootKind::friends:
        break;
    }
    return mailbox.clone();
  }
  /// K is R in the roots that nobody needs a bundle for.
  [[nodiscard]] const KeyPair& pre_key_in(RootKind kind) const {
    return kind == RootKind::friends ? pre_key : recipient;
  }
  Result<Bytes, EnvelopeError> seal_in(const OwnedMailbox& box, const KeyPair& k, MessageKind kind) {
    EnvelopeHeader head = header();
    head.pre_key = pre_key_id(k.public_key);
    auto made = body(5);
    made.kind = kind;
    return seal_envelope(sender, recipient.friend_key(), k.public_key, box.mailbox, head, made, cancel_secret,
                         random);
  }
};

constexpr std::array all_roots{RootKind::friends, RootKind::open, RootKind::pair};

BOOST_FIXTURE_TEST_SUITE(roots, RootsFixture)

BOOST_AUTO_TEST_CASE(a_root_accepts_its_own_kinds_of_message_only) {
  using K = MessageKind;
  const std::map<RootKind, std::set<K>> taken = {
      {RootKind::friends, {K::normal, K::action, K::receipt, K::nack, K::bundle}},
      {RootKind::open, {K::friend_request}},
      {RootKind::pair, {K::bundle}}};
  for (const RootKind root_kind : all_roots) {
    const auto box = mailbox_in(root_kind);
    const auto& k = pre_key_in(root_kind);
    for (unsigned kind = 0; kind < 256; ++kind) {
      const auto wanted = taken.at(root_kind).contains(static_cast<K>(kind));
      const auto sealed = seal_in(box, k, static_cast<K>(kind));
      BOOST_TEST(sealed.has_value() == wanted, "kind " << kind);
      if (sealed) {
        const auto head = open_header(box, *sealed);
        BOOST_REQUIRE(head.has_value());
        BOOST_TEST((open_body(box, recipient, k, *head, *sealed)->kind == static_cast<K>(kind)));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_sealed_for_one_kind_of_root_does_not_open_in_another) {
  // With everything else the same: address, keys, epoch.
  const auto as = [this](RootKind kind) {
    auto box = mailbox.clone();
    box.mailbox.kind = kind;
    return box;
  };
  for (const RootKind sealed_in : all_roots) {
    const auto kind = sealed_in == RootKind::open ? MessageKind::friend_request : MessageKind::bundle;
    const Bytes envelope = *seal_in(as(sealed_in), recipient, kind);
    for (const RootKind opened_in : all_roots) {
      const auto opened = open_body(as(opened_in), recipient, recipient, header(), envelope);
      BOOST_TEST(opened.has_value() == (sealed_in == opened_in));
      BOOST_TEST((opened.has_value() || opened.error() == EnvelopeError::body));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_box_says_who_wrote_and_in_the_public_root_the_header) {
  for (const RootKind kind : all_roots) {
    const auto box = mailbox_in(kind);
    const auto sealed = seal_in(box, pre_key_in(kind),
                                kind == RootKind::open ? MessageKind::friend_request : MessageKind::bundle);
    BOOST_TEST((open_header(box, *sealed)->sender == sender.friend_key()));
    auto other_writer = box.clone();
    other_writer.mailbox.writer = recipient.friend_key();
    BOOST_TEST((open_header(other_writer, *sealed)->sender ==
                (kind == RootKind::open ? sender : recipient).friend_key()));
  }
}

BOOST_AUTO_TEST_CASE(a_header_that_names_somebody_is_for_the_public_root) {
  // Sealed as in a public root, with all that the other root's mailbox has.
  for (const RootKind kind : {RootKind::friends, RootKind::pair}) {
    auto box = mailbox_in(kind);
    box.mailbox.kind = RootKind::open;
    const Bytes envelope = *seal_in(box, pre_key_in(kind), MessageKind::friend_request);
    BOOST_TEST((open_header(box, envelope)->sender == sender.friend_key()));
    box.mailbox.kind = kind;
    BOOST_TEST((open_header(box, envelope).error() == EnvelopeError::fields));
  }
}

BOOST_AUTO_TEST_CASE(a_request_from_nobody_has_no_body) {
  auto box = mailbox_in(RootKind::open);
  box.mailbox.kind = RootKind::pair;  // nobody is named
  const Bytes envelope = *seal_in(box, recipient, MessageKind::bundle);
  box.mailbox.kind = RootKind::open;
  const auto head = open_header(box, envelope);
  BOOST_TEST((head->sender == FriendKey{}));
  BOOST_TEST((open_body(box, recipient, recipient, *head, envelope).error() == EnvelopeError::point));
}

BOOST_AUTO_TEST_CASE(only_what_a_person_wrote_has_a_place_in_the_order) {
  for (const auto kind : {MessageKind::normal, MessageKind::action, MessageKind::receipt,
                          MessageKind::friend_request, MessageKind::nack, MessageKind::bundle}) {
    BOOST_TEST(is_ordered(kind) == (kind == MessageKind::normal || kind == MessageKind::action));
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(identities, Fixture)

BOOST_AUTO_TEST_CASE(an_id_names_the_mailbox_and_every_byte) {
  Bytes envelope = seal(body(5));
  const EnvelopeId id = envelope_id(mailbox.mailbox.address, envelope);
  std::set<EnvelopeId> ids{id};
  for (std::uint8_t& byte : envelope) {
    byte ^= 1;
    ids.insert(envelope_id(mailbox.mailbox.address, envelope));
    byte ^= 1;
  }
  BOOST_TEST(ids.size() == 401U);
  BOOST_TEST(
      (envelope_id(test::friends_box(root, sender.friend_key(), epoch + 1).mailbox.address, envelope) != id));
  BOOST_TEST((envelope_id(mailbox.mailbox.address, envelope) == id));
}

BOOST_AUTO_TEST_CASE(the_commitment_in_an_envelope_is_that_of_its_cancel_secret) {
  const Bytes envelope = seal(body(5));
  TOXASYNC_TEST_BYTES(commitment_of(envelope), cancel_commitment(cancel_secret));
  BOOST_TEST((cancel_commitment(test::counting<CancelSecret>(0x71)) != cancel_commitment(cancel_secret)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
