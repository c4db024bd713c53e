// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/mailbox.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

constexpr ByteArray<4> nospam{1, 2, 3, 4};

BOOST_AUTO_TEST_SUITE(epochs)

BOOST_AUTO_TEST_CASE(an_epoch_begins_and_ends_on_its_second) {
  constexpr UnixTime origin{1735689600s};
  BOOST_TEST(*epoch_at(origin) == 0U);
  BOOST_TEST(*epoch_at(origin + 6h - 1s) == 0U);
  BOOST_TEST(*epoch_at(origin + 6h) == 1U);
  for (const Epoch epoch : {Epoch{0}, Epoch{1}, Epoch{1000}, Epoch{0x7fffffff}, Epoch{0xffffffff}}) {
    BOOST_TEST(*epoch_at(epoch_start(epoch)) == epoch);
    BOOST_TEST(*epoch_at(epoch_start(epoch) + 6h - 1s) == epoch);
  }
}

BOOST_AUTO_TEST_CASE(a_time_before_the_first_or_past_the_last_epoch_has_none) {
  BOOST_TEST(!epoch_at(UnixTime{1735689599s}));
  BOOST_TEST(!epoch_at(UnixTime{}));
  BOOST_TEST(!epoch_at(UnixTime{-1s}));
  BOOST_TEST(!epoch_at(UnixTime::min()));
  BOOST_TEST(!epoch_at(epoch_start(0xffffffff) + 6h));
  BOOST_TEST(!epoch_at(UnixTime::max()));
}

BOOST_AUTO_TEST_SUITE_END()

struct MailboxFixture : test::CryptoFixture {
  KeyPair root = KeyPair::generate(random);
  KeyPair alice = KeyPair::generate(random);
  KeyPair bob = KeyPair::generate(random);
  KeyPair node = KeyPair::generate(random);

  /// The three kinds of mailbox, as the owner and as a writer derive them.
  std::vector<std::pair<OwnedMailbox, WritableMailbox>> all(Epoch epoch) {
    std::vector<std::pair<OwnedMailbox, WritableMailbox>> out;
    out.emplace_back(test::friends_box(root, alice.friend_key(), epoch),
                     *friends_mailbox(friends_root(root, alice.friend_key()), epoch));
    out.emplace_back(*own_public_mailbox(bob, nospam, epoch),
                     *public_mailbox(bob.friend_key(), nospam, epoch));
    out.emplace_back(*from_alice(bob, alice, epoch), std::move(from_alice(alice, bob, epoch)->mailbox));
    return out;
  }
  std::optional<OwnedMailbox> from_alice(const KeyPair& self, const KeyPair& peer, Epoch epoch) {
    return pair_mailbox(self.secret, peer.friend_key(), alice.friend_key(), bob.friend_key(), epoch);
  }
};

BOOST_FIXTURE_TEST_SUITE(mailboxes, MailboxFixture)

BOOST_AUTO_TEST_CASE(owner_and_writer_agree_on_the_address) {
  for (const Epoch epoch : {Epoch{0}, Epoch{77}, Epoch{0xffffffff}}) {
    for (const auto& [owned, written] : all(epoch)) {
      BOOST_TEST((owned.mailbox.address == written.address));
      BOOST_TEST(owned.mailbox.epoch == epoch);
      BOOST_TEST(written.epoch == epoch);
      BOOST_TEST((owned.mailbox.kind == written.kind));
      TOXASYNC_TEST_BYTES(owned.mailbox.write_secret.view(), written.write_secret.view());
      TOXASYNC_TEST_BYTES(owned.mailbox.header_secret.view(), written.header_secret.view());
      TOXASYNC_TEST_BYTES(x25519_base(written.write_secret.bytes()), written.address.w);
    }
  }
}

BOOST_AUTO_TEST_CASE(owner_and_node_agree_on_the_key_of_a_tag) {
  for (const auto& [owned, written] : all(9)) {
    ByteArray<32> by_owner{};
    ByteArray<32> by_node{};
    BOOST_TEST(owned.owner.apply(by_owner, node.public_key));
    BOOST_TEST(x25519(by_node, node.secret.bytes(), owned.mailbox.address.p));
    TOXASYNC_TEST_BYTES(by_owner, by_node);
    ByteArray<32> by_clone{};
    BOOST_TEST(owned.clone().owner.apply(by_clone, node.public_key));
    TOXASYNC_TEST_BYTES(by_owner, by_clone);
    ByteArray<32> by_writer{};
    BOOST_TEST(x25519(by_writer, written.write_secret.bytes(), node.public_key));
    BOOST_TEST(x25519(by_node, node.secret.bytes(), written.address.w));
    TOXASYNC_TEST_BYTES(by_writer, by_node);
  }
}

BOOST_AUTO_TEST_CASE(mailboxes_of_other_epochs_roots_and_directions_differ) {
  std::set<Point> points;
  std::set<BoxKey> keys;
  std::size_t count = 0;
  const auto add = [&](const MailboxAddress& address) {
    points.insert(address.p);
    points.insert(address.w);
    keys.insert(box_key(address));
    ++count;
  };
  for (const Epoch epoch : {Epoch{0}, Epoch{1}, Epoch{256}}) {
    for (const auto& [owned, written] : all(epoch)) {
      add(written.address);
    }
    add(friends_mailbox(friends_root(bob, alice.friend_key()), epoch)->address);
    add(public_mailbox(bob.friend_key(), {1, 2, 3, 5}, epoch)->address);
    add(public_mailbox(alice.friend_key(), nospam, epoch)->address);
    add(pair_mailbox(bob.secret, alice.friend_key(), bob.friend_key(), alice.friend_key(), epoch)
            ->mailbox.address);
  }
  BOOST_TEST(points.size() == 2 * count);
  BOOST_TEST(keys.size() == count);
}

BOOST_AUTO_TEST_CASE(each_mailbox_knows_the_kind_of_its_root) {
  const auto mailboxes = all(3);
  BOOST_TEST((mailboxes[0].second.kind == RootKind::friends));
  BOOST_TEST((mailboxes[1].second.kind == RootKind::open));
  BOOST_TEST((mailboxes[2].second.kind == RootKind::pair));
  BOOST_TEST((mailboxes[1].first.clone().mailbox.kind == RootKind::open));
}

BOOST_AUTO_TEST_CASE(another_w_is_another_box_at_the_node) {
  const auto mailbox = friends_mailbox(friends_root(root, alice.friend_key()), 5);
  MailboxAddress other = mailbox->address;
  other.w = alice.public_key;
  BOOST_TEST((box_key(other) != box_key(mailbox->address)));
  BOOST_TEST((box_key({other.w, other.p}) != box_key(other)));
  BOOST_TEST((id_from<BoxTag>(box_key(other)) == box_tag(other)));
}

BOOST_AUTO_TEST_CASE(refused_points_make_no_mailbox_and_no_agreement) {
  const auto mailboxes = all(3);
  for (const Point& point : test::refused_points()) {
    const FriendKey key(point.bytes());
    BOOST_TEST_CONTEXT(to_hex(point)) {
      BOOST_TEST(!friends_mailbox({point, friends_root(root, key).write_secret}, 3).has_value());
      BOOST_TEST(!public_mailbox(key, nospam, 3).has_value());
      BOOST_TEST(!pair_mailbox(alice.secret, key, alice.friend_key(), key, 3).has_value());
      for (const auto& [owned, written] : mailboxes) {
        ByteArray<32> out{};
        BOOST_TEST(!owned.owner.apply(out, point));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(boxes, MailboxFixture)

BOOST_AUTO_TEST_CASE(a_friend_and_the_owner_agree_on_the_friends_box) {
  const auto owned = FriendsMailbox::derive(root, 7);
  for (const KeyPair* writer : {&alice, &bob}) {
    const auto key = writer->friend_key();
    const auto written = friends_mailbox(friends_root(root, key), 7);
    BOOST_TEST((written->address.p == owned->p()));
    BOOST_TEST((written->address.w == owned->write_point(key)));
    BOOST_TEST((written->address == owned->box(key).mailbox.address));
    TOXASYNC_TEST_BYTES(written->header_secret.view(), owned->box(key).mailbox.header_secret.view());
    BOOST_TEST((owned->box(key).mailbox.writer == key));
    BOOST_TEST((owned->box(key).clone().mailbox.writer == key));
    TOXASYNC_TEST_BYTES(owned->box(key).clone().mailbox.header_secret.view(), written->header_secret.view());
  }
  BOOST_TEST(owned->epoch() == 7U);
}

BOOST_AUTO_TEST_CASE(friends_share_a_mailbox_and_nothing_else) {
  const auto of_alice = friends_root(root, alice.friend_key());
  const auto of_bob = friends_root(root, bob.friend_key());
  BOOST_TEST((of_alice.m == of_bob.m));
  BOOST_TEST((of_alice != of_bob));
  const auto a = friends_mailbox(of_alice, 7);
  const auto b = friends_mailbox(of_bob, 7);
  BOOST_TEST((a->address.p == b->address.p));
  BOOST_TEST((a->address.w != b->address.w));
  BOOST_TEST(a->write_secret.bytes() != b->write_secret.bytes());
  BOOST_TEST(a->header_secret.bytes() != b->header_secret.bytes());
}

BOOST_AUTO_TEST_CASE(the_secrets_of_a_box_are_others_in_each_epoch_and_root) {
  std::set<ByteArray<32>> secrets;
  const auto key = alice.friend_key();
  for (const KeyPair* of : {&root, &node}) {
    const auto given = friends_root(*of, key);
    secrets.insert(given.write_secret);
    for (const Epoch epoch : {Epoch{6}, Epoch{7}, Epoch{7 + (1U << 8U)}}) {
      const auto box = friends_mailbox(given, epoch);
      secrets.insert(box->write_secret.bytes());
      secrets.insert(box->header_secret.bytes());
    }
  }
  BOOST_TEST(secrets.size() == 14U);
}

BOOST_AUTO_TEST_CASE(other_roots_have_no_header_secret) {
  const auto mailboxes = all(3);
  for (const auto& [owned, written] : mailboxes) {
    const bool of_friends = written.kind == RootKind::friends;
    BOOST_TEST((written.header_secret.bytes() != ByteArray<32>{}) == of_friends);
  }
  BOOST_TEST((mailboxes[1].first.mailbox.writer == FriendKey{}));
  BOOST_TEST((mailboxes[2].first.mailbox.writer == alice.friend_key()));
}

BOOST_AUTO_TEST_CASE(fillers_differ_by_place_mailbox_and_root) {
  std::set<BoxTag> tags;
  const auto add = [&](const OwnerKey::Fillers& fillers) { tags.insert(fillers.begin(), fillers.end()); };
  const auto key = alice.friend_key();
  for (const Epoch epoch : {Epoch{3}, Epoch{4}}) {
    for (const auto& [owned, written] : all(epoch)) {
      for (std::uint32_t tens = 0; tens < 4; ++tens) {
        add(owned.owner.fillers(owned.mailbox.address.p, tens));
        BOOST_TEST((owned.clone().owner.fillers(owned.mailbox.address.p, tens) ==
                    owned.owner.fillers(owned.mailbox.address.p, tens)));
      }
    }
  }
  add(test::friends_box(node, key, 3).owner.fillers(FriendsMailbox::derive(root, 3)->p(), 0));
  BOOST_TEST(tags.size() == 10 * (2 * 3 * 4 + 1));
}

BOOST_AUTO_TEST_CASE(what_a_friend_is_given_is_written_as_m_and_then_u) {
  const auto given = friends_root(root, alice.friend_key());
  Bytes bytes(64);
  BOOST_TEST(*wire::encode(given, bytes) == 64U);
  TOXASYNC_TEST_BYTES(ByteView(bytes).first(32), root.public_key);
  TOXASYNC_TEST_BYTES(ByteView(bytes).last(32), given.write_secret);
  FriendsRoot back;
  BOOST_TEST((wire::decode(bytes, back) == wire::Error::none));
  BOOST_TEST((back == given));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(tags, MailboxFixture)

BOOST_AUTO_TEST_CASE(a_tag_differs_for_another_kind_key_node_session_or_request) {
  const auto shared = test::counting<32>(1);
  const Point session = alice.public_key;
  const Bytes request = test::counting_bytes(100);
  constexpr std::size_t offset = 20;
  const auto tag = [&](TagKind kind, const ByteArray<32>& key, const Point& n, const Point& x,
                       ByteView bytes) { return request_tag(kind, key, n, x, bytes, offset); };
  std::set<Tag> seen;
  seen.insert(tag(TagKind::owner, shared, node.public_key, session, request));
  seen.insert(tag(TagKind::write, shared, node.public_key, session, request));
  seen.insert(tag(TagKind::owner, test::counting<32>(2), node.public_key, session, request));
  seen.insert(tag(TagKind::owner, shared, bob.public_key, session, request));
  seen.insert(tag(TagKind::owner, shared, node.public_key, bob.public_key, request));
  seen.insert(tag(TagKind::owner, shared, node.public_key, session, ByteView(request).first(99)));
  BOOST_TEST(seen.size() == 6U);
  for (std::size_t i = 0; i < request.size(); ++i) {
    Bytes other = request;
    other[i] ^= 1;
    const bool in_tag = i >= offset && i < offset + 16;  // the field counts as zero, whatever stands in it
    BOOST_TEST(seen.insert(tag(TagKind::owner, shared, node.public_key, session, other)).second == !in_tag);
  }
}

BOOST_AUTO_TEST_CASE(a_tag_of_another_epoch_is_refused) {
  const Bytes request = test::counting_bytes(100);
  ByteArray<32> now{};
  ByteArray<32> next{};
  BOOST_TEST(FriendsMailbox::derive(root, 3)->owner().apply(now, node.public_key));
  BOOST_TEST(FriendsMailbox::derive(root, 4)->owner().apply(next, node.public_key));
  BOOST_TEST((request_tag(TagKind::owner, now, node.public_key, alice.public_key, request, 0) !=
              request_tag(TagKind::owner, next, node.public_key, alice.public_key, request, 0)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
