// SPDX-License-Identifier: GPL-3.0-or-later
#include "stranger.hpp"

#include "bounds.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

constexpr std::size_t turns_at_once = 10;
constexpr milliseconds idle = 24h;

}  // namespace

Stranger::Stranger(test::World& world, std::uint64_t seed, Tally& tally)
    : world_(world),
      temper_(seed, tally),
      random_(temper_.random()),
      client_(world, seed + 1),
      pace_(temper_, tally, world.clock.steady()) {}

const std::vector<Stranger::Way>& Stranger::ways() {
  using S = Stranger;
  static const std::vector<Way> all{
      {"asks for friendship", &S::ask},
      {"asks for friendship in many names", &S::ask_in_many_names},
      {"asks for friendship again", &S::ask_again},
      {"cancels a request", &S::cancel},
      {"cancels and asks again and again", &S::cancel_in_a_storm},
      {"fills a public mailbox", &S::fill_public_mailbox},
      {"fills a node", &S::fill_node},
      {"stores beside the boxes of friends", &S::store_beside_friends},
      {"lists the mailbox of somebody else", &S::list_others_mailbox},
      {"sends a malformed store", &S::raw_store},
      {"sends junk", &S::send_junk},
      {"sends from somebody else's address", &S::send_as_somebody_else},
      {"replays a frame", &S::replay},
      {"asks for nodes", &S::ask_for_nodes},
  };
  return all;
}

SteadyTime Stranger::next() const {
  return stopped_ ? never : std::min(client_.next(), pace_.next());
}

void Stranger::tick() {
  if (stopped_) {
    return;
  }
  client_.tick();
  for (std::size_t i = 0; i < turns_at_once && pace_.next() <= world_.clock.steady(); ++i) {
    if (pace_.is_over() || world_.users.empty() || client_.any_node() == nullptr) {
      pace_.wait_until(world_.clock.steady() + idle);
      world_.by_hand[client_.key()].clear();
      return;
    }
    twists_.draw();
    (this->*pace_.turn<Way>(ways(), world_.clock.steady()).go)();
  }
}

// --- Friend requests ---

void Stranger::ask() {
  store_request(client_.self(), random_.id<crypto::MessageId>());
}

void Stranger::ask_in_many_names() {
  const std::size_t count = 1 + random_.below(10);
  for (std::size_t i = 0; i < count; ++i) {
    remember(names_, crypto::KeyPair::generate(random_), 40);
    store_request(names_.back(), random_.id<crypto::MessageId>());
  }
}

void Stranger::ask_again() {
  const auto& name = names_.empty() || random_.chance(300) ? client_.self() : one_of(random_, names_);
  store_request(name, ids_.empty() ? random_.id<crypto::MessageId>() : one_of(random_, ids_));
}

void Stranger::store_request(const crypto::KeyPair& name, const crypto::MessageId& id) {
  const auto& user = any_user();
  crypto::Epoch epoch = client_.epoch();
  if (twists_("request: of an epoch beside this one")) {
    epoch = static_cast<crypto::Epoch>(epoch + random_.below(5) - 2);
  }
  const auto mailbox = crypto::public_mailbox(user.key, nospam, epoch);
  if (!mailbox) {
    return;
  }
  remember(ids_, id, 40);
  Forgery forgery;
  forgery.recipient = user.key;
  forgery.pre_key = crypto::point_of(user.key);
  forgery.label = crypto::RootKind::open;
  forgery.secret = random_.id<crypto::CancelSecret>();
  forgery.header = {name.friend_key(), crypto::Instance{}, crypto::pre_key_id(forgery.pre_key), id};
  name_request(forgery);
  auto envelope = forge(forgery, name, *mailbox, random_);
  const auto* const node = client_.any_node();
  if (envelope && node != nullptr) {
    if (twists_("request: flips a bit")) {
      flip_a_bit(random_, *envelope);
    }
    client_.store(node->id, *mailbox, std::move(*envelope), forgery.secret, any_ttl());
  }
}

void Stranger::name_request(Forgery& forgery) {
  if (twists_("request: in the name of somebody else")) {
    forgery.header.sender = any_user().key;
  }
  if (twists_("request: any instance or pre-key")) {
    forgery.header.instance = crypto::Instance{any_number(random_)};
    forgery.header.pre_key = random_.id<crypto::PreKeyId>();
  }
  auto& body = forgery.body;
  body.kind = crypto::MessageKind::friend_request;
  body.sent_at_ms = since_1970_ms(world_.clock.now().wall);
  body.lifetime_s = 86'400;
  body.text = any_text();
  if (twists_("request: another kind")) {
    body.kind = static_cast<crypto::MessageKind>(random_.below(9));
  }
  if (twists_("request: has a place in an order")) {
    body.sequence = any_number(random_);
    body.floor = any_number(random_);
  }
  if (twists_("request: any date or lifetime")) {
    body.sent_at_ms = any_number(random_);
    body.lifetime_s = static_cast<std::uint32_t>(any_number(random_));
  }
  if (twists_("request: any part number")) {
    body.part = static_cast<std::uint8_t>(any_number(random_));
    body.parts = static_cast<std::uint8_t>(any_number(random_));
  }
  if (twists_("request: a wrong length")) {
    forgery.length = static_cast<std::uint16_t>(any_number(random_));
  }
}

Bytes Stranger::any_text() {
  if (twists_("request: empty")) {
    return {};
  }
  if (twists_("request: as long as fits")) {
    return Bytes(limits::large_text - random_.below(70), 'x');
  }
  if (twists_("request: random bytes")) {
    return any_bytes(random_, random_.below(limits::friend_request_text));
  }
  const auto text = as_bytes("Hello, it is nobody you know");
  return {text.begin(), text.end()};
}

void Stranger::cancel() {
  const auto* const stored = client_.any_stored();
  const auto* const node = client_.any_node();
  if (stored != nullptr && node != nullptr) {
    const auto secret =
        twists_("cancels with a wrong secret") ? random_.id<crypto::CancelSecret>() : stored->secret;
    client_.cancel(*stored, random_.chance(300) ? node->id : stored->node, secret);
  }
}

void Stranger::cancel_in_a_storm() {
  const std::size_t count = 1 + random_.below(20);
  for (std::size_t i = 0; i < count; ++i) {
    ask_again();
    cancel();
  }
}

// --- Mailboxes and nodes ---

std::optional<crypto::WritableMailbox> Stranger::public_mailbox() {
  return crypto::public_mailbox(any_user().key, nospam, client_.epoch());
}

crypto::WritableMailbox Stranger::own_mailbox() {
  const auto w = crypto::KeyPair::generate(random_);
  return {client_.epoch(),           {crypto::KeyPair::generate(random_).public_key, w.public_key},
          w.secret.clone(),          {},
          crypto::RootKind::friends, {}};
}

Bytes Stranger::nonsense() {
  Bytes envelope = any_bytes(random_, random_.chance(300) ? limits::small_envelope : limits::large_envelope);
  envelope[0] = static_cast<std::uint8_t>(random_.chance(950) ? 1 : random_.below(256));
  return envelope;
}

seconds Stranger::any_ttl() {
  if (twists_("stores for any time")) {
    return seconds(random_.below(days(15) + 0s));
  }
  return limits::times_to_live[random_.below(limits::times_to_live.size())];
}

void Stranger::fill_public_mailbox() {
  const auto mailbox = public_mailbox();
  const auto* const node = client_.any_node();
  const std::size_t count = 1 + random_.below(30);
  for (std::size_t i = 0; mailbox && node != nullptr && i < count; ++i) {
    client_.store(node->id, *mailbox, nonsense(), random_.id<crypto::CancelSecret>(), any_ttl());
  }
}

void Stranger::fill_node() {
  const auto mailbox = own_mailbox();
  const auto* const node = client_.any_node();
  const std::size_t count = 1 + random_.below(30);
  for (std::size_t i = 0; node != nullptr && i < count; ++i) {
    client_.store(node->id, mailbox, nonsense(), random_.id<crypto::CancelSecret>(), any_ttl());
  }
}

/// In a box of their own making, in the mailbox of somebody who told a friend of it.
void Stranger::store_beside_friends() {
  const auto* const node = client_.any_node();
  if (roots_.empty() || node == nullptr) {
    return;
  }
  auto mailbox = crypto::friends_mailbox(one_of(random_, roots_), client_.epoch());
  if (!mailbox) {
    return;
  }
  auto w = crypto::KeyPair::generate(random_);
  mailbox->address.w = w.public_key;
  mailbox->write_secret = std::move(w.secret);
  client_.store(node->id, *mailbox, nonsense(), random_.id<crypto::CancelSecret>(), any_ttl());
}

/// With a tag that is refused; or deletes there.
void Stranger::list_others_mailbox() {
  const auto* const node = client_.any_node();
  auto mailbox = public_mailbox();
  if (!roots_.empty() && random_.chance(500)) {
    mailbox = crypto::friends_mailbox(one_of(random_, roots_), client_.epoch());
  }
  if (!mailbox || node == nullptr) {
    return;
  }
  std::vector<crypto::EnvelopeId> ids;
  if (const auto* const stored = client_.any_stored()) {
    ids.push_back(crypto::envelope_id(stored->mailbox.address, stored->envelope));
  }
  client_.raw().retrieve(node->endpoints.front(), mailbox->address, std::move(ids),
                         random_.chance(500) ? RawRequests::with(mailbox->write_secret.bytes()) : nullptr);
}

void Stranger::raw_store() {
  const auto* const node = client_.any_node();
  const auto mailbox = public_mailbox();
  if (mailbox && node != nullptr) {
    client_.raw().store(node->endpoints.front(), mailbox->address, mailbox->epoch, nonsense(),
                        random_.chance(800) ? RawRequests::with(mailbox->write_secret.bytes()) : nullptr);
  }
}

void Stranger::ask_for_nodes() {
  if (const auto* const node = client_.any_node()) {
    client_.ask_for_nodes(node->id);
  }
}

// --- Packets ---

Endpoint Stranger::any_endpoint() {
  const auto* const node = client_.any_node();
  return node == nullptr || random_.chance(500) ? any_user().endpoint : node->endpoints.front();
}

/// With a header that is right, of any kind and, mostly, of the right size.
Bytes Stranger::any_frame() {
  Bytes frame = any_bytes(random_, random_.chance(800) ? limits::frame : 1 + random_.below(2000));
  frame[0] = static_cast<std::uint8_t>(random_.chance(900) ? 0xa0 + random_.below(4) : random_.below(256));
  if (frame.size() > 1 && random_.chance(900)) {
    frame[1] = protocol::frame_version;
  }
  if (!client_.sent().empty() && temper_.does("junk: begins as a true frame")) {
    const Bytes& known = one_of(random_, client_.sent()).bytes;
    std::copy_n(known.begin(), std::min({frame.size(), known.size(), random_.below(limits::frame)}),
                frame.begin());
  }
  return frame;
}

void Stranger::send_junk() {
  world_.network.inject(client_.endpoint(), any_endpoint(), any_frame());
}

void Stranger::send_as_somebody_else() {
  const Endpoint from = temper_.does("forges a source that does not exist")
                            ? nobody(random_, Namer::forged_source)
                            : any_endpoint();
  const Bytes frame =
      client_.sent().empty() || random_.chance(500) ? any_frame() : one_of(random_, client_.sent()).bytes;
  world_.network.inject(from, any_endpoint(), frame);
}

void Stranger::replay() {
  if (client_.sent().empty()) {
    return;
  }
  auto frame = one_of(random_, client_.sent());
  if (temper_.does("replay: flips a bit")) {
    flip_a_bit(random_, frame.bytes);
  }
  world_.network.inject(client_.endpoint(), random_.chance(700) ? frame.to : any_endpoint(), frame.bytes);
}

}  // namespace toxasync::sim
