// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "tests/vectors/vectors.hpp"
#include "wire/archive.hpp"

// The known answers of tests/vectors/mailbox.json and envelope.json.

namespace toxasync::crypto {
namespace {

using test::for_each_vector;
using test::Vector;

constexpr const char* mailboxes_file = "mailbox.json";
constexpr const char* envelopes_file = "envelope.json";

Secret<32> secret(const Vector& v, const char* field) {
  return Secret<32>(v.array<32>(field));
}

KeyPair key_pair(const Vector& v, const char* secret_field, const char* public_field) {
  auto pair = KeyPair::from_secret(secret(v, secret_field));
  TOXASYNC_TEST_BYTES(pair.public_key, v.array<32>(public_field));
  return pair;
}

OwnerKey owner_key(const Vector& v) {
  const auto scalars = v.arrays<32>("owner_scalars");
  const auto scalar = [&](std::size_t i) { return Secret<32>::copy_of(scalars.at(i)); };
  return scalars.size() == 1 ? OwnerKey(scalar(0)) : OwnerKey(scalar(0), scalar(1));
}

RootKind root_kind(const std::string& name) {
  return name == "public" ? RootKind::open : name == "pair" ? RootKind::pair : RootKind::friends;
}

/// The mailbox of an object that gives its scalars and points.
OwnedMailbox given_mailbox(const Vector& v) {
  const auto kind = root_kind(v.text("root"));
  return {{v.number<Epoch>("epoch"),
           {v.id<Point>("P"), v.id<Point>("W")},
           secret(v, "w"),
           secret(v, "h"),
           kind,
           kind == RootKind::open ? FriendKey{} : v.id<FriendKey>("S")},
          owner_key(v)};
}

void check_mailbox(const Vector& v, const WritableMailbox& mailbox) {
  BOOST_TEST(mailbox.epoch == v.number<Epoch>("epoch"));
  TOXASYNC_TEST_BYTES(mailbox.address.p, v.bytes("P"));
  TOXASYNC_TEST_BYTES(mailbox.address.w, v.bytes("W"));
  TOXASYNC_TEST_BYTES(mailbox.write_secret.view(), v.bytes("w"));
  TOXASYNC_TEST_BYTES(box_key(mailbox.address), v.bytes("box_key"));
  TOXASYNC_TEST_BYTES(box_tag(mailbox.address), v.bytes("box_tag"));
}

void check_friends_box(const Vector& v, const WritableMailbox& box) {
  check_mailbox(v, box);
  TOXASYNC_TEST_BYTES(box.header_secret.view(), v.bytes("h"));
}

/// That the mailbox's owner key is b and then `inner`.
void check_owner(const OwnerKey& owner, OwnerKey expected) {
  const Point q = x25519_base(test::counting<32>(3));
  ByteArray<32> a{};
  ByteArray<32> b{};
  BOOST_TEST(owner.apply(a, q));
  BOOST_TEST(expected.apply(b, q));
  TOXASYNC_TEST_BYTES(a, b);
}

BOOST_FIXTURE_TEST_SUITE(mailbox_vectors, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(every_list_of_the_mailbox_vectors_is_checked) {
  test::check_lists_of(mailboxes_file, {"epochs", "epochs_refused", "friends", "cover", "public", "pair",
                                        "fillers", "owner_tags", "write_tags", "points_refused"});
}

BOOST_AUTO_TEST_CASE(epochs_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "epochs", [](const Vector& v) {
    const auto epoch = epoch_at(UnixTime{seconds{v.number<std::int64_t>("unix")}});
    BOOST_REQUIRE(epoch.has_value());
    BOOST_TEST(*epoch == v.number<Epoch>("epoch"));
  });
  for (const auto& [key, time] : test::vector_file(mailboxes_file).get_child("epochs_refused")) {
    BOOST_TEST(!epoch_at(UnixTime{seconds{test::integer<std::int64_t>(time)}}), time.data());
  }
}

BOOST_AUTO_TEST_CASE(friends_mailboxes_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "friends", [](const Vector& v) {
    const auto root = key_pair(v, "m", "M");
    const auto given = friends_root(root, v.id<FriendKey>("S"));
    TOXASYNC_TEST_BYTES(given.write_secret, v.bytes("u"));
    const auto owned = FriendsMailbox::derive(root, v.number<Epoch>("epoch"));
    const auto written = friends_mailbox(given, v.number<Epoch>("epoch"));
    BOOST_REQUIRE((owned && written));
    check_friends_box(v, owned->box(v.id<FriendKey>("S")).mailbox);
    check_friends_box(v, *written);
    TOXASYNC_TEST_BYTES(owned->write_point(v.id<FriendKey>("S")), v.bytes("W"));
    check_owner(owned->owner(), OwnerKey(secret(v, "b"), secret(v, "m")));
  });
}

// How the cover root is made from m is checked in manager_cover_test.cpp.
BOOST_AUTO_TEST_CASE(cover_mailboxes_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "cover", [](const Vector& v) {
    const auto root = key_pair(v, "cover_m", "cover_M");
    TOXASYNC_TEST_BYTES(friends_root(root, FriendKey{}).write_secret, v.bytes("u"));
    const auto owned = FriendsMailbox::derive(root, v.number<Epoch>("epoch"));
    BOOST_REQUIRE(owned.has_value());
    check_friends_box(v, owned->box(FriendKey{}).mailbox);
    check_owner(owned->owner(), OwnerKey(secret(v, "b"), secret(v, "cover_m")));
  });
}

BOOST_AUTO_TEST_CASE(public_mailboxes_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "public", [](const Vector& v) {
    const auto tox = key_pair(v, "r", "R");
    const auto owned = own_public_mailbox(tox, v.array<4>("nospam"), v.number<Epoch>("epoch"));
    const auto written = public_mailbox(tox.friend_key(), v.array<4>("nospam"), v.number<Epoch>("epoch"));
    BOOST_REQUIRE((owned && written));
    check_mailbox(v, owned->mailbox);
    check_mailbox(v, *written);
    check_owner(owned->owner, OwnerKey(secret(v, "b"), secret(v, "r")));
  });
}

BOOST_AUTO_TEST_CASE(pair_mailboxes_are_those_of_the_vectors_at_both_ends) {
  for_each_vector(mailboxes_file, "pair", [](const Vector& v) {
    const auto from = key_pair(v, "from_secret", "from");
    const auto to = key_pair(v, "to_secret", "to");
    const auto epoch = v.number<Epoch>("epoch");
    for (const bool sending : {true, false}) {
      const auto mailbox = pair_mailbox((sending ? from : to).secret, (sending ? to : from).friend_key(),
                                        from.friend_key(), to.friend_key(), epoch);
      BOOST_REQUIRE(mailbox.has_value());
      check_mailbox(v, mailbox->mailbox);
      check_owner(mailbox->owner, OwnerKey(secret(v, "p")));
    }
  });
}

BOOST_AUTO_TEST_CASE(fillers_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "fillers", [](const Vector& v) {
    const auto number = v.number<std::uint32_t>("number");
    const auto tens = owner_key(v).fillers(v.id<Point>("P"), number / 10);
    TOXASYNC_TEST_BYTES(tens.at(number % 10), v.bytes("tag"));
  });
}

BOOST_AUTO_TEST_CASE(owner_tags_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "owner_tags", [](const Vector& v) {
    const auto node = key_pair(v, "n", "N");
    ByteArray<32> by_owner{};
    ByteArray<32> by_node{};
    BOOST_TEST(owner_key(v).apply(by_owner, node.public_key));
    BOOST_TEST(x25519(by_node, node.secret.bytes(), v.id<Point>("P")));
    TOXASYNC_TEST_BYTES(by_owner, v.bytes("key"));
    TOXASYNC_TEST_BYTES(by_node, v.bytes("key"));
    constexpr std::size_t offset = 8 + 1 + 1 + 32;
    TOXASYNC_TEST_BYTES(
        request_tag(TagKind::owner, by_owner, node.public_key, v.id<Point>("X"), v.bytes("request"), offset),
        v.bytes("tag"));
  });
}

BOOST_AUTO_TEST_CASE(write_tags_are_those_of_the_vectors) {
  for_each_vector(mailboxes_file, "write_tags", [](const Vector& v) {
    const auto node = key_pair(v, "n", "N");
    const auto w = key_pair(v, "w", "W");
    ByteArray<32> by_writer{};
    ByteArray<32> by_node{};
    BOOST_TEST(x25519(by_writer, w.secret.bytes(), node.public_key));
    BOOST_TEST(x25519(by_node, node.secret.bytes(), w.public_key));
    TOXASYNC_TEST_BYTES(by_writer, v.bytes("key"));
    TOXASYNC_TEST_BYTES(by_node, v.bytes("key"));
    constexpr std::size_t offset = 8 + 1 + 4 + 4 + 64;
    TOXASYNC_TEST_BYTES(
        request_tag(TagKind::write, by_node, node.public_key, v.id<Point>("X"), v.bytes("request"), offset),
        v.bytes("tag"));
  });
}

BOOST_AUTO_TEST_CASE(the_points_that_the_vectors_refuse_are_refused) {
  for_each_vector(mailboxes_file, "points_refused", [](const Vector& v) {
    ByteArray<32> out{};
    BOOST_TEST(!x25519(out, test::counting<32>(1), v.id<Point>("point")));
    BOOST_TEST(!friends_mailbox({v.id<Point>("point"), {}}, 1).has_value());
  });
}

BOOST_AUTO_TEST_SUITE_END()

EnvelopeHeader given_header(const Vector& v) {
  return {v.id<FriendKey>("S"), Instance{v.number<std::uint64_t>("instance")}, v.id<PreKeyId>("pre_key_id"),
          v.id<MessageId>("message_id")};
}

EnvelopeBody given_body(const Vector& v) {
  return {v.number<std::uint64_t>("seq"),
          v.number<std::uint64_t>("floor"),
          v.number<std::uint64_t>("sent_at_ms"),
          v.number<std::uint32_t>("lifetime"),
          static_cast<MessageKind>(v.number<std::uint8_t>("kind")),
          v.number<std::uint8_t>("part"),
          v.number<std::uint8_t>("parts"),
          v.bytes("text")};
}

/// Where the opening of an envelope ended, in the words of the vectors.
std::string stage_of(const OwnedMailbox& mailbox, const KeyPair& recipient, const KeyPair& pre_key,
                     ByteView envelope) {
  const auto named = [&](EnvelopeError error) -> std::string {
    switch (error) {
      case EnvelopeError::size:
      case EnvelopeError::version:
        return "format";
      case EnvelopeError::point:  // the text distinguishes a top bit (format) from an all-zero result
                                  // (header)
        return is_canonical(id_from<Point>(envelope.subspan(17))) ? "header" : "format";
      case EnvelopeError::header:
        return "header";
      case EnvelopeError::body:
        return "body";
      case EnvelopeError::fields:
        return "fields";
      case EnvelopeError::none:
        break;
    }
    return "?";
  };
  const auto header = open_header(mailbox, envelope);
  if (!header) {
    return named(header.error());
  }
  if (header->pre_key != pre_key_id(pre_key.public_key)) {
    return "pre-key";
  }
  const auto body = open_body(mailbox, recipient, pre_key, *header, envelope);
  if (!body) {
    return body.error() == EnvelopeError::point ? "body" : named(body.error());  // of the sender
  }
  return "opened";
}

BOOST_FIXTURE_TEST_SUITE(envelope_vectors, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(every_list_of_the_envelope_vectors_is_checked) {
  test::check_lists_of(envelopes_file, {"cases", "negative"});
}

BOOST_AUTO_TEST_CASE(the_mailboxes_of_the_envelopes_are_those_of_their_roots) {
  for_each_vector(envelopes_file, "cases", [](const Vector& v) {
    const auto given = given_mailbox(v);
    const auto epoch = v.number<Epoch>("epoch");
    std::optional<WritableMailbox> made;
    if (v.text("root") == "friends") {
      const FriendsRoot root{v.id<Point>("M"), Wiped<32>(v.array<32>("u"))};
      made = friends_mailbox(root, epoch);
      BOOST_TEST((root == friends_root(key_pair(v, "m", "M"), v.id<FriendKey>("S"))));
    } else if (v.text("root") == "public") {
      made = public_mailbox(v.id<FriendKey>("R"), v.array<4>("nospam"), epoch);
    } else {
      made = pair_mailbox(secret(v, "s"), v.id<FriendKey>("R"), v.id<FriendKey>("S"), v.id<FriendKey>("R"),
                          epoch)
                 ->mailbox.clone();
    }
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST((made->address == given.mailbox.address));
    BOOST_TEST((made->kind == given.mailbox.kind));
    TOXASYNC_TEST_BYTES(made->header_secret.view(), v.bytes("h"));
  });
}

BOOST_AUTO_TEST_CASE(a_sealed_envelope_and_its_id_are_those_of_the_vectors) {
  std::size_t sealed_count = 0;
  for_each_vector(envelopes_file, "cases", [&sealed_count](const Vector& v) {
    const auto mailbox = given_mailbox(v);
    const auto sender = key_pair(v, "s", "S");
    const auto pre_key = key_pair(v, "k", "K");
    TOXASYNC_TEST_BYTES(pre_key_id(pre_key.public_key), v.bytes("pre_key_id"));
    TOXASYNC_TEST_BYTES(cancel_commitment(v.id<CancelSecret>("cancel_secret")), v.bytes("C"));
    TOXASYNC_TEST_BYTES(commitment_of(v.bytes("envelope")), v.bytes("C"));
    TOXASYNC_TEST_BYTES(envelope_id(mailbox.mailbox.address, v.bytes("envelope")), v.bytes("id"));
    const auto body = given_body(v);
    if (body.text.size() <= limits::small_text && v.number<std::size_t>("size") == limits::large_envelope) {
      return;  // a reader takes it; we seal a short text into a small envelope
    }
    test::ScriptedRandom e(v.bytes("e"));
    const auto envelope = seal_envelope(sender, v.id<FriendKey>("R"), pre_key.public_key, mailbox.mailbox,
                                        given_header(v), body, v.id<CancelSecret>("cancel_secret"), e);
    BOOST_REQUIRE(envelope.has_value());
    TOXASYNC_TEST_BYTES(*envelope, v.bytes("envelope"));
    ++sealed_count;
  });
  BOOST_TEST(sealed_count >= 15U);
}

BOOST_AUTO_TEST_CASE(the_envelopes_of_the_vectors_open) {
  for_each_vector(envelopes_file, "cases", [](const Vector& v) {
    const auto mailbox = given_mailbox(v);
    const Bytes envelope = v.bytes("envelope");
    const auto header = open_header(mailbox, envelope);
    BOOST_REQUIRE(header.has_value());
    BOOST_TEST((header->sender == v.id<FriendKey>("S")));
    EnvelopeHeader sealed = *header;
    if (v.text("root") != "public") {
      sealed.sender = {};
    }
    Bytes plain(limits::envelope_header_plain);
    BOOST_TEST(*wire::encode(sealed, plain) == plain.size());
    TOXASYNC_TEST_BYTES(plain, v.bytes("hdr_plain"));
    const auto body = open_body(mailbox, key_pair(v, "r", "R"), key_pair(v, "k", "K"), *header, envelope);
    BOOST_REQUIRE(body.has_value());
    const auto expected = given_body(v);
    BOOST_TEST(body->sequence == expected.sequence);
    BOOST_TEST(body->floor == expected.floor);
    BOOST_TEST(body->sent_at_ms == expected.sent_at_ms);
    BOOST_TEST(body->lifetime_s == expected.lifetime_s);
    BOOST_TEST((body->kind == expected.kind));
    BOOST_TEST(body->part == expected.part);
    BOOST_TEST(body->parts == expected.parts);
    TOXASYNC_TEST_BYTES(body->text, expected.text);
  });
}

BOOST_AUTO_TEST_CASE(envelopes_are_refused_as_the_vectors_say) {
  for_each_vector(envelopes_file, "negative", [](const Vector& v) {
    const auto mailbox = given_mailbox(v);
    const auto recipient = key_pair(v, "r", "R");
    const auto pre_key = key_pair(v, "k", "K");
    BOOST_TEST(stage_of(mailbox, recipient, pre_key, v.bytes("envelope")) == v.text("stage"));
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
