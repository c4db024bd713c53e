// SPDX-License-Identifier: GPL-3.0-or-later
#include "thief.hpp"

#include <algorithm>

#include "protocol/bundle.hpp"
#include "tests/support/forged_envelope.hpp"

namespace toxasync::sim {

namespace {

constexpr std::size_t turns_at_once = 10;
constexpr milliseconds idle = 24h;

}  // namespace

Thief::Thief(test::World& world, const test::User& victim, std::uint64_t seed, Tally& tally)
    : world_(world),
      victim_(victim),
      stolen_(crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(victim.secret))),
      temper_(seed, tally),
      random_(temper_.random()),
      client_(world, seed + 1),
      pace_(temper_, tally, world.clock.steady()) {}

const std::vector<Thief::Way>& Thief::ways() {
  using T = Thief;
  static const std::vector<Way> all{
      {"forges a bundle to the user", &T::bundle_to_victim},
      {"forges a bundle from the user", &T::bundle_from_victim},
      {"forges a request to the user", &T::request_to_victim},
      {"forges a request from the user", &T::request_from_victim},
      {"fills a pair mailbox", &T::fill_pair},
      {"reads and deletes in a pair mailbox", &T::read_pair},
      {"reads and deletes in the public mailbox", &T::read_public},
      {"stores what it saw elsewhere", &T::move_seen},
      {"reads mailboxes that it saw", &T::read_seen},
  };
  return all;
}

SteadyTime Thief::next() const {
  return stopped_ ? never : std::min(client_.next(), pace_.next());
}

void Thief::tick() {
  if (stopped_) {
    return;
  }
  client_.tick();
  for (std::size_t i = 0; i < turns_at_once && pace_.next() <= world_.clock.steady(); ++i) {
    if (pace_.is_over()) {
      pace_.wait_until(world_.clock.steady() + idle);
      return;
    }
    twists_.draw();
    (this->*pace_.turn<Way>(ways(), world_.clock.steady()).go)();
  }
}

// --- With the stolen key ---

std::optional<Thief::Route> Thief::route(bool to_victim) {
  if (victim_.friends.empty()) {
    return std::nullopt;
  }
  const auto& other =
      *std::next(victim_.friends.begin(), static_cast<std::ptrdiff_t>(random_.below(victim_.friends.size())));
  Route route{to_victim ? other : victim_.key, to_victim ? victim_.key : other, {}};
  return crypto::x25519(route.shared, stolen_.secret.bytes(), crypto::point_of(other)) ? std::optional(route)
                                                                                       : std::nullopt;
}

std::optional<crypto::OwnedMailbox> Thief::pair_mailbox(const Route& route) {
  auto epoch = static_cast<crypto::Epoch>((client_.epoch() + 1) / 3 * 3);
  if (twists_("pair mailbox: of another epoch")) {
    epoch = static_cast<crypto::Epoch>(client_.epoch() + random_.below(5) - 2);
  }
  const auto& other = route.from == victim_.key ? route.to : route.from;
  return crypto::pair_mailbox(stolen_.secret, other, route.from, route.to, epoch);
}

Forgery Thief::any_forgery(const Route& route) {
  Forgery forgery;
  forgery.recipient = route.to;
  forgery.pre_key = crypto::point_of(route.to);
  forgery.secret = random_.id<crypto::CancelSecret>();
  forgery.header = {{},
                    crypto::Instance{random_.u64()},
                    crypto::pre_key_id(forgery.pre_key),
                    random_.id<crypto::MessageId>()};
  forgery.body.sent_at_ms = since_1970_ms(world_.clock.now().wall);
  forgery.body.lifetime_s = 14 * 86'400;
  if (twists_("forged: any date")) {
    forgery.body.sent_at_ms = any_number(random_);
  }
  return forgery;
}

/// A bundle with keys and nodes of the thief's.
Bytes Thief::any_bundle(const Route& route) {
  protocol::WholeBundle bundle;
  auto& head = bundle.head;
  const auto root = crypto::KeyPair::generate(random_);
  head.version = {crypto::Instance{random_.u64()}, since_1970_ms(world_.clock.now().wall)};
  if (twists_("forged: a bundle that replaces one")) {
    head.replaces = crypto::Instance{any_number(random_)};
  }
  head.root = crypto::friends_root(root, route.to);
  ByteArray<32> shared{};
  if (crypto::x25519(shared, root.secret.bytes(), crypto::point_of(route.to))) {
    head.root_mac = protocol::root_mac(shared, head.root.m, route.from, route.to, head.version);
  }
  head.last_resort = crypto::KeyPair::generate(random_).public_key;
  head.use_until_s = since_1970_s(world_.clock.unix_time() + days(28));
  const std::size_t count = random_.chance(500) ? 0 : random_.below(60);
  for (std::size_t i = 0; i < count; ++i) {
    bundle.keys.push_back(random_.id<crypto::Point>());  // nobody's, but as good as any for the sender
  }
  head.one_time_count = static_cast<std::uint16_t>(count);
  head.keys_hash = protocol::one_time_hash(bundle.keys);
  const auto* const node = client_.any_node();
  head.home_nodes.push_back(node != nullptr
                                ? protocol::HomeNode{node->id, {{node->endpoints.front()}}}
                                : protocol::HomeNode{random_.id<protocol::NodeId>(), {{client_.endpoint()}}});
  head.sign(crypto::SigningKey(random_.array<32>()), route.from, route.to);
  Bytes text(limits::whole_bundle);
  const auto size = wire::encode(bundle, text);
  text.resize(size ? *size : 0);
  return text;
}

void Thief::forge_in_pair(const std::optional<Route>& route) {
  const auto mailbox = route ? pair_mailbox(*route) : std::nullopt;
  if (!mailbox) {
    return;
  }
  auto forgery = any_forgery(*route);
  forgery.label = crypto::RootKind::pair;
  forgery.body.kind = crypto::MessageKind::bundle;
  Bytes text = any_bundle(*route);
  if (twists_("forged: a text in a pair mailbox")) {
    forgery.body.kind = static_cast<crypto::MessageKind>(random_.below(5));
    text = any_bytes(random_, random_.below(limits::small_text));
  }
  if (twists_("forged: sealed as for a friends root")) {
    forgery.label = crypto::RootKind::friends;
  }
  const auto parts = limits::parts_needed(text.size());
  for (std::size_t part = 0; part < parts; ++part) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(part * limits::large_text);
    const auto size = std::min(limits::large_text, text.size() - part * limits::large_text);
    forgery.body.part = static_cast<std::uint8_t>(part);
    forgery.body.parts = static_cast<std::uint8_t>(parts);
    forgery.body.text.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    if (auto envelope = forge(forgery, route->from, route->shared, mailbox->mailbox, random_)) {
      store(mailbox->mailbox, *envelope, forgery.secret);
    }
  }
}

void Thief::forge_request(const std::optional<Route>& route) {
  const auto mailbox = route ? crypto::public_mailbox(route->to, nospam, client_.epoch()) : std::nullopt;
  if (!mailbox) {
    return;
  }
  auto forgery = any_forgery(*route);
  forgery.label = crypto::RootKind::open;
  forgery.header.sender = route->from;
  forgery.header.instance = {};
  forgery.body.kind = crypto::MessageKind::friend_request;
  const auto text = as_bytes("It is me, from another device");
  forgery.body.text.assign(text.begin(), text.end());
  if (auto envelope = forge(forgery, route->from, route->shared, *mailbox, random_)) {
    store(*mailbox, *envelope, forgery.secret);
  }
}

// --- At nodes ---

void Thief::store(const crypto::WritableMailbox& mailbox, const Bytes& envelope,
                  const crypto::CancelSecret& secret) {
  const std::size_t copies = 1 + random_.below(3);
  for (std::size_t i = 0; i < copies; ++i) {
    if (const auto* const node = client_.any_node()) {
      client_.store(node->id, mailbox, envelope, secret,
                    limits::times_to_live[random_.below(limits::times_to_live.size())]);
    }
  }
}

void Thief::fill_pair() {
  const auto between = route(random_.chance(500));
  const auto mailbox = between ? pair_mailbox(*between) : std::nullopt;
  const std::size_t count = 1 + random_.below(30);
  for (std::size_t i = 0; mailbox && i < count; ++i) {
    Bytes envelope = any_bytes(random_, limits::large_envelope);
    envelope[0] = 1;
    store(mailbox->mailbox, envelope, random_.id<crypto::CancelSecret>());
  }
}

void Thief::read_pair() {
  const auto between = route(random_.chance(500));
  const auto mailbox = between ? pair_mailbox(*between) : std::nullopt;
  const auto* const node = client_.any_node();
  if (mailbox && node != nullptr) {
    client_.read(node->id, *mailbox, !temper_.does("reads without deleting"), random_.chance(300),
                 [](ByteView /*envelope*/) {});
  }
}

void Thief::read_public() {
  const auto mailbox = crypto::own_public_mailbox(stolen_, nospam, client_.epoch());
  const auto* const node = client_.any_node();
  if (mailbox && node != nullptr) {
    client_.read(node->id, *mailbox, !temper_.does("reads without deleting"), random_.chance(300),
                 [](ByteView /*envelope*/) {});
  }
}

// --- With what they saw ---

/// In a mailbox that they may write to, or in its own without the right to.
void Thief::move_seen() {
  if (seen_.empty()) {
    return;
  }
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): what is sent is seen, and may take its place
  const Seen seen = one_of(random_, seen_);
  const auto between = route(random_.chance(500));
  const auto mailbox = between ? pair_mailbox(*between) : std::nullopt;
  const auto* const node = client_.any_node();
  if (mailbox && random_.chance(500)) {
    store(mailbox->mailbox, seen.envelope, random_.id<crypto::CancelSecret>());
  } else if (node != nullptr) {
    client_.raw().store(node->endpoints.front(), seen.where, seen.epoch, seen.envelope,
                        RawRequests::with(stolen_.secret.bytes()));
  }
}

/// As their owner: the Tox key is not the key of the mailbox.
void Thief::read_seen() {
  const auto* const node = client_.any_node();
  if (seen_.empty() || node == nullptr) {
    return;
  }
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): as above
  const Seen seen = one_of(random_, seen_);
  client_.raw().retrieve(node->endpoints.front(), seen.where,
                         {crypto::envelope_id(seen.where, seen.envelope)},
                         RawRequests::with(stolen_.secret.bytes()));
}

void Thief::saw(ByteView envelope, const crypto::MailboxAddress& where, crypto::Epoch epoch) {
  if (stopped_ || !limits::is_envelope_size(envelope.size())) {
    return;
  }
  Seen seen{Bytes(envelope.begin(), envelope.end()), where, epoch};
  if (owns(seen) || opens_body(seen)) {
    ++opened_;
  }
  remember(seen_, std::move(seen), 32);
}

/// As if M were the Tox key.
bool Thief::owns(const Seen& seen) {
  if (own_.size() > 100) {
    own_.clear();
  }
  auto& p = own_[seen.epoch];
  if (p == crypto::Point{}) {
    const auto mailbox = crypto::FriendsMailbox::derive(stolen_, seen.epoch);
    p = mailbox ? mailbox->p() : p;
  }
  return p == seen.where.p;
}

/// As if the pre-key were the Tox key, or a point of low order: what a sender must never take.
bool Thief::opens_body(const Seen& seen) {
  test::BodyBox with_tox_key;
  const auto e = id_from<crypto::Point>(ByteView(seen.envelope).subspan(test::BodyBox::e_at));
  if (!crypto::x25519(with_tox_key.er, stolen_.secret.bytes(), e)) {
    return false;
  }
  with_tox_key.ek = with_tox_key.er;
  test::BodyBox with_zero;
  with_zero.er = with_tox_key.er;
  return std::ranges::any_of(victim_.friends, [&](const crypto::FriendKey& from) {
    const auto context = [&](const crypto::Point& pre_key) {
      return test::BodyBox::context(seen.envelope, "toxasync/1 body", from, victim_.key, pre_key, seen.where,
                                    seen.epoch);
    };
    return (crypto::x25519(with_tox_key.sk, stolen_.secret.bytes(), crypto::point_of(from)) &&
            with_tox_key.open(seen.envelope, context(crypto::point_of(victim_.key)))) ||
           with_zero.open(seen.envelope, context({}));
  });
}

}  // namespace toxasync::sim
