// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "hostile_friend.hpp"

// What they do at nodes: docs/protocol.md, sections 6 and 9.

namespace toxasync::sim {

const client::KnownNode* HostileFriend::home_node_of(Victim& victim) {
  const auto* const any = client_.any_node();
  if (victim.heads.empty() || random_.chance(100)) {
    return any;
  }
  const auto& wanted = one_of(random_, victim.heads.back().home_nodes).id;
  const auto found = std::ranges::find(client_.nodes(), wanted, &client::KnownNode::id);
  return found == client_.nodes().end() ? any : &*found;
}

void HostileFriend::store(Victim& victim, const Letter& letter) {
  const std::size_t copies = temper_.does("stores on one node only") ? 1 : victim.heads.empty() ? 1 : 3;
  seconds ttl = limits::times_to_live[random_.below(limits::times_to_live.size())];
  if (twists_("stores for a short time")) {
    ttl = random_.chance(500) ? seconds(3600) : seconds(random_.below(days(2) + 0s));
  }
  for (std::size_t i = 0; i < copies; ++i) {
    if (const auto* const node = home_node_of(victim)) {
      client_.store(node->id, letter.mailbox, letter.live.envelope, letter.secret, ttl);
    }
  }
}

void HostileFriend::store_letters(Victim& victim) {
  for (const Letter& letter : write_letters(victim)) {
    store(victim, letter);
  }
}

void HostileFriend::store_receipt(Victim& victim) {
  const auto kind = random_.chance(700) ? crypto::MessageKind::receipt : crypto::MessageKind::nack;
  for (const Letter& letter : write_letters(victim, kind)) {
    store(victim, letter);
  }
}

void HostileFriend::store_bundle(Victim& victim) {
  for (const Letter& letter : write_letters(victim, crypto::MessageKind::bundle)) {
    store(victim, letter);
  }
}

/// What they stored, or sealed: again, or in the box of another friend.
void HostileFriend::store_earlier(Victim& victim) {
  const auto* const node = home_node_of(victim);
  if (node == nullptr) {
    return;
  }
  if (const auto* const stored = client_.any_stored(); stored != nullptr && random_.chance(500)) {
    client_.store_again(*stored, node->id);
    return;
  }
  if (victim.letters.empty()) {
    return;
  }
  const Letter& letter = one_of(random_, victim.letters);
  const Victim& other = any_victim();
  const bool moves = !other.letters.empty() && temper_.does("moves an envelope to another box");
  const Letter& where = moves ? one_of(random_, other.letters) : letter;
  client_.store(node->id, where.mailbox, letter.live.envelope, letter.secret, days(1));
}

/// With what does not open, or with letters that are there already but for a bit.
void HostileFriend::fill_box(Victim& victim) {
  const auto* const node = home_node_of(victim);
  if (node == nullptr || victim.heads.empty()) {
    return;
  }
  const auto mailbox = crypto::friends_mailbox(victim.heads.back().root, client_.epoch());
  const std::size_t count = 1 + random_.below(30);
  for (std::size_t i = 0; mailbox && i < count; ++i) {
    Bytes envelope =
        any_bytes(random_, random_.chance(300) ? limits::small_envelope : limits::large_envelope);
    envelope[0] = 1;
    if (!victim.letters.empty() && random_.chance(300)) {
      envelope = one_of(random_, victim.letters).live.envelope;
      flip_a_bit(random_, MutableBytes(envelope).subspan(limits::envelope_prefix));
    }
    client_.store(node->id, *mailbox, std::move(envelope), random_.id<crypto::CancelSecret>(), days(1));
  }
}

void HostileFriend::cancel(Victim& victim) {
  const auto* const stored = client_.any_stored();
  if (stored == nullptr) {
    return;
  }
  const auto* const node = home_node_of(victim);
  const auto secret =
      twists_("cancels with a wrong secret") ? random_.id<crypto::CancelSecret>() : stored->secret;
  client_.cancel(*stored, node != nullptr && random_.chance(300) ? node->id : stored->node, secret);
}

void HostileFriend::cancel_and_store(Victim& victim) {
  const auto* const stored = client_.any_stored();
  if (stored == nullptr) {
    return;
  }
  cancel(victim);
  client_.cancel(*stored, stored->node, stored->secret);
  client_.store_again(*stored, stored->node);
}

/// Lists, and deletes ids that they know, in a mailbox that they only write to: nothing of it may succeed.
void HostileFriend::remove_from_box(Victim& victim) {
  const auto* const node = home_node_of(victim);
  if (node == nullptr || victim.letters.empty()) {
    return;
  }
  std::vector<crypto::EnvelopeId> ids;
  for (const Letter& known : victim.letters) {
    ids.push_back(crypto::envelope_id(known.mailbox.address, known.live.envelope));
  }
  const Letter& letter = one_of(random_, victim.letters);
  // Half of the time with the right to write in place of that of the owner.
  client_.raw().retrieve(
      node->endpoints.front(), letter.mailbox.address, std::move(ids),
      random_.chance(500) ? RawRequests::with(letter.mailbox.write_secret.bytes()) : nullptr);
}

/// Where they had their friends send it to.
void HostileFriend::read_mail(Victim& victim) {
  const auto* const node = client_.any_node();
  const auto ahead = random_.below(3);
  const Installation& to = installation(victim);
  const auto epoch = static_cast<crypto::Epoch>(client_.epoch() + ahead - 1);
  const auto mailbox = crypto::FriendsMailbox::derive(to.root, epoch);
  if (node == nullptr || !mailbox) {
    return;
  }
  const auto instance = to.instance;
  const bool deletes = !temper_.does("leaves its mail on the nodes");
  client_.read(node->id, mailbox->box(victim.user->key), deletes, random_.chance(500),
               [this, &victim, instance, epoch](ByteView envelope) {
                 const auto to = std::ranges::find(victim.installations, instance, &Installation::instance);
                 if (!stopped_ && to != victim.installations.end()) {
                   take_message(victim, *to, epoch, envelope);
                 }
               });
}

void HostileFriend::leave_bundle(Victim& victim) {
  const auto* const node = home_node_of(victim);
  const auto epoch = static_cast<crypto::Epoch>((client_.epoch() + 1) / 3 * 3);
  const auto mailbox =
      crypto::pair_mailbox(client_.self().secret, victim.user->key, key(), victim.user->key, epoch);
  if (node == nullptr || !mailbox) {
    return;
  }
  const Bytes text = any_text(victim, crypto::MessageKind::bundle);
  Forgery forgery;
  forgery.recipient = victim.user->key;
  forgery.pre_key = crypto::point_of(victim.user->key);
  forgery.label = crypto::RootKind::pair;
  forgery.header = {{},
                    victim.installations.back().instance,
                    crypto::pre_key_id(forgery.pre_key),
                    random_.id<crypto::MessageId>()};
  forgery.body.kind = twists_("pair mailbox: not a bundle") ? any_kind() : crypto::MessageKind::bundle;
  name_dates(forgery.body);
  const auto parts = limits::parts_needed(text.size());
  for (std::size_t part = 0; part < parts; ++part) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(part * limits::large_text);
    const auto size = std::min(limits::large_text, text.size() - part * limits::large_text);
    forgery.body.part = static_cast<std::uint8_t>(part);
    forgery.body.parts = static_cast<std::uint8_t>(parts + (twists_("pair mailbox: more parts") ? 1 : 0));
    forgery.body.text.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    forgery.secret = random_.id<crypto::CancelSecret>();
    if (auto envelope = forge(forgery, client_.self(), mailbox->mailbox, random_)) {
      client_.store(node->id, mailbox->mailbox, std::move(*envelope), forgery.secret, days(1));
    }
  }
}

/// With any fields, in a session that is good.
void HostileFriend::raw_store(Victim& victim) {
  const auto* const node = home_node_of(victim);
  if (node != nullptr && !victim.letters.empty()) {
    const Letter& letter = one_of(random_, victim.letters);
    client_.raw().store(
        node->endpoints.front(), letter.mailbox.address, letter.live.epoch, letter.live.envelope,
        random_.chance(800) ? RawRequests::with(letter.mailbox.write_secret.bytes()) : nullptr);
  }
}

void HostileFriend::ask_for_nodes(Victim& /*victim*/) {
  if (const auto* const node = client_.any_node()) {
    client_.ask_for_nodes(node->id);
  }
}

}  // namespace toxasync::sim
