// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/envelope.hpp"

#include "chosen_envelope.hpp"
#include "target.hpp"
#include "tests/support/seeded_random.hpp"

// Envelopes in a mailbox of each kind: sealed as a friend of any intention could, and changed in one place.

namespace {

using namespace toxasync;

struct People {
  test::SeededRandom random{3};
  crypto::KeyPair sender = crypto::KeyPair::generate(random);
  crypto::KeyPair recipient = crypto::KeyPair::generate(random);
  crypto::KeyPair pre_key = crypto::KeyPair::generate(random);
  crypto::KeyPair e = crypto::KeyPair::generate(random);
  crypto::KeyPair root = crypto::KeyPair::generate(random);
  std::array<crypto::OwnedMailbox, 3> mailboxes{
      crypto::FriendsMailbox::derive(root, 7).value().box(sender.friend_key()),
      crypto::own_public_mailbox(recipient, {1, 2, 3, 4}, 7).value(),
      crypto::pair_mailbox(recipient.secret, sender.friend_key(), sender.friend_key(), recipient.friend_key(),
                           7)
          .value()};
};

crypto::EnvelopeBody choose_body(fuzz::Source& source) {
  crypto::EnvelopeBody body;
  body.sequence = source.number<std::uint64_t>();
  body.floor = source.number<std::uint64_t>();
  body.sent_at_ms = source.number<std::uint64_t>();
  body.lifetime_s = source.number<std::uint32_t>();
  body.kind = crypto::MessageKind(source.number());
  body.part = source.number();
  body.parts = source.number();
  const ByteView text = source.block();
  body.text.assign(text.begin(), text.end());
  return body;
}

bool equal(const crypto::EnvelopeBody& a, const crypto::EnvelopeBody& b) {
  return a.sequence == b.sequence && a.floor == b.floor && a.sent_at_ms == b.sent_at_ms &&
         a.lifetime_s == b.lifetime_s && a.kind == b.kind && a.part == b.part && a.parts == b.parts &&
         a.text == b.text;
}

/// Header and body; nothing where one of them does not open.
std::optional<std::pair<crypto::EnvelopeHeader, crypto::EnvelopeBody>> open(
    const People& people, const crypto::OwnedMailbox& mailbox, ByteView envelope) {
  const auto header = crypto::open_header(mailbox, envelope);
  if (!header) {
    return std::nullopt;
  }
  const auto body = crypto::open_body(mailbox, people.recipient, people.pre_key, *header, envelope);
  return body ? std::optional(std::pair(*header, *body)) : std::nullopt;
}

/// By crypto::seal_envelope: what it seals opens as it was, and nothing that was changed opens.
void honest(fuzz::Source& source, const People& people, const crypto::OwnedMailbox& mailbox) {
  auto header = source.message<crypto::EnvelopeHeader>();
  header.sender = people.sender.friend_key();
  const auto body = choose_body(source);
  test::SeededRandom random(5);
  auto envelope = crypto::seal_envelope(people.sender, people.recipient.friend_key(),
                                        people.pre_key.public_key, mailbox.mailbox, header, body, {}, random);
  if (!envelope) {
    return;
  }
  const auto opened = open(people, mailbox, *envelope);
  fuzz::check(opened && equal(opened->second, body), "what was sealed opens as it was");
  fuzz::check(opened->first.sender == header.sender && opened->first.message_id == header.message_id &&
                  opened->first.pre_key == header.pre_key && opened->first.instance == header.instance,
              "a header opens as it was");
  const std::uint8_t change = source.number();
  (*envelope)[source.number<std::uint16_t>() % envelope->size()] ^= change;
  fuzz::check(change == 0 || !open(people, mailbox, *envelope), "an envelope that was changed does not open");
}

/// With any plaintext: what opens is within its limits, and an honest sender could have sealed the same.
void forged(fuzz::Source& source, const People& people, const crypto::OwnedMailbox& mailbox) {
  crypto::EnvelopeHeader header = source.message<crypto::EnvelopeHeader>();
  header.sender =
      mailbox.mailbox.kind == crypto::RootKind::open ? people.sender.friend_key() : crypto::FriendKey{};
  const auto content =
      fuzz::choose_envelope(source, people.sender, people.recipient.friend_key(), people.pre_key.public_key,
                            mailbox.mailbox.kind, header, choose_body(source));
  const auto envelope = content.value().seal(mailbox.mailbox, people.e);
  const auto opened = open(people, mailbox, envelope.value());
  if (!opened) {
    return;
  }
  const auto& [seen, body] = *opened;
  fuzz::check(seen.sender == people.sender.friend_key(), "a body opens only by the key of its sender");
  fuzz::check(body.parts >= 1 && body.parts <= limits::parts && body.part < body.parts,
              "a part is one of its parts");
  fuzz::check(body.text.size() <= (content->large ? limits::large_text : limits::small_text), "a text fits");
  test::SeededRandom random(5);
  fuzz::check(crypto::seal_envelope(people.sender, people.recipient.friend_key(), people.pre_key.public_key,
                                    mailbox.mailbox, seen, body, {}, random)
                  .has_value(),
              "what opens could have been sealed");
}

}  // namespace

TOXASYNC_FUZZ_TARGET(envelope) {
  static const People people;
  fuzz::Source source(in);
  const auto& mailbox = people.mailboxes[source.below(people.mailboxes.size())];
  switch (source.below(3)) {
    case 0:
      return honest(source, people, mailbox);
    case 1:
      return forged(source, people, mailbox);
    default:
      fuzz::check(!open(people, mailbox, source.bytes(in.size())), "no envelope is forged by chance");
  }
}
