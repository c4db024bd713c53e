// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "thief.hpp"

// Stolen keys (docs/protocol.md, sections 4 and 5): what a thief who comes after the delivery can read, and
// whom a thief of the recipient's Tox key can pretend to be. Each attack is shown to work where it should.

namespace toxasync::test {

namespace {

/// A thief who came later: both Tox keys, both state files, the nodes' keys, and all that anybody saw.
class LateThief {
 public:
  LateThief(const World& world, std::vector<const User*> robbed) : tap_(world), robbed_(std::move(robbed)) {
    for (const User* const user : robbed_) {
      states_.emplace_back(*user->state);
      keep(user->secret);
      for (const auto& secret : states_.back().secrets("RLK")) {
        keep(secret);
      }
      for (const auto& secret : states_.back().secrets("R")) {
        roots_.push_back(crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(secret)));
      }
    }
    for (const auto& node : world.nodes) {
      keep(node->keys.current().pair.secret.bytes());
    }
  }

  /// Gives the thief one more private key.
  void keep(const ByteArray<32>& secret) { keys_.push_back(secret); }
  [[nodiscard]] const std::vector<SeenEnvelope>& seen() const { return tap_.envelopes; }
  [[nodiscard]] const std::vector<StolenState>& states() const { return states_; }
  [[nodiscard]] const Wiretap& tap() const { return tap_; }

  /// The box that it was for.
  [[nodiscard]] std::optional<crypto::OwnedMailbox> box_of(const SeenEnvelope& letter) const {
    for (const auto& root : roots_) {
      const auto mailbox = crypto::FriendsMailbox::derive(root, letter.epoch);
      for (const User* const writer : robbed_) {
        auto box = mailbox->box(writer->key);
        if (box.mailbox.address.p == letter.address.p && crypto::open_header(box, letter.envelope)) {
          return box;
        }
      }
    }
    return std::nullopt;
  }
  /// The header opens: the root was stolen (an exception that the document states).
  [[nodiscard]] std::optional<crypto::EnvelopeHeader> header(const SeenEnvelope& letter) const {
    const auto box = box_of(letter);
    return box ? std::optional(*crypto::open_header(*box, letter.envelope)) : std::nullopt;
  }

  /// Tries every private key that the thief has as k, as e, and as both of a wrong guess, with the other two
  /// agreements right.
  [[nodiscard]] std::optional<std::string> read(const SeenEnvelope& letter) const {
    const auto head = header(letter);
    const auto pre_key = head ? tap_.pre_keys.find(head->pre_key) : tap_.pre_keys.end();
    if (pre_key == tap_.pre_keys.end()) {
      return std::nullopt;
    }
    const crypto::Point& k = pre_key->second;
    const auto e = id_from<crypto::Point>(ByteView(letter.envelope).subspan(BodyBox::e_at));
    for (const User* const recipient : robbed_) {
      for (const User* const sender : robbed_) {
        if (sender->key != head->sender || recipient == sender) {
          continue;
        }
        BodyBox box;
        (void)crypto::x25519(box.er, recipient->secret, e);
        (void)crypto::x25519(box.sk, sender->secret, k);
        const auto address = box_of(letter)->mailbox.address;
        const auto context = BodyBox::context(letter.envelope, "toxasync/1 body", sender->key, recipient->key,
                                              k, address, letter.epoch);
        for (const auto& candidate : keys_) {
          for (const auto& point : {e, k, crypto::Point(sender->key.bytes()),
                                    crypto::Point(recipient->key.bytes()), address.p, address.w}) {
            if (!crypto::x25519(box.ek, candidate, point)) {
              continue;
            }
            if (const auto plain = box.open(letter.envelope, context)) {
              return std::string(plain->begin() + limits::envelope_body_fields, plain->end());
            }
          }
        }
      }
    }
    return std::nullopt;
  }

 private:
  Wiretap tap_;
  std::vector<const User*> robbed_;
  std::vector<StolenState> states_;
  std::vector<crypto::KeyPair> roots_;
  std::vector<ByteArray<32>> keys_;
};

/// A pair whose every packet is kept.
struct TappedPair : World {
  explicit TappedPair(bool whole = true) {
    keep_friend_log = true;
    network.keep_log(true);
    add_node();
    add_node();
    befriend(alice, bob);
    for (User* const user : {&alice, &bob}) {  // receipts go live here: they are under last-resort keys
      user->crash();
      user->config.receipt_delay = 24h;
      user->start();
      give_nodes(*user);
    }
    if (whole) {
      meet(alice, bob);
    } else {  // until alice has the first bundle, which has no one-time keys
      connect(alice, bob);
      BOOST_TEST_REQUIRE(run(2s, [&] { return alice.manager->friend_ready(bob.key); }));
      disconnect(alice, bob);
    }
  }
  /// By nodes, and then a receipt at a meeting.
  void deliver_stored(const std::vector<std::string>& texts) {
    bob.crash();
    for (const auto& text : texts) {
      alice.send(bob, text);
    }
    run(1min);
    bob.start();
    run(1min);
    meet(alice, bob);
  }

  User& alice = add_user();
  User& bob = add_user();
};

const std::string long_secret = "a secret of several parts: " + std::string(2500, '.');

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_compromise)

BOOST_FIXTURE_TEST_CASE(delivered_mail_with_a_one_time_key_opens_with_no_stolen_key, TappedPair) {
  StolenState alices_before(*alice.state);
  StolenState bobs_before(*bob.state);
  deliver_stored({"a short secret", long_secret});
  connect(alice, bob);
  alice.send(bob, "a live secret");
  bob.send(alice, "a secret answer");
  run(1min);
  BOOST_TEST_REQUIRE(bob.shown.size() == 3U);
  BOOST_TEST_REQUIRE(alice.shown.size() == 1U);
  BOOST_TEST(alice.manager->outbox_size() == 0U);
  BOOST_TEST(bob.manager->outbox_size() == 0U);

  LateThief thief(*this, {&alice, &bob});
  BOOST_TEST_REQUIRE(thief.seen().size() == 6U);  // 3 of them the parts of the long one
  for (const auto& letter : thief.seen()) {
    BOOST_TEST(thief.header(letter).has_value());
    BOOST_TEST(!thief.read(letter).has_value());
  }
  for (const auto& state : thief.states()) {
    for (const auto* text :
         {"a short secret", "a secret of several parts", "a live secret", "a secret answer"}) {
      BOOST_TEST(!state.contains(text), text);
    }
  }

  // The same attack, with the private halves that were there before: it is they that were missing, and
  // nothing else.
  std::set<std::string> read;
  for (const auto* const before : {&alices_before, &bobs_before}) {
    for (const auto& secret : before->secrets("K")) {
      thief.keep(secret);
    }
  }
  for (const auto& letter : thief.seen()) {
    const auto text = thief.read(letter);
    BOOST_TEST_REQUIRE(text.has_value());
    read.insert(text->substr(0, text->find('\0')).substr(0, 14));
  }
  BOOST_TEST((read == std::set<std::string>{"a short secret", "a secret of se", "a live secret",
                                            "a secret answe", "..............", std::string(14, '.')}));
}

BOOST_FIXTURE_TEST_CASE(no_private_half_of_a_used_one_time_key_is_left_in_any_row, TappedPair) {
  StolenState before(*bob.state);
  deliver_stored({"a short secret", long_secret});
  LateThief thief(*this, {&alice, &bob});
  std::set<crypto::PreKeyId> used;
  for (const auto& letter : thief.seen()) {
    used.insert(thief.header(letter).value().pre_key);
  }
  BOOST_TEST(used.size() == 2U);
  const auto found_in = [&](const StolenState& state) {
    std::size_t found = 0;
    for (const auto& window : state.windows()) {
      found += used.contains(crypto::pre_key_id(crypto::x25519_base(window))) ? 1 : 0;
    }
    return found;
  };
  BOOST_TEST(found_in(before) == 2U);
  for (const auto& state : thief.states()) {
    BOOST_TEST(found_in(state) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(mail_with_a_last_resort_key_opens_until_that_key_is_erased) {
  TappedPair world(false);
  world.deliver_stored({"a secret under a last-resort key"});
  BOOST_TEST_REQUIRE(world.bob.shown.size() == 1U);
  const auto readable = [&] {
    LateThief thief(world, {&world.alice, &world.bob});
    return std::ranges::any_of(thief.seen(), [&](const auto& letter) {
      const auto text = thief.read(letter);
      return text && text->starts_with("a secret under");
    });
  };
  BOOST_TEST(readable());  // the exception that the document states
  world.alice.crash();
  world.bob.crash();
  world.run(days(28 + 15) + 1s);  // its use, and the time that mail may be under way
  world.bob.start();
  world.run(10s);
  BOOST_TEST(!readable());
}

/// Somebody who stole bob's Tox key while bob and alice were friends, and speaks to bob as if they were
/// alice. They have what is public, and m, though that is more than they need; but no pre-key of bob's.
struct KeyThief : TappedPair {
  KeyThief() : tap(*this) {
    for (const auto& secret : StolenState(*bob.state).secrets("R")) {
      root = crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(secret));
    }
  }
  [[nodiscard]] crypto::OwnedMailbox mailbox() const {
    return crypto::FriendsMailbox::derive(root, crypto::epoch_at(clock.unix_time()).value())
        .value()
        .box(alice.key);
  }
  /// An envelope that says it is from alice, to bob; with any third agreement.
  Bytes forge(const crypto::OwnedMailbox& box, std::string_view label, const crypto::Point& k,
              const ByteArray<32>& third, crypto::MessageKind kind, std::uint64_t sequence, ByteView text) {
    ScriptedE e(random);
    crypto::EnvelopeBody body;
    body.sequence = sequence;
    body.floor = 1;
    body.sent_at_ms = since_1970_ms(clock.now().wall);
    body.lifetime_s = 86400;
    body.kind = kind;
    body.text.assign(text.begin(), text.end());
    const crypto::EnvelopeHeader header{alice.key, crypto::Instance{4711}, crypto::pre_key_id(k),
                                        random.id<crypto::MessageId>()};
    // Sealed with a key of their own first: all but the body is then as it should be.
    const crypto::KeyPair pretended{crypto::Secret<32>::random(random), crypto::Point(alice.key.bytes())};
    auto sealed = crypto::seal_envelope(pretended, bob.key, k, box.mailbox, header, body, {}, e);
    BOOST_TEST_REQUIRE(sealed.has_value());
    Bytes envelope = std::move(*sealed);
    BodyBox right;
    BodyBox wrong;
    (void)crypto::x25519(right.er, e.secret, crypto::Point(bob.key.bytes()));
    (void)crypto::x25519(right.ek, e.secret, k);
    wrong = right;
    (void)crypto::x25519(wrong.sk, pretended.secret.bytes(), k);
    right.sk = third;
    const auto context =
        BodyBox::context(envelope, label, alice.key, bob.key, k, box.mailbox.address, box.mailbox.epoch);
    const auto plain = wrong.open(envelope, context);
    BOOST_TEST_REQUIRE(plain.has_value());
    crypto::aead_seal(right.key(context), {}, context, *plain,
                      MutableBytes(envelope).subspan(BodyBox::body_at));
    last_e = e.secret;
    return envelope;
  }
  /// On the live channel, as if alice had sent it, and by a node.
  void deliver(const crypto::OwnedMailbox& box, const Bytes& envelope) {
    const protocol::LiveEnvelope live{box.mailbox.epoch, box.mailbox.address.p, envelope};
    give(protocol::FriendPacketType::envelope, live);
    const auto now = clock.unix_time();
    nodes[0]->put(box.mailbox.address, envelope, now + 24h, now);
  }
  template <class Message>
  void give(protocol::FriendPacketType type, const Message& message) {
    bob.manager->on_friend_packet(alice.key, protocol::make_friend_packet(type, message));
  }
  /// A bundle that says it is alice's, with everything right that whoever has bob's key can make right.
  protocol::BundleHead forged_head(const protocol::BundleHead& genuine) {
    auto head = genuine;
    head.version.version += 10;
    const auto his_root = crypto::KeyPair::generate(random);
    head.root = crypto::friends_root(his_root, bob.key);
    head.last_resort = crypto::KeyPair::generate(random).public_key;
    head.one_time_count = 0;
    head.keys_hash = protocol::one_time_hash({});
    return head;
  }
  void finish(protocol::BundleHead& head, bool signed_by_him) {
    ByteArray<32> shared{};
    (void)crypto::x25519(shared, bob.secret, head.root.m);
    head.root_mac = protocol::root_mac(shared, head.root.m, alice.key, bob.key, head.version);
    if (signed_by_him) {
      head.sign(crypto::SigningKey(random.array<32>()), alice.key, bob.key);
    }
  }

  struct ScriptedE final : Random {
    explicit ScriptedE(Random& random) : secret(random.array<32>()) {}
    void fill(MutableBytes out) noexcept override { std::copy_n(secret.begin(), out.size(), out.begin()); }
    ByteArray<32> secret;
  };

  Wiretap tap;
  SeededRandom random{31337};
  crypto::KeyPair root;
  ByteArray<32> last_e{};
};

BOOST_FIXTURE_TEST_CASE(stolen_tox_key_of_the_recipient_forges_no_message, KeyThief) {
  alice.crash();
  const auto waiting = bob.send(alice, "not delivered yet");  // a forged receipt would say it is
  run(10s);
  std::vector<crypto::Point> pre_keys = {crypto::Point(bob.key.bytes()),
                                         crypto::KeyPair::generate(random).public_key};
  for (const auto& [id, key] : tap.pre_keys) {
    const auto bobs = StolenState(*bob.state).secrets("LK");
    const bool is_bobs = std::ranges::any_of(
        bobs, [&, &public_half = key](const auto& k) { return crypto::x25519_base(k) == public_half; });
    if (is_bobs && pre_keys.size() < 5) {
      pre_keys.push_back(key);
    }
  }
  for (const auto& head : tap.heads) {
    if (head.root.m == root.public_key) {
      pre_keys.push_back(head.last_resort);
      break;
    }
  }
  BOOST_TEST_REQUIRE(pre_keys.size() == 6U);
  const auto box = mailbox();
  const auto own = random.array<32>();
  std::size_t forged = 0;
  for (const auto& k : pre_keys) {
    for (const auto kind : {crypto::MessageKind::normal, crypto::MessageKind::receipt,
                            crypto::MessageKind::nack, crypto::MessageKind::bundle}) {
      const auto text = kind == crypto::MessageKind::receipt || kind == crypto::MessageKind::nack
                            ? ByteView(waiting)
                            : as_bytes("trust me, I am alice");
      for (const auto& scalar : {bob.secret, root.secret.bytes(), own, last_e}) {
        for (const auto& point : {crypto::Point(alice.key.bytes()), k, crypto::Point(bob.key.bytes()),
                                  root.public_key, crypto::x25519_base(own)}) {
          ByteArray<32> third{};
          (void)crypto::x25519(third, scalar, point);  // zero is tried, too
          deliver(box, forge(box, "toxasync/1 body", k, third, kind, 1, text));
          ++forged;
        }
      }
    }
  }
  const auto refused = [&] {
    return bob[Counter::refused_envelope_body] + bob[Counter::refused_pre_key_unknown];
  };
  BOOST_TEST(run(30min, [&] { return refused() >= 2 * forged; }));  // some stay there, to be answered later
  BOOST_TEST(bob.shown.empty());
  BOOST_TEST(bob.told(waiting).find("delivered") == std::string::npos);

  // With the one thing that they do not have, alice's key, it is taken: it is that which was missing.
  const auto& k = pre_keys.at(2);
  ByteArray<32> third{};
  (void)crypto::x25519(third, alice.secret, k);
  deliver(box,
          forge(box, "toxasync/1 body", k, third, crypto::MessageKind::normal, 1, as_bytes("I am alice")));
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(stolen_tox_key_of_the_recipient_forges_no_later_bundle, KeyThief) {
  std::vector<protocol::BundleHead> alices;
  std::ranges::copy_if(tap.heads, std::back_inserter(alices),
                       [&](const auto& head) { return head.is_signed(alice.key, bob.key); });
  BOOST_TEST_REQUIRE(!alices.empty());
  const auto& genuine = alices.back();
  bob.manager->on_friend_presence(alice.key, true);

  auto later = forged_head(genuine);  // a later version, with a signer of their own
  finish(later, true);
  auto follower = forged_head(genuine);  // an instance that takes the genuine one's place
  follower.replaces = genuine.version.instance;
  follower.version.instance = crypto::Instance{4711};
  finish(follower, true);
  auto copied =
      forged_head(genuine);  // with the genuine signer's name, and a signature that is for something else
  finish(copied, false);
  for (const auto& head : {later, follower, copied}) {
    const auto before = bob[Counter::refused_bundle];
    give(protocol::FriendPacketType::bundle_head, head);
    run(1s);
    BOOST_TEST(bob[Counter::refused_bundle] == before + 1);
  }
  // As messages: in the friends mailbox they fail as any forged message does. Whoever has bob's key can write
  // to the pair mailbox, and seal for it; but not sign.
  const auto epoch = crypto::epoch_at(clock.unix_time()).value();
  const auto pair =
      crypto::pair_mailbox(crypto::Secret<32>::copy_of(bob.secret), alice.key, alice.key, bob.key, epoch)
          .value();
  auto stranger = forged_head(genuine);
  stranger.version.instance = crypto::Instance{4712};
  finish(stranger, true);
  ByteArray<32> static_dh{};
  (void)crypto::x25519(static_dh, bob.secret, crypto::Point(alice.key.bytes()));
  for (const auto& head : {later, follower, copied, stranger}) {
    Bytes text(limits::whole_bundle);
    text.resize(*wire::encode(protocol::WholeBundle{head, {}}, text));
    deliver(pair, forge(pair, "toxasync/1 pair", crypto::Point(bob.key.bytes()), static_dh,
                        crypto::MessageKind::bundle, 0, text));
    const auto box = mailbox();
    for (const auto& k : {genuine.last_resort, crypto::Point(bob.key.bytes())}) {
      deliver(box, forge(box, "toxasync/1 body", k, static_dh, crypto::MessageKind::bundle, 0, text));
    }
  }
  run(30min);

  // Bob's mail goes where it went, sealed with keys that alice has.
  bob.manager->on_friend_presence(alice.key, false);
  const auto id = bob.send(alice, "to the true one");
  BOOST_TEST(run(20min, [&] { return alice.shown.size() == 1; }), bob.told(id));
  // And her own next bundle is taken.
  StorageNode& third = add_node();
  (void)alice.manager->add_home_node(third.known());
  meet(alice, bob);
  alice.crash();
  const auto next = bob.send(alice, "to her new node, too");
  BOOST_TEST(run(1min, [&] { return bob.told(next).ends_with("stored:3/3"); }));
}

BOOST_FIXTURE_TEST_CASE(a_genuine_bundle_whose_keys_were_exchanged_is_refused, KeyThief) {
  // The head is genuine; the keys that follow it are not those that it names.
  std::vector<Bytes> packets;
  friend_filter = [&](FriendPacket& packet) {
    if (packet.from == &alice && (packet.bytes[3] == 1 || packet.bytes[3] == 2)) {
      packets.push_back(packet.bytes);
      return true;
    }
    return false;
  };
  connect(alice, bob);
  for (int i = 0; i < 75; ++i) {  // so that the next bundle has keys
    bob.send(alice, "x");
  }
  BOOST_TEST_REQUIRE(run(30min, [&] { return alice.shown.size() == 75; }));
  run(10s);
  disconnect(alice, bob);
  friend_filter = nullptr;
  for (const auto& node : nodes) {
    node->switch_off();  // else the bundle, which is genuine there, comes by them
  }
  const auto keys_packet = std::ranges::find_if(packets, [](const Bytes& bytes) { return bytes[3] == 2; });
  BOOST_TEST_REQUIRE((keys_packet != packets.end()));
  keys_packet->back() ^= 1;
  bob.manager->on_friend_presence(alice.key, true);
  const auto before = bob[Counter::refused_bundle];
  const auto accepted = bob[Counter::bundles_accepted];
  for (const auto& bytes : packets) {
    bob.manager->on_friend_packet(alice.key, bytes);
  }
  run(1s);
  BOOST_TEST(bob[Counter::refused_bundle] > before);
  BOOST_TEST(bob[Counter::bundles_accepted] == accepted);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
