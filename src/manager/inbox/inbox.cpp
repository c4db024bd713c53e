// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox.hpp"

#include <algorithm>
#include <memory>

#include "manager/core/utf8.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

namespace {

/// Receipts are not remembered: to read one twice changes nothing.
bool is_remembered(crypto::MessageKind kind) noexcept {
  return kind != crypto::MessageKind::receipt;
}

Counter reason(crypto::EnvelopeError error) noexcept {
  switch (error) {
    case crypto::EnvelopeError::size:
    case crypto::EnvelopeError::version:
      return Counter::refused_envelope_version;
    case crypto::EnvelopeError::body:
    case crypto::EnvelopeError::fields:
      return Counter::refused_envelope_body;
    default:
      return Counter::refused_envelope_header;
  }
}

}  // namespace

Inbox::Inbox(const Services& services, FriendBook& friends, KeyRing& keys, Receipts& receipts,
             InboxListener& listener, MailSource& source)
    : services_(services),
      friends_(friends),
      keys_(keys),
      receipts_(receipts),
      listener_(listener),
      order_({.application = services.listener,
              .state = services.state,
              .clock = services.clock,
              .telemetry = services.telemetry,
              .friends = friends},
             source, *this),
      seen_hash_{services.random.array<16>()} {}

void Inbox::resume() {
  std::set<MessageKey> done;
  for (const auto& [sealing, assembly] : assemblies_) {
    if (find_seen(sealing.message) != nullptr) {
      done.insert(sealing.message);  // it was dropped once, and then came whole
    }
  }
  store::StateBatch batch;
  for (const auto& message : done) {
    drop_assemblies(message, batch);
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
  resumed_ = true;
  for (const auto& message : order_.loaded()) {
    receipts_.hold(message.from, message.id);
  }
  order_.resume();
}

/// Fills the batch up with rows that mean nothing, always the same ones.
void Inbox::pad(store::StateBatch& batch, const std::vector<std::size_t>& sizes) {
  for (std::size_t i = batch.size(); i < rows_per_envelope * sizes.size(); ++i) {
    const auto number = static_cast<std::uint8_t>(i);
    const bool is_text = i % rows_per_envelope == 0;
    batch.push_back({state_key(Table::padding, {ByteView(&number, 1)}),
                     Bytes(is_text ? sizes[i / rows_per_envelope] : sizeof(crypto::MessageId))});
  }
}

void Inbox::receive_cover(const std::vector<std::size_t>& sizes, Received done) {
  store::StateBatch batch;
  pad(batch, sizes);
  services_.state.commit(std::move(batch), [done = std::move(done)](bool durable) { done(durable, {}); });
}

void Inbox::receive_live(const crypto::FriendsMailbox& mailbox, const FriendKey& from, ByteView envelope) {
  auto intake = std::make_shared<Intake>();
  intake->live = true;
  receive_one(mailbox.box(from), envelope, *intake);
  services_.state.commit(std::move(intake->batch), [this, intake](bool durable) { apply(*intake, durable); });
}

std::size_t Inbox::receive(const crypto::FriendsMailbox& mailbox, const std::vector<Written>& envelopes,
                           Received done) {
  auto intake = std::make_shared<Intake>();
  std::vector<std::size_t> sizes;
  for (const auto& [writer, envelope] : envelopes) {
    const auto box = mailbox.box(writer);
    sizes.push_back(envelope.size());
    if (!receive_one(box, envelope, *intake)) {
      intake->left.push_back(crypto::envelope_id(box.mailbox.address, envelope));
    }
  }
  pad(intake->batch, sizes);
  // Also when there is nothing to write: a copy of a message that is still being written must wait for it.
  services_.state.commit(std::move(intake->batch), [this, intake, done = std::move(done)](bool durable) {
    apply(*intake, durable);
    done(durable, std::move(intake->left));
  });
  return intake->taken;
}

bool Inbox::receive_one(const crypto::OwnedMailbox& mailbox, ByteView envelope, Intake& intake) {
  const auto& telemetry = services_.telemetry;
  Friend* const sender = friends_.find(mailbox.mailbox.writer);
  if (sender == nullptr) {
    telemetry.refuse(Counter::refused_sender_unknown);
    return true;
  }
  const auto header = crypto::open_header(mailbox, envelope);
  if (!header) {
    telemetry.refuse(reason(header.error()));
    return true;
  }
  const MessageKey key{header->sender, header->message_id};
  const Seen* const seen = find_seen(key);
  if (seen != nullptr || committing_.contains(key)) {
    telemetry.count(Counter::duplicates_dropped);
    if (seen != nullptr && seen->receipted) {  // the receipt may have been lost
      owe({header->sender, header->instance, header->message_id}, intake);
    }
    spend_copys_key(mailbox, *header, envelope, intake);
    return true;
  }
  const PreKey* const pre_key = keys_.find(header->pre_key);
  if (pre_key == nullptr || spending_.contains(header->pre_key)) {
    telemetry.refuse(Counter::refused_pre_key_unknown);
    return answer_unknown_pre_key(*header, intake);
  }
  if (pre_key->one_time && pre_key->given_to != header->sender) {
    telemetry.refuse(Counter::refused_pre_key_unknown);
    return true;
  }
  auto body = crypto::open_body(mailbox, services_.self, pre_key->pair, *header, envelope);
  if (!body) {
    telemetry.refuse(reason(body.error()));
    return true;
  }
  friends_.heard_of(*sender, header->instance);
  const Now now = services_.clock.now();
  const UnixTimeMs sent_at = unix_time_ms(body->sent_at_ms);
  // From when it lives: a sender's clock that was ahead makes nothing live longer.
  const UnixTimeMs since = services_.clock.checked() ? std::min(sent_at, now.wall) : sent_at;
  InboxMessage message{header->message_id,
                       header->sender,
                       header->instance,
                       body->sequence,
                       body->floor,
                       body->kind,
                       sent_at,
                       since + seconds{body->lifetime_s},
                       {}};
  if (intake.live) {  // they know that it is wanted still
    message.show_until = std::max(message.show_until, now.wall + live_kept);
  }
  if (is_perhaps_over(message)) {
    left_perhaps_over_ = true;
    return false;
  }
  return refuse_expired(message, *header, body->parts, *pre_key, intake) ||
         receive_part(std::move(message), *header, std::move(*body), *pre_key, intake);
}

/// Its life is over by a date that is not certain: it is looked at again when it is.
bool Inbox::is_perhaps_over(const InboxMessage& message) const {
  return crypto::is_ordered(message.kind) && services_.clock.now().wall >= message.show_until &&
         UnixTimeMs{services_.clock.for_good().passed()} < message.show_until;
}

/// Its sender says that it has expired, or will: it must not be shown, nor confirmed.
bool Inbox::refuse_expired(const InboxMessage& message, const crypto::EnvelopeHeader& header,
                           std::uint8_t parts, const PreKey& pre_key, Intake& intake) {
  if (!crypto::is_ordered(message.kind) || services_.clock.now().wall < message.show_until) {
    return false;
  }
  services_.telemetry.refuse(Counter::refused_lifetime);
  if (parts == 1 && ids_.has_room(message.from)) {  // other copies of it are known then, without their key
    remember(message, false, intake);
    if (pre_key.one_time) {
      spend(header.pre_key, intake);
    }
  }
  return true;
}

/// Whoever kept an envelope that was sealed with it must not be able to open it later.
void Inbox::spend(const crypto::PreKeyId& key, Intake& intake) {
  if (spending_.insert(key).second) {
    intake.batch.push_back(KeyRing::erasure(key));
    intake.used.push_back(key);
  }
}

bool Inbox::admits(const FriendKey& from, crypto::MessageKind kind, std::size_t bytes) {
  const bool ids = !is_remembered(kind) || ids_.has_room(from);
  const bool order = !crypto::is_ordered(kind) || order_.has_room(from, bytes);
  const Friend* const sender = friends_.find(from);
  const bool disk =
      kind != crypto::MessageKind::bundle || sender == nullptr || FriendBook::has_room_for_bundle(*sender);
  if (!ids) {
    ids_.refused(from);
  }
  if (!order) {
    order_.refused(from, bytes);
  }
  if (!ids || !order || !disk) {
    services_.telemetry.refuse(Counter::refused_friend_share);
  }
  return ids && order && disk;
}

/// A copy of a message may be sealed with another one-time key than the one that was opened: whoever kept it
/// must not be able to open it later, either.
void Inbox::spend_copys_key(const crypto::OwnedMailbox& mailbox, const crypto::EnvelopeHeader& header,
                            ByteView envelope, Intake& intake) {
  const PreKey* const pre_key = keys_.find(header.pre_key);
  if (pre_key != nullptr && pre_key->one_time && pre_key->given_to == header.sender &&
      !spending_.contains(header.pre_key) &&
      crypto::open_body(mailbox, services_.self, pre_key->pair, header, envelope)) {
    spend(header.pre_key, intake);
  }
}

/// A receipt or nack, in the transaction of the message.
void Inbox::owe(const ReceiptDue& due, Intake& intake) const {
  if (!receipts_.covers(due)) {
    intake.batch.push_back(receipts_.row(due));
    intake.receipts_due.push_back(due);
  }
}

/// The keys of ours that the friend has, or our own, are those of an old copy of a state: the friend is asked
/// to seal again, and given new keys. The friend could ask for it on purpose, so both are limited.
bool Inbox::answer_unknown_pre_key(const crypto::EnvelopeHeader& header, Intake& intake) {
  if (receipts_.is_due(header.sender, header.message_id)) {
    return true;
  }
  if (!receipts_.nack_permitted(header.sender)) {
    return false;
  }
  owe({header.sender, header.instance, header.message_id, crypto::MessageKind::nack}, intake);
  intake.renew.insert(header.sender);
  return true;
}

/// All parts are here: one transaction holds the text, the message id, the receipt and the end of the
/// pre-key.
void Inbox::complete(InboxMessage message, const crypto::PreKeyId& pre_key_id, const PreKey& pre_key,
                     Intake& intake) {
  const bool good = handle_content(message, intake);
  // A refused message uses up its key and is remembered like any other.
  if (is_remembered(message.kind)) {
    remember(message,
             good && (crypto::is_ordered(message.kind) || message.kind == crypto::MessageKind::bundle),
             intake);
  }
  for (const Sealing& sealing : sealings_of({message.from, message.id})) {
    erase_parts(sealing, intake.batch);
    const PreKey* const other = keys_.find(sealing.pre_key);
    if (other != nullptr && other->one_time && other->given_to == message.from) {
      spend(sealing.pre_key, intake);
    }
  }
  if (pre_key.one_time) {
    spend(pre_key_id, intake);
  } else if (crypto::is_ordered(message.kind)) {
    intake.refill.insert(message.from);
  }
  if (good && crypto::is_ordered(message.kind)) {
    order_.reserve(message);
    intake.messages.push_back(std::move(message));
  }
}

bool Inbox::handle_content(const InboxMessage& message, Intake& intake) {
  const auto refuse = [this](Counter reason) {
    services_.telemetry.refuse(reason);
    return false;
  };
  switch (message.kind) {
    case crypto::MessageKind::normal:
    case crypto::MessageKind::action:
      if (message.text.empty() || message.text.size() > limits::message_text || !is_utf8(message.text)) {
        return refuse(Counter::refused_message_text);
      }
      intake.batch.push_back(put_inbox_message(message));
      owe({message.from, message.instance, message.id, crypto::MessageKind::receipt, true}, intake);
      return true;
    case crypto::MessageKind::receipt:
    case crypto::MessageKind::nack:
      if (message.text.size() % limits::id != 0) {
        return refuse(Counter::refused_operation);
      }
      for (std::size_t at = 0; at < message.text.size(); at += limits::id) {
        intake.receipts_for_us.push_back({message.from, message.instance,
                                          id_from<crypto::MessageId>(ByteView(message.text).subspan(at)),
                                          message.kind});
        listener_.on_receipt(intake.receipts_for_us.back(), intake.batch);
      }
      return true;
    case crypto::MessageKind::bundle: {
      // Its own transaction comes before this one: what this one says of it is true when it is durable.
      protocol::WholeBundle bundle;
      Friend* const from = friends_.find(message.from);
      if (from == nullptr || wire::decode(message.text, bundle) != wire::Error::none) {
        return refuse(Counter::refused_bundle);
      }
      if (!friends_.on_whole_bundle(*from, bundle, BundleSource::friends_mailbox)) {
        return false;  // counted
      }
      owe({message.from, message.instance, message.id}, intake);
      return true;
    }
    case crypto::MessageKind::friend_request:
      break;  // the envelope does not open in this root
  }
  return refuse(Counter::refused_operation);
}

/// The transaction's outcome is known: what it wrote takes effect, or nothing does.
void Inbox::apply(Intake& intake, bool durable) {
  for (const auto& [key, seen] : intake.seen) {
    committing_.erase(key);
  }
  for (const auto& id : intake.used) {
    spending_.erase(id);
  }
  if (!durable) {
    for (const auto& [sealing, part] : intake.parts) {
      undo_part(sealing, part);
    }
    for (const auto& receipt : intake.receipts_for_us) {
      listener_.on_receipt_written(receipt, false);
    }
    for (const auto& [key, seen] : intake.seen) {
      ids_.remove(key.first);
    }
    for (const auto& message : intake.messages) {
      order_.release(message);
    }
    return;
  }
  drop_of_removed(intake);
  for (const auto& [key, seen] : intake.seen) {
    seen_.try_emplace(key.first, 0, seen_hash_).first->second[key.second] = seen;
    store::StateBatch ignored;  // the parts' rows are erased already
    drop_assemblies(key, ignored);
  }
  std::set<FriendKey> used_by;
  for (const auto& id : intake.used) {
    if (const PreKey* const key = keys_.find(id)) {
      used_by.insert(key->given_to);
    }
    keys_.drop(id);
  }
  for (const auto& key : used_by) {
    friends_.top_up(key);
  }
  for (const auto& key : intake.refill) {
    friends_.refill(key);
  }
  for (const auto& due : intake.receipts_due) {
    receipts_.add(due, services_.clock.now());
  }
  for (const auto& receipt : intake.receipts_for_us) {
    if (receipt.kind == crypto::MessageKind::receipt) {
      services_.telemetry.count(Counter::receipts_received);
    }
    listener_.on_receipt_written(receipt, true);
  }
  for (const auto& key : intake.renew) {
    if (Friend* const from = friends_.find(key)) {
      friends_.renew_keys(*from);
    }
  }
  order_.add(std::move(intake.messages));
}

}  // namespace toxasync::manager
