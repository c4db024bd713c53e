// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "hostile_friend.hpp"

// Envelopes: docs/protocol.md, section 4.

namespace toxasync::sim {

namespace {

constexpr std::size_t remembered_letters = 30;
constexpr std::size_t most_letters = 4000;
constexpr std::string_view plain_text = "from somebody hostile ";
constexpr std::uint8_t filling = 'x';  ///< Of long texts, where it says nothing of the sealing.

/// What fills the long texts that are sealed with that pre-key: so that it shows whether parts of two
/// sealings are in one text.
std::uint8_t filling_for(const crypto::Point& pre_key) {
  constexpr unsigned letters = 26;
  return static_cast<std::uint8_t>('A' + crypto::pre_key_id(pre_key)[0] % letters);
}

}  // namespace

bool HostileFriend::is_of_two_sealings(ByteView text) {
  const auto is_filling = [](std::uint8_t c) { return c >= 'A' && c <= 'Z'; };
  const auto first = std::ranges::find_if(text, is_filling);
  return text.size() > limits::large_text &&  // else it is of one part, perhaps of random bytes
         std::any_of(first, text.end(), [&](std::uint8_t c) { return is_filling(c) && c != *first; });
}

std::vector<HostileFriend::Letter> HostileFriend::write_letters(Victim& victim, crypto::MessageKind kind) {
  const auto* const head = head_to_use(victim);
  if (head == nullptr || written_ >= most_letters) {
    return {};
  }
  Forgery forgery;
  forgery.recipient = victim.user->key;
  forgery.pre_key = key_to_use(victim, *head, kind);
  forgery.body.kind = kind;
  name_sender(victim, forgery);
  name_place(installation(victim), forgery.body);
  if (crypto::is_ordered(kind) && temper_.does("has a new installation for each letter")) {
    forgery.header.instance = crypto::Instance{random_.u64()};
    forgery.body.floor = forgery.body.sequence;  // else it would be waited for what there is not
  }
  name_dates(forgery.body);
  const auto root = head->root;

  Bytes text = any_text(victim, kind);
  const bool anew = crypto::is_ordered(kind) && temper_.does("seals a message anew half-way");
  if (anew && limits::parts_needed(text.size()) == 1) {
    text.resize(limits::large_text + 1 + random_.below(3 * limits::large_text), filling);
  }
  const auto parts = limits::parts_needed(text.size());
  const auto first = twists_("letter: begins with a later part") ? random_.below(parts) : 0;
  const bool gaps = twists_("letter: some parts are missing");
  std::vector<Letter> letters;
  const auto write = [&](std::size_t part) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(part * limits::large_text);
    const auto size = std::min(limits::large_text, text.size() - part * limits::large_text);
    forgery.body.part = static_cast<std::uint8_t>(part);
    forgery.body.parts = static_cast<std::uint8_t>(parts);
    forgery.body.text.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    if (crypto::is_ordered(kind)) {
      std::ranges::replace(forgery.body.text, filling, filling_for(forgery.pre_key));
    }
    if (gaps && random_.chance(300)) {
      return;
    }
    if (auto letter = write_part(victim, root, forgery)) {
      letters.push_back(std::move(*letter));
      ++written_;
    }
  };
  if (anew) {
    for (std::size_t i = 1 + random_.below(parts - 1); i > 0; --i) {
      write((first + i) % parts);
    }
    const bool same = forgery.pre_key == head->last_resort && !victim.heads.empty();
    forgery.pre_key = same ? one_of(random_, victim.heads).last_resort : key_to_use(victim, *head, kind);
    forgery.header.pre_key = crypto::pre_key_id(forgery.pre_key);
  }
  for (std::size_t i = 0; i < parts; ++i) {
    write((first + i) % parts);
  }
  if (spoils_ && text.size() >= plain_text.size()) {
    spoiled_.insert(text);
  }
  return letters;
}

std::optional<HostileFriend::Letter> HostileFriend::write_part(Victim& victim,
                                                               const crypto::FriendsRoot& root,
                                                               Forgery forgery) {
  if (twists_("letter: any part number")) {
    forgery.body.part = static_cast<std::uint8_t>(any_number(random_));
    forgery.body.parts = static_cast<std::uint8_t>(any_number(random_));
  }
  if (twists_("letter: a wrong length")) {
    forgery.length = static_cast<std::uint16_t>(any_number(random_));
  }
  forgery.padded_with_ones = twists_("letter: padding that is not zero");
  forgery.large = twists_("letter: large for a short text");
  const auto room = forgery.large || forgery.body.text.size() > limits::small_text ? limits::large_text
                                                                                   : limits::small_text;
  spoils_ = spoils_ || (forgery.padded_with_ones && forgery.body.text.size() < room) ||
            forgery.header.pre_key != crypto::pre_key_id(forgery.pre_key);
  if (twists_("letter: sealed for another kind of root")) {
    spoils_ = true;
    forgery.label = random_.chance(500) ? crypto::RootKind::open : crypto::RootKind::pair;
  }
  forgery.secret = random_.id<crypto::CancelSecret>();
  crypto::Epoch epoch = client_.epoch();
  if (twists_("letter: of an epoch beside this one")) {
    epoch = static_cast<crypto::Epoch>(epoch + random_.below(7) - 3);
  }
  auto mailbox = crypto::friends_mailbox(root, epoch);
  if (mailbox && twists_("letter: without the header secret")) {
    spoils_ = true;
    const auto other = crypto::friends_mailbox(root, epoch - 1);
    mailbox->header_secret =
        other && random_.chance(500) ? other->header_secret.clone() : crypto::Secret<32>::random(random_);
  }
  auto envelope = mailbox ? forge(forgery, client_.self(), *mailbox, random_) : std::nullopt;
  if (!envelope) {
    return std::nullopt;
  }
  damage(victim, *envelope);
  Letter letter{{epoch, mailbox->address.p, std::move(*envelope)},
                std::move(*mailbox),
                forgery.header.message_id,
                forgery.pre_key,
                forgery.secret};
  remember(victim.letters,
           Letter{letter.live, letter.mailbox.clone(), letter.id, letter.pre_key, letter.secret},
           remembered_letters);
  return letter;
}

/// After it was sealed.
void HostileFriend::damage(const Victim& victim, Bytes& envelope) {
  if (twists_("letter: flips a bit")) {
    spoils_ = true;
    flip_a_bit(random_, envelope);
  }
  if (victim.letters.empty()) {
    return;
  }
  const Bytes& other = one_of(random_, victim.letters).live.envelope;
  const bool head = twists_("letter: the header of another one");
  if (head || twists_("letter: the body of another one")) {
    spoils_ = true;
    const auto from = head ? std::size_t{0} : limits::envelope_prefix;
    const auto to = head ? limits::envelope_prefix : std::min(envelope.size(), other.size());
    std::copy(other.begin() + static_cast<std::ptrdiff_t>(from),
              other.begin() + static_cast<std::ptrdiff_t>(to),
              envelope.begin() + static_cast<std::ptrdiff_t>(from));
  }
}

// --- Fields ---

const protocol::BundleHead* HostileFriend::head_to_use(Victim& victim) {
  const Victim& other = twists_("letter: by another friend's bundle") ? any_victim() : victim;
  spoils_ = &other != &victim;  // sealed for the one, in a mailbox of the other
  if (other.heads.empty()) {
    return nullptr;
  }
  return twists_("letter: by an old bundle") ? &one_of(random_, other.heads) : &other.heads.back();
}

crypto::Point HostileFriend::key_to_use(Victim& victim, const protocol::BundleHead& head,
                                        crypto::MessageKind kind) {
  if (twists_("letter: a pre-key that nobody has")) {
    spoils_ = true;
    return random_.chance(500) ? any_point(random_) : crypto::KeyPair::generate(random_).public_key;
  }
  const bool one_time = crypto::is_ordered(kind) != twists_("letter: a pre-key of the wrong sort");
  if (victim.used > 0 && twists_("letter: a pre-key that was used")) {
    return victim.keys[random_.below(victim.used)];
  }
  return one_time && victim.used < victim.keys.size() ? victim.keys[victim.used++] : head.last_resort;
}

void HostileFriend::name_sender(Victim& victim, Forgery& forgery) {
  auto& header = forgery.header;
  header.instance =
      twists_("letter: from any instance") ? any_instance(victim) : victim.installations.back().instance;
  header.pre_key = crypto::pre_key_id(forgery.pre_key);
  if (twists_("letter: names another pre-key")) {
    header.pre_key = victim.letters.empty() || random_.chance(500)
                         ? random_.id<crypto::PreKeyId>()
                         : crypto::pre_key_id(one_of(random_, victim.letters).pre_key);
  }
  header.message_id =
      twists_("letter: an id that is in use") ? any_id(victim) : random_.id<crypto::MessageId>();
  if (twists_("letter: names a sender")) {
    header.sender = random_.chance(500) ? key() : one_of(random_, world_.users)->key;
  }
}

void HostileFriend::name_place(Installation& from, crypto::EnvelopeBody& body) {
  const bool ordered = crypto::is_ordered(body.kind);
  body.sequence = ordered ? ++from.sequence : 0;
  body.floor = ordered ? 1 + random_.below(body.sequence) : 0;
  if (twists_("letter: any sequence number")) {
    body.sequence = any_number(random_);
  } else if (twists_("letter: skips sequence numbers")) {
    body.sequence = from.sequence += random_.below(3000);
  } else if (twists_("letter: a sequence number again")) {
    body.sequence = from.sequence - random_.below(3);
  }
  if (twists_("letter: any floor")) {
    body.floor = random_.chance(500) ? any_number(random_) : body.sequence + random_.below(3) - 1;
  }
}

void HostileFriend::name_dates(crypto::EnvelopeBody& body) {
  const auto now = world_.clock.now().wall;
  body.sent_at_ms = since_1970_ms(now);
  body.lifetime_s = clamped_count<std::uint32_t, seconds>(
      one_of(random_, std::vector<seconds>(limits::times_to_live.begin(), limits::times_to_live.end())));
  if (twists_("letter: sent at any time")) {
    body.sent_at_ms = any_number(random_);
  } else if (twists_("letter: sent long ago or in the future")) {
    const auto off = any_time(random_, 1s, days(800));
    body.sent_at_ms = since_1970_ms(random_.chance(500) ? now - off : now + off);
  }
  if (twists_("letter: any lifetime")) {
    body.lifetime_s = static_cast<std::uint32_t>(any_number(random_));
  }
}

// --- Texts ---

crypto::MessageKind HostileFriend::any_kind() {
  if (twists_("letter: a receipt, a nack or a bundle")) {
    static constexpr std::array kinds{crypto::MessageKind::receipt, crypto::MessageKind::nack,
                                      crypto::MessageKind::bundle};
    return kinds[random_.below(kinds.size())];
  }
  if (twists_("letter: a kind that is not allowed")) {
    return static_cast<crypto::MessageKind>(random_.chance(500) ? 3 : 6 + random_.below(250));
  }
  return random_.chance(800) ? crypto::MessageKind::normal : crypto::MessageKind::action;
}

Bytes HostileFriend::any_text(Victim& victim, crypto::MessageKind kind) {
  if (twists_("letter: empty")) {
    return {};
  }
  if (twists_("letter: random bytes")) {
    return any_bytes(random_, random_.below(limits::large_text));
  }
  if (kind == crypto::MessageKind::receipt || kind == crypto::MessageKind::nack) {
    return any_ids(victim);
  }
  if (kind == crypto::MessageKind::bundle) {
    return whole_bundle(victim);
  }
  const auto start = as_bytes(plain_text);
  Bytes text(start.begin(), start.end());
  const std::string number = std::to_string(random_.u64());
  text.insert(text.end(), number.begin(), number.end());
  if (twists_("letter: of many parts")) {
    text.resize(random_.chance(100) ? limits::parts * limits::large_text : random_.below(9000) + 1, filling);
  }
  return text;
}

Bytes HostileFriend::any_ids(Victim& victim) {
  Bytes text;
  const std::size_t count = 1 + random_.below(twists_("letter: as many ids as fit") ? 61 : 5);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = any_id(victim);
    text.insert(text.end(), id.begin(), id.end());
  }
  if (twists_("letter: part of an id")) {
    text.resize(random_.below(text.size()));
  }
  return text;
}

Bytes HostileFriend::whole_bundle(Victim& victim) {
  Installation& from =
      twists_("letter: the bundle of a new installation") ? add_installation(victim) : installation(victim);
  protocol::WholeBundle bundle{make_head(victim, from), from.keys};
  bundle.keys.resize(std::min(bundle.keys.size(), limits::one_time_keys));
  Bytes text(limits::whole_bundle);
  const auto size = wire::encode(bundle, text);
  text.resize(size ? *size : 0);
  return text;
}

}  // namespace toxasync::sim
